"""Which sockmaps take bytes past the network, and whose they are (Documentation/bpf/map_sockmap.rst).

Only a process with CAP_SYS_ADMIN may list the maps and programs of others. For all others, nothing is found.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# include/uapi/linux/bpf.h, enum bpf_map_type
KINDS = {15: "sockmap", 18: "sockhash"}
# enum bpf_prog_type, of programs that put sockets into maps, and of programs that redirect what sockets send or receive
SOCK_OPS, SK_SKB, SK_MSG = 13, 14, 16
# enum bpf_attach_type
CGROUP_SOCK_OPS = 3
# SK_SKB_STREAM_VERDICT, SK_MSG_VERDICT, SK_SKB_VERDICT: a map with one of them may redirect
VERDICTS = (5, 7, 38)
# bytes of struct bpf_map_info and struct bpf_prog_info that are read here, and where the name is in each
MAP_INFO, PROG_INFO, MAP_NAME, PROG_NAME, NAME_BYTES = 40, 80, 24, 64, 16
# in struct bpf_prog_info: the number of maps, and the address of the array for their ids
MAP_COUNT_AT, MAP_IDS_AT = 52, 56
# Sockets of a map that are counted, programs and maps that are looked at, and cgroups: a listing takes milliseconds.
SOCKETS_MAX = 65_536
LISTED_MAX = 4096
CGROUPS_MAX = 4096
MAPS_OF_PROGRAM_MAX = 64
# bytes of the longest key
KEY_BYTES_MAX = 512
CGROUP_ROOTS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Sockmap(NamedTuple):
    """A map of sockets.

    Attributes:
        number: its number in the kernel.
        name: its name.
        kind: "sockmap" or "sockhash".
        sockets: the number of sockets in it.
        redirects: whether a program on it may redirect what its sockets send or receive.
        owners: the processes that have it open, each as name[PID]; empty means that it is pinned.
        fillers: the sockops programs that use it, each with the cgroups that it is attached to.
    """

    number: int
    name: str
    kind: str
    sockets: int
    redirects: bool
    owners: tuple[str, ...]
    fillers: tuple[str, ...]

    def __str__(self) -> str:
        whose = f"of {', '.join(self.owners)}" if self.owners else "pinned"
        filled = f", filled by {', '.join(self.fillers)}" if self.fillers else ""
        sockets = f"{self.sockets} socket{'' if self.sockets == 1 else 's'}"
        return f"{self.kind} {self.name or '(no name)'} (id {self.number}, {whose}{filled}; {sockets} in it)"


def exist() -> bool:
    """Returns whether there is such a map."""
    return any(True for _ in _maps())


def found() -> list[Sockmap]:
    """Returns all such maps."""
    maps = list(_maps())
    if not maps:
        return []
    programs = list(_programs())
    owners = _owners({number for number, _, _ in maps})
    places = _places() if any(program.kind == SOCK_OPS for program in programs) else {}
    return [_described(number, kind, name, programs, owners, places) for number, kind, name in maps]


def words_of(maps: list[Sockmap]) -> str:
    """Returns a sentence about connections that packets cannot show. Empty: no map redirects."""
    redirecting = [one for one in maps if one.redirects]
    if not redirecting:
        return ""
    # Both ends of a connection are in such a map.
    count = sum((one.sockets + 1) // 2 for one in redirecting)
    noun = "connection" if count == 1 else "connections"
    named = "; ".join(map(str, redirecting))
    return f"{count} {noun} may go past the network, where packets do not show them: {named}; --via syscalls does"


class _Program(NamedTuple):
    number: int
    kind: int
    name: str
    maps: tuple[int, ...]


def _described(
    number: int,
    kind: int,
    name: str,
    programs: list[_Program],
    owners: dict[int, list[str]],
    places: dict[int, list[str]],
) -> Sockmap:
    users = [program for program in programs if number in program.maps]
    fillers = [
        f"{program.name or 'a sockops program'} on {', '.join(places.get(program.number, ['no cgroup']))}"
        for program in users
        if program.kind == SOCK_OPS
    ]
    sockets, redirects = _state(number)
    if redirects is None:  # before 5.18 the kernel does not tell
        redirects = any(program.kind in (SK_MSG, SK_SKB) for program in users)
    return Sockmap(number, name, KINDS[kind], sockets, redirects, tuple(owners.get(number, ())), tuple(fillers))


def _maps() -> Iterator[tuple[int, int, str]]:
    """Yields the number, type and name of each map of sockets."""
    _, lib = binding.load()
    for number, info in _each(lib.bpf_map_get_next_id, lib.bpf_map_get_fd_by_id, bytes(MAP_INFO)):
        (kind,) = struct.unpack_from("=I", info)
        if kind in KINDS:
            yield number, kind, _name(info, MAP_NAME)


def _programs() -> Iterator[_Program]:
    """Yields the programs that put sockets into maps or redirect what they send or receive."""
    ffi, lib = binding.load()
    ids = ffi.new("__u32[]", MAPS_OF_PROGRAM_MAX)
    asked = bytearray(PROG_INFO)
    struct.pack_into("=I", asked, MAP_COUNT_AT, MAPS_OF_PROGRAM_MAX)
    struct.pack_into("=Q", asked, MAP_IDS_AT, int(ffi.cast("size_t", ids)))
    for number, info in _each(lib.bpf_prog_get_next_id, lib.bpf_prog_get_fd_by_id, bytes(asked)):
        kind, count = struct.unpack_from("=I48xI", info)
        if kind in (SOCK_OPS, SK_SKB, SK_MSG):
            yield _Program(number, kind, _name(info, PROG_NAME), tuple(ids[0 : min(count, MAPS_OF_PROGRAM_MAX)]))


def _each(following: Callable[..., int], opened: Callable[[int], int], asked: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the number and the information of each map or program, as far as this process may see them."""
    ffi, lib = binding.load()
    number = ffi.new("__u32 *")
    info = ffi.new("char[]", len(asked))
    size = ffi.new("__u32 *")
    for _ in range(LISTED_MAX):
        if following(number[0], number):
            return
        fd = opened(number[0])
        if fd < 0:
            continue
        try:
            ffi.memmove(info, asked, len(asked))
            size[0] = len(asked)
            if not lib.bpf_obj_get_info_by_fd(fd, info, size):
                yield number[0], bytes(ffi.buffer(info))
        finally:
            os.close(fd)


