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


def table(kind: str, state: str | None = None) -> Iterator[Socket]:
    """Yields the sockets of this thread's network namespace, IPv4 and IPv6.

    Args:
        kind: "tcp" or "udp".
        state: only sockets in this state: ESTABLISHED, LISTEN or another; None means all.
    """
    for family in (kind, f"{kind}6"):
        with suppress(OSError), open(f"/proc/thread-self/net/{family}") as lines:
            next(lines)
            for line in lines:
                # sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
                fields = line.split()
                if state is not None and fields[3] != state:
                    continue
                yield Socket(_endpoint(fields[1]), _endpoint(fields[2]), fields[3], fields[9])


def of(processes: Iterable[int]) -> Iterator[tuple[Endpoint, Endpoint | None]]:
    """Yields both ends of each TCP socket of processes in this network namespace; a listener has None as its peer."""
    wanted = {inode for number in processes for inode in inodes(number)}
    for found in table("tcp"):
        if found.inode not in wanted:
            continue
        if found.state == LISTEN:
            yield found.here, None
        elif found.state == ESTABLISHED:
            yield found.here, found.there


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
