"""Lists the TCP connections of a network namespace with sock_diag(7), which is ten times as fast as /proc."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model import Endpoint
from sockfilter.model.connection import V4_MAPPED
from sockfilter.system import sockets

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/netlink.h, include/uapi/linux/sock_diag.h
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSGHDR = Struct("=IHHII")
ERROR = Struct("=i")
# include/uapi/linux/inet_diag.h: family, protocol, states; a socket's ends follow, unused in a dump
INET_DIAG_REQ_V2 = Struct("=BBxxI48x")
# family, ports, addresses, inode; ports and addresses are in network byte order
INET_DIAG_MSG = Struct("=Bxxx2s2s16s16s28xI")
# the same request for one socket: what is wanted, states, ports, addresses, and any interface and cookie
INET_DIAG_ONE = Struct("=BBBxI4s32s12s")
WITH_INFO, ANY_STATE = 1 << 1, 0xFFFFFFFF
NO_COOKIE = bytes(4) + b"\xff" * 8
# an attribute's length and type; struct tcp_info of include/uapi/linux/tcp.h: busy time, and limited by the window
RTATTR = Struct("=HH")
INET_DIAG_INFO = 2
SENDING, SENDING_AT = Struct("=QQ"), 168
# include/net/tcp_states.h, as a bit set
ESTABLISHED = 1 << 1
# bytes read at once; the kernel sends its answer in pieces of at most 32 KiB
PIECE_BYTES = 1 << 16
# seconds to wait for each piece; normally it is there before the request returns
ANSWER_S = 1.0


def established() -> list[sockets.Socket]:
    """Returns the established connections of this thread's network namespace. Needs no privileges."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as link:
            link.settimeout(ANSWER_S)
            return [found for family in (socket.AF_INET, socket.AF_INET6) for found in _dump(link, family)]
    except OSError:  # the kernel lacks CONFIG_INET_DIAG, or a sandbox refuses
        return list(sockets.table("tcp", sockets.ESTABLISHED))


class Sending(NamedTuple):
    """For how long a socket's sender was stopped, and had something to send, in seconds since the connection began."""

    window_limited: float
    busy: float


class Asking:
    """Asks about single connections of the network namespace that this thread is in now."""

    def __init__(self) -> None:
        self._link: socket.socket | None = None
        with suppress(OSError):  # the kernel lacks CONFIG_INET_DIAG, or a sandbox refuses
            self._link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
            self._link.settimeout(ANSWER_S)

    def close(self) -> None:
        """Closes the socket."""
        if self._link is not None:
            self._link.close()
        self._link = None

    def sending(self, here: Endpoint, there: Endpoint) -> Sending | None:
        """Returns what the end of a connection says of its sending; None: there is no such end. Takes 30 us."""
        if self._link is None:
            return None
        # a server of both families has IPv4 connections on a socket of IPv6
        families = (socket.AF_INET6,) if ":" in here.ip else (socket.AF_INET, socket.AF_INET6)
        for family in families:
            try:
                piece = self._ask(self._link, family, here, there)
            except OSError:
                return None
            if piece:
                return _sending(piece)
        return None

    def _ask(self, link: socket.socket, family: int, here: Endpoint, there: Endpoint) -> bytes:
        ports = here.port.to_bytes(2, "big") + there.port.to_bytes(2, "big")
        ends = b"".join(_packed(family, end.ip).ljust(16, b"\0") for end in (here, there))
        request = INET_DIAG_ONE.pack(family, socket.IPPROTO_TCP, WITH_INFO, ANY_STATE, ports, ends, NO_COOKIE)
        link.send(NLMSGHDR.pack(NLMSGHDR.size + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, family, 0) + request)
        piece = link.recv(PIECE_BYTES)
        return piece if NLMSGHDR.unpack_from(piece)[1] == SOCK_DIAG_BY_FAMILY else b""


def _sending(piece: bytes) -> Sending | None:
    at = NLMSGHDR.size + INET_DIAG_MSG.size
    while at + RTATTR.size <= len(piece):
        size, kind = RTATTR.unpack_from(piece, at)
        if kind == INET_DIAG_INFO and size >= RTATTR.size + SENDING_AT + SENDING.size:
            busy_us, window_us = SENDING.unpack_from(piece, at + RTATTR.size + SENDING_AT)
            return Sending(window_us / 1e6, busy_us / 1e6)
        at += max(size + 3 & ~3, RTATTR.size)
    return None


def _packed(family: int, ip: str) -> bytes:
    if family == socket.AF_INET:
        return socket.inet_pton(family, ip)
    return socket.inet_pton(family, ip if ":" in ip else f"::ffff:{ip}")


def _dump(link: socket.socket, family: int) -> Iterator[sockets.Socket]:
    request = INET_DIAG_REQ_V2.pack(family, socket.IPPROTO_TCP, ESTABLISHED)
    size = NLMSGHDR.size + len(request)
    link.send(NLMSGHDR.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, family, 0) + request)
    while True:
        piece = link.recv(PIECE_BYTES)
        at = 0
        while at + NLMSGHDR.size <= len(piece):
            size, kind, _, number, _ = NLMSGHDR.unpack_from(piece, at)
            content = at + NLMSGHDR.size
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                code = -ERROR.unpack_from(piece, content)[0]
                raise OSError(code, os.strerror(code))
            if kind == SOCK_DIAG_BY_FAMILY and number == family:
                yield _read(piece, content)
            at += max(size + 3 & ~3, NLMSGHDR.size)


def _read(piece: bytes, at: int) -> sockets.Socket:
    family, here_port, there_port, here, there, inode = INET_DIAG_MSG.unpack_from(piece, at)
    ends = (endpoint(family, here, here_port), endpoint(family, there, there_port))
    return sockets.Socket(*ends, sockets.ESTABLISHED, str(inode))


def endpoint(family: int, address: bytes, port: bytes) -> Endpoint:
    """Returns an end of a socket. Address and port are in network byte order; IPv4 addresses may be in IPv6's form."""
    if family == socket.AF_INET:
        packed = address[:4]
    else:
        packed = address[12:] if address.startswith(V4_MAPPED) else address
    ip = socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed)
    return Endpoint(ip, int.from_bytes(port, "big"))
