"""What the kernel announces of interfaces: new ones, new names, up and down, gone (rtnetlink(7))."""

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
# bytes of the longest message; the kernel makes none above a page of 8 KiB unasked
MESSAGE_BYTES_MAX = 32 << 10
# messages that are read at once: more come again
MESSAGES_MAX = 1000


class Announced(NamedTuple):
    """One announcement. number: the interface's index."""

    number: int
    name: str
    is_up: bool


class Announcements:
    """Those of the network namespace of the thread that makes this, from then on. Takes no rights.

    Where a sandbox refuses the socket, some are always missing.
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
        """A descriptor that is readable when there are some; None: there is none."""
        return None if self._socket is None else self._socket.fileno()

    def take(self) -> list[Announced] | None:
        """Those that have come since the last call. None: some may be missing, look for yourself."""
        if self._socket is None:
            return None
        found: list[Announced] = []
        for _ in range(MESSAGES_MAX):
            try:
                found += _read(self._socket.recv(MESSAGE_BYTES_MAX))
            except BlockingIOError:
                return found
            except OSError:  # ENOBUFS: more than it had room for
                return None
        return found

    def close(self) -> None:
        """Closes the socket; again is nothing."""
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
            # of a bridge's family are those of its ports, which stay when they leave it
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
