"""What of BPF is in the kernel, asked of bpf(2) and /proc; and which helpers an object calls."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
from pathlib import Path
from struct import iter_unpack, pack
from typing import TYPE_CHECKING, NamedTuple

from tests.support.btf import section

if TYPE_CHECKING:
    from collections.abc import Iterator

# asm/unistd.h; include/uapi/linux/bpf.h, enum bpf_cmd
SYS_BPF = {"x86_64": 321}.get(platform.machine(), 280)
NEXT_ID = {"prog": 11, "map": 12}
MAP_DELETE_ELEM, MAP_GET_NEXT_KEY = 3, 4
MAP_TYPE_LRU_HASH = 9
# a call of a helper, not of a function of the object: BPF_JMP | BPF_CALL, with 0 where the source register is
CALL = 0x85

# more than the longest key of a map here
KEY_BYTES_MAX = 256

_libc = ctypes.CDLL(None, use_errno=True)


class Held(NamedTuple):
    """A program or map by its number, which the kernel does not give again for a long time."""

    kind: str
    number: int


def in_kernel() -> set[Held]:
    """Every program and map there is, whoever has it."""
    return {Held(kind, number) for kind in NEXT_ID for number in _numbers(kind)}


def _numbers(kind: str) -> Iterator[int]:
    attributes = ctypes.create_string_buffer(pack("=III116x", 0, 0, 0))
    while _libc.syscall(SYS_BPF, NEXT_ID[kind], attributes, len(attributes.raw)) == 0:
        number = int.from_bytes(attributes.raw[4:8], "little")
        yield number
        attributes = ctypes.create_string_buffer(pack("=III116x", number, 0, 0))
    if ctypes.get_errno() != errno.ENOENT:
        raise OSError(ctypes.get_errno(), "bpf")


def held_by(pid: int) -> set[Held]:
    """What a process holds by descriptors."""
    found = set()
    for entry in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError):  # the one that the listing itself was read by
            for line in Path(f"/proc/{pid}/fdinfo/{entry}").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in ("prog_id", "map_id"):
                    found.add(Held(name.removesuffix("_id"), int(value)))
    return found


def empty_lru_tables(others: set[str]) -> int:
    """Removes every entry of this process's LRU tables, as the kernel does with the oldest. Returns how many.

    Args:
        others: descriptors that were there before, of captures that are somebody else's.
    """
    count = 0
    for fd in map(int, descriptors() - others):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines())
        if int(fields.get("map_type", 0)) != MAP_TYPE_LRU_HASH:
            continue
        key = ctypes.create_string_buffer(int(fields["key_size"]))
        while _element(MAP_GET_NEXT_KEY, fd, None, key) == 0:
            assert _element(MAP_DELETE_ELEM, fd, key, None) == 0
            count += 1
    return count


def _element(command: int, fd: int, key: ctypes.Array[ctypes.c_char] | None, next_key: object) -> int:
    addresses = [0 if buffer is None else ctypes.addressof(buffer) for buffer in (key, next_key)]
    attributes = ctypes.create_string_buffer(pack("=I4xQQ104x", fd, *addresses))
    return int(_libc.syscall(SYS_BPF, command, attributes, len(attributes.raw)))


def entries(fd: int) -> int:
    """How many entries a map has."""
    key, following = None, ctypes.create_string_buffer(KEY_BYTES_MAX)
    count = 0
    while _element(MAP_GET_NEXT_KEY, fd, key, following) == 0:
        key = ctypes.create_string_buffer(following.raw, KEY_BYTES_MAX)
        count += 1
    return count


def packet_sockets() -> list[dict[str, str]]:
    """The packet sockets of this thread's network namespace, by the columns of /proc/net/packet."""
    names, *rows = Path("/proc/thread-self/net/packet").read_text().splitlines()
    return [dict(zip(names.split(), row.split(), strict=True)) for row in rows]


def descriptors() -> set[str]:
    """This process's own, but for the one that looks."""
    return {fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}


def helpers(path: Path | str, program: str) -> set[int]:
    """Numbers of the kernel's helpers that a program calls (enum bpf_func_id)."""
    code = iter_unpack("<BBhi", section(Path(path).read_bytes(), program))
    return {value for opcode, registers, _, value in code if opcode == CALL and not registers >> 4}
