"""Reads processes, and the sockets that they hold, from /proc."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.process import Process
from sockfilter.observers.processes.containers import container_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# bytes of arguments that are kept, as in the BPF program (bpf/processes.h)
ARGUMENTS_BYTES = 512
# descriptors that one search for sockets reads: a large server has some 10 000; each takes 2 us
DESCRIPTORS_MAX = 200_000
SOCKET = "socket:["


class FoundProcess(NamedTuple):
    """A process, and its start time in ticks since boot."""

    process: Process
    start: int


def start_of(pid: int) -> int | None:
    """Returns a process's start time in ticks since boot; None if there is no such process."""
    try:
        # the name, in parentheses, may contain any character; the 20th field after it is the start time (proc(5))
        return int(_text(f"/proc/{pid}/stat").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def read(pid: int) -> FoundProcess | None:
    """Returns a process by its PID; None if it has ended."""
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
    # the start time identifies the process that has this PID now
    start = start_of(pid)
    return None if start is None else FoundProcess(made, start)


def exe_of(pid: int) -> str | None:
    """Returns the path of a process's executable; None if the process has ended or is another user's."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    return None


def arguments_of(pid: int) -> tuple[str, ...] | None:
    """Returns a process's arguments; None if it has ended or has no arguments."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return split(file.read(ARGUMENTS_BYTES))
    return None


def split(arguments: bytes) -> tuple[str, ...] | None:
    """Splits NUL-terminated arguments, of which the last may be cut. Returns None if there are none."""
    # a process that overwrites its arguments with a title pads them with zeros
    parts = arguments.rstrip(b"\0").split(b"\0")
    return tuple(os.fsdecode(part) for part in parts) if parts != [b""] else None


def groups_of(pid: int) -> Iterator[str]:
    """Yields the names of a process's control groups, for each hierarchy from the innermost group outwards."""
    with suppress(OSError):
        for line in _text(f"/proc/{pid}/cgroup").splitlines():
            yield from reversed(line.split(":", 2)[2].split("/"))


def holders(inodes: set[str]) -> dict[str, set[int]]:
    """Returns the processes that hold sockets, by socket inode. It skips processes that it may not read."""
    found: dict[str, set[int]] = {}
    left = DESCRIPTORS_MAX
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # the process has ended, or is another user's
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
