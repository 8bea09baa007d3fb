"""TCP sockets as inet_diag shows them: all of a network namespace, or each one when it ends. Needs no privileges."""

from __future__ import annotations

import os
import socket
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import SockfilterError, refused
from sockfilter.model.tcp_figures import TcpFigures
from sockfilter.model.tcp_state import TcpState
from sockfilter.system.sock_diag import (
    ANSWER_S,
    ERROR,
    NETLINK_SOCK_DIAG,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSGHDR,
    SOCK_DIAG_BY_FAMILY,
    endpoint,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.model import Endpoint

# include/uapi/linux/inet_diag.h: family, protocol, extensions, states; a socket's ends follow, unused in a dump
INET_DIAG_REQ_V2 = Struct("=BBBxI48x")
# struct inet_diag_msg: family, state, timer, retransmissions, ports, addresses, interface, cookie; expires, bytes in
# both queues, user, inode
INET_DIAG_MSG = Struct("=BBBB2s2s16s16sIQIIIII")
RTATTR = Struct("=HH")
INET_DIAG_INFO, INET_DIAG_SKMEMINFO = 2, 7
EXTENSIONS = 1 << INET_DIAG_INFO - 1 | 1 << INET_DIAG_SKMEMINFO - 1
# the ninth number of INET_DIAG_SKMEMINFO: packets that the socket dropped
DROPS = Struct("=32xI")
# enum sknetlink_groups: TCP sockets that end, of IPv4 and IPv6; groups count from 1
DESTROY_GROUPS = 1 << 0 | 1 << 2
PIECE_BYTES = 1 << 16
# bytes of ended sockets that wait to be read: each takes 0.5 to 1 KB, so that some thousands have room
WAITING_BYTES = 4 << 20
SO_RCVBUFFORCE = 33
# sockets that one dump returns: as many connections take about 100 MB here, and a second to read
SOCKETS_MAX = 200_000
# states before a connection is open, in which TCP counts the time since it last sent from the start of the machine
UNOPENED = {TcpState.SYN_SENT, TcpState.SYN_RECV}


class TcpSocket(NamedTuple):
    """A TCP socket.

    Attributes:
        here, there: its ends; IPv4 addresses of dual-stack sockets as IPv4. A listener's other end has port 0.
        state: its state.
        inode: its number; 0 if no process holds it.
        uid: the user who made it.
        receive_queue: bytes not read yet; of a listener, connections that wait to be accepted.
        send_queue: bytes not acknowledged yet; of a listener, how many connections may wait.
        cookie: identifies it in its whole life.
        figures: what TCP knows. None: nothing.
        dropped: packets that it dropped.
    """

    here: Endpoint
    there: Endpoint
    state: TcpState
    inode: int
    uid: int
    receive_queue: int
    send_queue: int
    cookie: int
    figures: TcpFigures | None
    dropped: int


class Sockets(Closing):
    """Lists the TCP sockets of the network namespace that this thread was in at construction.

    Raises KernelUnsupported if the kernel has no inet_diag, or a sandbox refuses it.
    """

    def __init__(self) -> None:
        try:
            self._link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        except OSError as error:
            raise _unsupported(error) from error
        self._link.settimeout(ANSWER_S)

    def close(self) -> None:
        """Closes the socket."""
        self._link.close()

    def list(self, states: Iterable[TcpState]) -> Iterator[TcpSocket]:
        """Yields the sockets in these states, at most SOCKETS_MAX. Raises KernelUnsupported."""
        bits, left = sum(1 << state for state in set(states)), SOCKETS_MAX
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                for found in _dump(self._link, family, bits):
                    if left > 0:  # what is left over is read, so that the next answer begins the next call
                        yield found
                    left -= 1
        except OSError as error:
            raise _unsupported(error) from error


class EndedSockets(Closing):
    """TCP sockets of this thread's network namespace as they end, from construction on.

    Attributes:
        lost: how often the kernel had no room for some of them.

    Raises KernelUnsupported.
    """

    def __init__(self) -> None:
        self.lost = 0
        try:
            self._link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_SOCK_DIAG)
            try:
                self._link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, WAITING_BYTES)
            except PermissionError:
                self._link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_BYTES)
            self._link.bind((0, DESTROY_GROUPS))
        except OSError as error:
            raise _unsupported(error) from error

    def close(self) -> None:
        """Stops listening."""
        self._link.close()

    def fileno(self) -> int:
        """Returns a descriptor that is readable when a socket has ended."""
        return self._link.fileno()

    def read(self) -> Iterator[TcpSocket]:
        """Yields the sockets that have ended since the last call."""
        while True:
            try:
                piece = self._link.recv(PIECE_BYTES)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS
                self.lost += 1
                continue
            for kind, at, end in _messages(piece):
                if kind == SOCK_DIAG_BY_FAMILY:
                    yield _read(piece, at, end)


