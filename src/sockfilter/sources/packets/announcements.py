"""The kernel's announcements about interfaces: created, renamed, up, down, deleted (rtnetlink(7))."""

from __future__ import annotations

import os
import socket
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/rtnetlink.h, include/uapi/linux/netlink.h, include/uapi/linux/if_link.h, include/uapi/linux/if.h
RTMGRP_LINK = 1
RTM_NEWLINK, RTM_DELLINK = 16, 17
IFLA_IFNAME = 3
IFF_UP = 0x1
NLMSGHDR = Struct("=IHHII")
IFINFOMSG = Struct("=BxHiII")
RTATTR = Struct("=HH")
# bytes of the longest message; the kernel sends no unsolicited message larger than 8 KiB
MESSAGE_BYTES_MAX = 32 << 10
# messages read in one call; the rest is read in the next call
MESSAGES_MAX = 1000


class Announced(NamedTuple):
    """One announcement. number is the interface's index."""

    number: int
    name: str
    is_up: bool


class Announcements:
    """Receives the announcements of the creating thread's network namespace, from creation on. Needs no privileges.

    If a sandbox refuses the socket, take() always returns None.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        made = None
        try:
            made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
            made.bind((0, RTMGRP_LINK))
            self._socket = made
        except OSError:
            if made is not None:
                made.close()

    def fileno(self) -> int | None:
        """A descriptor that is readable when announcements wait; None if there is no socket."""
        return None if self._socket is None else self._socket.fileno()

    def take(self) -> list[Announced] | None:
        """Returns the announcements since the last call; None if some were lost and the caller must query."""
        if self._socket is None:
            return None
        found: list[Announced] = []
        for _ in range(MESSAGES_MAX):
            try:
                found += _read(self._socket.recv(MESSAGE_BYTES_MAX))
            except BlockingIOError:
                return found
            except OSError:  # ENOBUFS: the socket's buffer was full
                return None
        return found

    def close(self) -> None:
        """Closes the socket. May be called again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _read(data: bytes) -> Iterator[Announced]:
    at = 0
    while at + NLMSGHDR.size <= len(data):
        size, kind, _, _, _ = NLMSGHDR.unpack_from(data, at)
        if size < NLMSGHDR.size or at + size > len(data):
            return
        if kind in (RTM_NEWLINK, RTM_DELLINK) and size >= NLMSGHDR.size + IFINFOMSG.size:
            family, _, index, flags, _ = IFINFOMSG.unpack_from(data, at + NLMSGHDR.size)
            name = _name(data[at + NLMSGHDR.size + IFINFOMSG.size : at + size])
            # a bridge sends its own messages (AF_BRIDGE) about its ports: a port that leaves the bridge still exists
            if name is not None and family == socket.AF_UNSPEC:
                yield Announced(index, name, bool(flags & IFF_UP))
        at += _aligned(size)


def _name(attributes: bytes) -> str | None:
    at = 0
    while at + RTATTR.size <= len(attributes):
        size, kind = RTATTR.unpack_from(attributes, at)
        if size < RTATTR.size:
            return None
        if kind == IFLA_IFNAME:
            return os.fsdecode(attributes[at + RTATTR.size : at + size].rstrip(b"\0"))
        at += _aligned(size)
    return None


def _aligned(size: int) -> int:
    return (size + 3) & ~3
