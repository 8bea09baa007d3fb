"""Lists the sockets of a network namespace, and the sockets of processes, from /proc."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.connection import V4_MAPPED, Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# include/net/tcp_states.h, as /proc/net/tcp writes them
ESTABLISHED, LISTEN = "01", "0A"


class Socket(NamedTuple):
    """A socket: both ends, its state (ESTABLISHED, LISTEN or another), and its inode number."""

    here: Endpoint
    there: Endpoint
    state: str
    inode: str


def table(kind: str, state: str | None = None, process: int | str = "thread-self") -> Iterator[Socket]:
    """Yields the sockets of a network namespace, IPv4 and IPv6.

    Args:
        kind: "tcp" or "udp".
        state: only sockets in this state: ESTABLISHED, LISTEN or another; None means all.
        process: a process in the namespace; without it, the namespace is this thread's.
    """
    for family in (kind, f"{kind}6"):
        with suppress(OSError), open(f"/proc/{process}/net/{family}") as lines:
            next(lines)
            for line in lines:
                # sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
                fields = line.split()
                if state is not None and fields[3] != state:
                    continue
                yield Socket(_endpoint(fields[1]), _endpoint(fields[2]), fields[3], fields[9])


def of(processes: Iterable[int]) -> Iterator[tuple[int, Endpoint, Endpoint | None]]:
    """Yields the TCP sockets of processes: the number of the network namespace and both ends.

    A listener has None as its peer. The sockets are looked for in this namespace and in those of the processes.
    """
    numbers = list(processes)
    wanted = {inode for number in numbers for inode in inodes(number)}
    for netns, process in _namespaces(numbers).items():
        for found in table("tcp", process=process):
            if found.inode in wanted and found.state in (LISTEN, ESTABLISHED):
                yield netns, found.here, None if found.state == LISTEN else found.there


def _namespaces(processes: Iterable[int]) -> dict[int, int | str]:
    """Returns the network namespaces of this thread and of processes: their numbers, and one process in each."""
    found: dict[int, int | str] = {}
    everywhere: list[int | str] = ["thread-self", *processes]
    for process in everywhere:
        with suppress(OSError):  # the process has ended, or is another user's
            found.setdefault(os.stat(f"/proc/{process}/ns/net").st_ino, process)
    return found


def inodes(process: int) -> Iterator[str]:
    """Yields the inode numbers of the sockets of a process. None: it has ended, or is another user's."""
    folder = f"/proc/{process}/fd"
    with suppress(OSError):  # the process has ended, or is another user's
        for name in os.listdir(folder):
            with suppress(OSError):
                target = os.readlink(f"{folder}/{name}")
                if target.startswith("socket:["):
                    yield target[8:-1]


def _endpoint(text: str) -> Endpoint:
    """Parses an address and port as the kernel prints them: 32-bit words in host byte order, in hexadecimal."""
    address, _, port = text.partition(":")
    words = [int(address[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(address), 8)]
    packed = b"".join(words)
    if len(packed) == 16 and packed.startswith(V4_MAPPED):
        packed = packed[12:]
    return Endpoint(socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed), int(port, 16))