def _unsupported(error: OSError) -> SockfilterError:
    remedy = "it requires inet_diag: modprobe tcp_diag"
    return refused("listing the TCP sockets", error.errno, error.strerror or str(error), remedy)


def _dump(link: socket.socket, family: int, states: int) -> Iterator[TcpSocket]:
    request = INET_DIAG_REQ_V2.pack(family, socket.IPPROTO_TCP, EXTENSIONS, states)
    size = NLMSGHDR.size + len(request)
    link.send(NLMSGHDR.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, family, 0) + request)
    while True:
        piece = link.recv(PIECE_BYTES)
        for kind, at, end in _messages(piece):
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                code = -ERROR.unpack_from(piece, at)[0]
                raise OSError(code, os.strerror(code))
            if kind == SOCK_DIAG_BY_FAMILY:
                yield _read(piece, at, end)


def _messages(piece: bytes) -> Iterator[tuple[int, int, int]]:
    """Yields the kind of each message, and where its content begins and ends."""
    at = 0
    while at + NLMSGHDR.size <= len(piece):
        size, kind, *_ = NLMSGHDR.unpack_from(piece, at)
        yield kind, at + NLMSGHDR.size, min(at + size, len(piece))
        at += max(size + 3 & ~3, NLMSGHDR.size)


def _read(piece: bytes, at: int, end: int) -> TcpSocket:
    message = INET_DIAG_MSG.unpack_from(piece, at)
    family, state, _, _, here_port, there_port, here, there, _, cookie, _, receive, send, uid, inode = message
    at += INET_DIAG_MSG.size
    figures, dropped = None, 0
    while at + RTATTR.size <= end:
        size, kind = RTATTR.unpack_from(piece, at)
        if size < RTATTR.size:
            break
        content = piece[at + RTATTR.size : at + size]
        if kind == INET_DIAG_INFO:
            figures = _figures(content)
            if state in UNOPENED:
                figures = figures._replace(idle_ms=None)
        elif kind == INET_DIAG_SKMEMINFO and len(content) >= DROPS.size:
            (dropped,) = DROPS.unpack_from(content)
        at += size + 3 & ~3
    ends = (endpoint(family, here, here_port), endpoint(family, there, there_port))
    return TcpSocket(*ends, TcpState(state), inode, uid, receive, send, cookie, figures, dropped)


# offsets in struct tcp_info of include/uapi/linux/tcp.h; what a kernel does not have is 0
U32, U64 = Struct("=I"), Struct("=Q")
LAST_SENT, LAST_RECEIVED, RTT, CWND, TOTAL_RETRANS, MIN_RTT = 44, 52, 68, 80, 100, 148
BYTES_ACKED, BYTES_RECEIVED, BYTES_SENT, BYTES_RETRANS = 120, 128, 200, 208
# what rtt_min has before it is measured
NOT_MEASURED = 0xFFFFFFFF


def _figures(info: bytes) -> TcpFigures:
    def u32(at: int) -> int:
        return int(U32.unpack_from(info, at)[0]) if at + 4 <= len(info) else 0

    def u64(at: int) -> int | None:
        return int(U64.unpack_from(info, at)[0]) if at + 8 <= len(info) else None

    least = u32(MIN_RTT)
    return TcpFigures(
        rtt_us=u32(RTT) or None,
        rtt_min_us=least if 0 < least < NOT_MEASURED else None,
        retransmitted=u32(TOTAL_RETRANS),
        retransmitted_bytes=u64(BYTES_RETRANS),
        bytes_sent=u64(BYTES_SENT),
        bytes_acked=u64(BYTES_ACKED),
        bytes_received=u64(BYTES_RECEIVED),
        cwnd=u32(CWND) or None,
        idle_ms=min(u32(LAST_SENT), u32(LAST_RECEIVED)),
    )
