"""What the kernel says of an interface: its own counters, and its XDP program (rtnetlink(7))."""

from __future__ import annotations

import errno
import os
import socket
import sys
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/rtnetlink.h, include/uapi/linux/netlink.h, include/uapi/linux/if_link.h
RTM_GETLINK = 18
NLM_F_REQUEST = 0x1
NLMSG_ERROR = 2
NLMSGHDR = Struct("=IHHII")
IFINFOMSG = Struct("=BxHiII")
RTATTR = Struct("=HH")
ERROR = Struct("=i")
NLA_TYPE_MASK = 0x3FFF
IFLA_STATS64 = 23
IFLA_XDP = 43
IFLA_XDP_ATTACHED = 2
# the program of one mode, and of each mode where there are several
IFLA_XDP_IDS = {4: None, 5: 1, 6: 2, 7: 3}
XDP_MODES = {1: "native", 2: "generic", 3: "offloaded"}
# bytes of the longest answer; a link with hundreds of attributes has some KiB
ANSWER_BYTES_MAX = 64 << 10
ANSWER_S = 5.0


class DeviceCounts(NamedTuple):
    """The beginning of struct rtnl_link_stats64: what an interface's driver has counted since it was created."""

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int

    def minus(self, before: DeviceCounts) -> DeviceCounts:
        """Returns what was counted since."""
        return DeviceCounts(*(now - then for now, then in zip(self, before, strict=True)))


STATS64 = Struct("=8Q")


class XdpProgram(NamedTuple):
    """An XDP program at an interface: its number, and its mode (native, generic or offloaded)."""

    number: int
    mode: str


class Device(NamedTuple):
    """An interface as rtnetlink describes it."""

    counts: DeviceCounts
    xdp: tuple[XdpProgram, ...]


def describe(ifindex: int) -> Device | None:
    """Describes an interface of this thread's network namespace. None: it has gone. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        return Describing(link).describe(ifindex)


class Describing:
    """Asks over a socket that was opened in the interface's network namespace.

    Args:
        link: a socket of NETLINK_ROUTE, which the caller closes.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        link.settimeout(ANSWER_S)

    def describe(self, ifindex: int) -> Device | None:
        """Describes an interface. None: it has gone. Raises OSError."""
        message = IFINFOMSG.pack(socket.AF_UNSPEC, 0, ifindex, 0, 0)
        self._link.send(NLMSGHDR.pack(NLMSGHDR.size + len(message), RTM_GETLINK, NLM_F_REQUEST, 1, 0) + message)
        answer = self._link.recv(ANSWER_BYTES_MAX)
        _, kind, *_ = NLMSGHDR.unpack_from(answer)
        if kind == NLMSG_ERROR:
            number = -ERROR.unpack_from(answer, NLMSGHDR.size)[0]
            if number == errno.ENODEV:
                return None
            raise OSError(number, os.strerror(number))
        found = dict(_attributes(answer[NLMSGHDR.size + IFINFOMSG.size :]))
        return Device(DeviceCounts(*STATS64.unpack_from(found[IFLA_STATS64])), _xdp(found.get(IFLA_XDP, b"")))


def _attributes(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + RTATTR.size <= len(content):
        size, kind = RTATTR.unpack_from(content, at)
        if size < RTATTR.size:
            return
        yield kind & NLA_TYPE_MASK, content[at + RTATTR.size : at + size]
        at += size + 3 & ~3


def _xdp(content: bytes) -> tuple[XdpProgram, ...]:
    found = dict(_attributes(content))
    attached = found.get(IFLA_XDP_ATTACHED, b"\0")[0]
    numbers = {
        mode or attached: int.from_bytes(found[kind], sys.byteorder)
        for kind, mode in IFLA_XDP_IDS.items()
        if kind in found
    }
    return tuple(XdpProgram(number, XDP_MODES[mode]) for mode, number in numbers.items() if mode in XDP_MODES)