def _state(number: int) -> tuple[int, bool | None]:
    """Returns the number of sockets in a map, and whether it has a verdict program; None: the kernel does not tell."""
    ffi, lib = binding.load()
    fd = lib.bpf_map_get_fd_by_id(number)
    if fd < 0:
        return 0, None
    try:
        key, sockets = ffi.new("char[]", KEY_BYTES_MAX), 0
        at: object = ffi.NULL
        while sockets < SOCKETS_MAX and not lib.bpf_map_get_next_key(fd, at, key):
            at = key
            sockets += 1
        return sockets, _has_verdict(fd)
    finally:
        os.close(fd)


def _has_verdict(fd: int) -> bool | None:
    answers = [_attached(fd, kind) for kind in VERDICTS]
    return None if all(answer is None for answer in answers) else any(answers)


def _attached(fd: int, kind: int) -> list[int] | None:
    """Returns the numbers of the programs that are attached. None: the kernel does not tell."""
    ffi, lib = binding.load()
    ids, count, flags = ffi.new("__u32[]", MAPS_OF_PROGRAM_MAX), ffi.new("__u32 *"), ffi.new("__u32 *")
    count[0] = MAPS_OF_PROGRAM_MAX
    if lib.bpf_prog_query(fd, kind, 0, flags, ids, count):
        return None
    return list(ids[0 : count[0]])


def _places() -> dict[int, list[str]]:
    """Returns the cgroups that each sockops program is attached to."""
    made: dict[int, list[str]] = {}
    root = next((name for name in CGROUP_ROOTS if os.path.exists(f"{name}/cgroup.procs")), None)
    if root is None:
        return made
    for count, (folder, _, _) in enumerate(os.walk(root)):
        if count >= CGROUPS_MAX:
            break
        with suppress(OSError):  # it may be gone
            fd = os.open(folder, os.O_RDONLY)
            try:
                for number in _attached(fd, CGROUP_SOCK_OPS) or ():
                    made.setdefault(number, []).append(folder.removeprefix(root) or "/")
            finally:
                os.close(fd)
    return made


def _owners(numbers: set[int]) -> dict[int, list[str]]:
    """Returns the processes that have each map open."""
    made: dict[int, list[str]] = {}
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it may have ended
            for number in numbers & _open_maps(process):
                with open(f"/proc/{process}/comm") as file:
                    made.setdefault(number, []).append(f"{file.read().strip()}[{process}]")
    return made


def _open_maps(process: str) -> set[int]:
    made = set()
    for fd in os.listdir(f"/proc/{process}/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/{process}/fd/{fd}") != "anon_inode:bpf-map":
                continue
            with open(f"/proc/{process}/fdinfo/{fd}") as file:
                made |= {int(line.split()[1]) for line in file if line.startswith("map_id:")}
    return made


def _name(info: bytes, at: int) -> str:
    return info[at : at + NAME_BYTES].partition(b"\0")[0].decode(errors="replace")
