"""Lists the TCP connections of a network namespace with sock_diag(7), which is ten times as fast as /proc."""

from __future__ import annotations

import os
import socket
from struct import Struct
from typing import TYPE_CHECKING

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
