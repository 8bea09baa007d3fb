"""What /proc says of processes, and which of them have which sockets."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.process import Process
from sockfilter.observers.processes.containers import container_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# bytes of arguments that are kept: as many as the program keeps (bpf/processes.h)
ARGUMENTS_BYTES = 512
# descriptors that are looked at to find whose sockets there are: a large server has some 10 000; each takes 2 us
DESCRIPTORS_MAX = 200_000
SOCKET = "socket:["


class FoundProcess(NamedTuple):
    """A process, and when it began, in ticks since boot."""

    process: Process
    start: int


def start_of(pid: int) -> int | None:
    """When a process began, in ticks since boot; None: there is none of that number."""
    try:
        # the name, in parentheses, may hold anything; the 20th field behind it is the time (proc(5))
        return int(_text(f"/proc/{pid}/stat").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def read(pid: int) -> FoundProcess | None:
    """A process by its number; None: it has gone."""
    try:
        status = dict(line.split(":\t", 1) for line in _text(f"/proc/{pid}/status").splitlines() if ":\t" in line)
        comm = _text(f"/proc/{pid}/comm").removesuffix("\n")
        inner = int(status.get("NSpid", str(pid)).split()[-1])
        container = container_of(groups_of(pid))
        made = Process(
            pid, inner, comm, exe_of(pid), arguments_of(pid), int(status["Uid"].split()[0]), container.id, container.pod
        )
    except (OSError, ValueError, KeyError):
        return None
    # all of it is of the one that has the number now
    start = start_of(pid)
    return None if start is None else FoundProcess(made, start)


def exe_of(pid: int) -> str | None:
    """The file that a process runs; None: it has gone, or is another user's."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    return None


def arguments_of(pid: int) -> tuple[str, ...] | None:
    """The arguments of a process; None: it has gone, or has none."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return split(file.read(ARGUMENTS_BYTES))
    return None


def split(arguments: bytes) -> tuple[str, ...] | None:
    """Arguments as they lie in memory, each with its end, the last perhaps cut. None: there are none."""
    # a process that writes its title there leaves zeros behind it
    parts = arguments.rstrip(b"\0").split(b"\0")
    return tuple(os.fsdecode(part) for part in parts) if parts != [b""] else None


def groups_of(pid: int) -> Iterator[str]:
    """The names of a process's control groups, of all hierarchies, each from the innermost on."""
    with suppress(OSError):
        for line in _text(f"/proc/{pid}/cgroup").splitlines():
            yield from reversed(line.split(":", 2)[2].split("/"))


def holders(inodes: set[str]) -> dict[str, set[int]]:
    """The processes that have sockets, by the sockets' numbers in sockfs; without those that may not be looked at."""
    found: dict[str, set[int]] = {}
    left = DESCRIPTORS_MAX
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it has gone, or is another user's
            for name in os.listdir(f"/proc/{entry}/fd"):
                left -= 1
                if left < 0:
                    return found
                with suppress(OSError):
                    target = os.readlink(f"/proc/{entry}/fd/{name}")
                    if target.startswith(SOCKET) and target[len(SOCKET) : -1] in inodes:
                        found.setdefault(target[len(SOCKET) : -1], set()).add(int(entry))
    return found


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
