"""One end of a connection as its socket shows it, from the first event to the last."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sockfilter.model.tcp_connection import ICMP, How, TcpEnding, TcpPeer
from sockfilter.model.tcp_state import TcpState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Endpoint, Process
    from sockfilter.model.tcp_figures import TcpFigures

CLIENT, SERVER, BOTH = "client", "server", "both"
# states in which this end has received a FIN
AFTER_FIN = frozenset({TcpState.CLOSE_WAIT, TcpState.LAST_ACK, TcpState.CLOSING})
UNREACHABLE = {
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM),
    *(errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.ENONET),
}


class TcpHalf:
    """One end of a connection. Times are in nanoseconds of CLOCK_MONOTONIC.

    Args:
        socket: identifies the socket while it lives.
        here, there: this end and the other.
        netns: the inode number of its network namespace.
        number: of the connection.

    Attributes:
        role: CLIENT, SERVER, or empty if it is not known.
        process: who connected or received. closer: who closed, which is the same in most cases.
        begun_ns: when it was first seen; None: it was open at the start.
        established_ns: when it was established. ended_ns: when it closed.
        state, since_ns: its state, and since when. None: not known.
        first_seq, peer_seq: the sequence numbers after both SYNs; None: not known.
        reset_sent, reset_received: the kernel's reason for a reset; None: there was none.
        error: the number of the socket's error at its end.
        partner: the other end, if its socket is on this machine. expects: it is, and has not been seen yet.
        dropped: returns why and where its SYN was dropped; None: it was not, as far as was seen.
        is_told: its connection has been told of.
        cgroup: the number of the process's control group; 0: not known.
    """

    __slots__ = (
        *("begun_ns", "cgroup", "closed_ns", "closer", "drops", "dropped", "ended_ns", "error", "established_ns"),
        *("expects", "figures", "is_told"),
        *("first_seq", "got_fin", "here", "netns", "number", "partner", "peer_closed_ns", "peer_seq", "process"),
        *("queued_ns", "reset_received", "reset_sent", "role", "since_ns", "socket", "state", "there"),
    )

    def __init__(self, socket: int, here: Endpoint, there: Endpoint, netns: int, number: int) -> None:
        self.socket, self.here, self.there, self.netns, self.number = socket, here, there, netns, number
        self.role = ""
        self.process: Process | None = None
        self.closer: Process | None = None
        self.begun_ns: int | None = None
        self.established_ns: int | None = None
        self.closed_ns: int | None = None
        self.peer_closed_ns: int | None = None
        self.ended_ns: int | None = None
        self.state: TcpState | None = None
        self.since_ns: int | None = None
        self.figures: TcpFigures | None = None
        self.first_seq: int | None = None
        self.peer_seq: int | None = None
        self.got_fin = False
        self.reset_sent: str | None = None
        self.reset_received: str | None = None
        self.error = 0
        self.queued_ns: int | None = None
        self.drops = 0
        self.dropped: Callable[[], str] | None = None
        self.partner: TcpHalf | None = None
        self.expects = False
        self.is_told = False
        self.cgroup = 0

    def move(self, time_ns: int, before: TcpState, state: TcpState) -> None:
        """Notes a change of state."""
        if state is TcpState.ESTABLISHED:
            self.established_ns = time_ns
        elif state is TcpState.FIN_WAIT1 or (state is TcpState.LAST_ACK and self.closed_ns is None):
            self.closed_ns = time_ns
        if state in AFTER_FIN or before in AFTER_FIN:
            self.got_fin = True
            if self.peer_closed_ns is None:
                self.peer_closed_ns = time_ns
        if state is TcpState.CLOSE:
            self.ended_ns = time_ns
            self.state = before  # the last one that says something
        else:
            self.state = state
        self.since_ns = time_ns

    @property
    def connect_ns(self) -> int | None:
        """From the SYN until it was established, if it is the client's end."""
        if self.role != CLIENT or self.begun_ns is None or self.established_ns is None:
            return None
        return self.established_ns - self.begun_ns

    @property
    def received(self) -> int | None:
        """Payload bytes that it received."""
        if self.figures is None or self.figures.bytes_received is None:
            return None
        return max(0, self.figures.bytes_received - self.got_fin)

    def peer(self) -> TcpPeer:
        """Returns this end for the user."""
        sent = None if self.figures is None else self.figures.payload_sent
        who = self.process or self.closer
        return TcpPeer(self.here, who, sent, self.figures, self.state, self.netns, self.queued_ns, self.cgroup)

    def other_peer(self) -> TcpPeer:
        """Returns the other end for the user, if it has no socket here."""
        return TcpPeer(self.there, None, self.received)


def ending(client: TcpHalf | None, server: TcpHalf | None) -> TcpEnding:
    """Returns how a connection ended, by its ends as far as they are on this machine."""
    halves = [half for half in (client, server) if half is not None]
    if client is not None and client.established_ns is None and client.begun_ns is not None:
        return _failure(client)
    for half in halves:
        if half.reset_sent is not None or half.reset_received is not None or _was_reset(half):
            return _reset(client, server)
    for half in halves:
        if half.error == errno.ETIMEDOUT:
            return TcpEnding(How.TIMED_OUT, _other(half, client))
    by = _closed_by(client, server)
    if by is not None:
        return TcpEnding(How.CLOSED, by)
    error = next((half.error for half in halves if half.error), 0)
    return TcpEnding(How.NOT_KNOWN, None, errno.errorcode.get(error) if error else None)


def _failure(client: TcpHalf) -> TcpEnding:
    """How a connection failed that was never open."""
    syns = 0 if client.figures is None else 1 + (client.figures.retransmitted or 0)
    if client.error == errno.ECONNREFUSED and client.reset_received is not None:
        return TcpEnding(How.REFUSED, SERVER, client.reset_received, syns)
    dropped = None if client.dropped is None else client.dropped()
    if client.error == errno.ECONNREFUSED:  # by the server, or by a router
        return TcpEnding(How.REFUSED, None, ICMP, syns, dropped)
    if client.error == errno.ETIMEDOUT:
        return TcpEnding(How.NO_ANSWER, None, None, syns, dropped)
    if client.error in UNREACHABLE:
        return TcpEnding(How.UNREACHABLE, None, errno.errorcode[client.error], syns, dropped)
    if client.error:
        return TcpEnding(How.NOT_KNOWN, None, errno.errorcode.get(client.error), syns, dropped)
    return TcpEnding(How.GIVEN_UP, CLIENT, None, syns, dropped)


def _was_reset(half: TcpHalf) -> bool:
    return half.error in (errno.ECONNRESET, errno.EPIPE)


def _reset(client: TcpHalf | None, server: TcpHalf | None) -> TcpEnding:
    """Who reset a connection: the end that sent a reset, or else the other end of the one that received it."""
    for half in (client, server):
        if half is not None and half.reset_sent is not None:
            return TcpEnding(How.RESET, _name(half, client), half.reset_sent or None)
    for half in (client, server):
        if half is not None and (half.reset_received is not None or _was_reset(half)):
            return TcpEnding(How.RESET, _other(half, client))
    return TcpEnding(How.RESET)


def _closed_by(client: TcpHalf | None, server: TcpHalf | None) -> str | None:
    """Who sent the first FIN. None: nobody."""
    for half in (client, server):
        if half is None:
            continue
        if half.closed_ns is not None and half.peer_closed_ns is not None and half.state is TcpState.CLOSING:
            return BOTH
        if half.peer_closed_ns is not None and (half.closed_ns is None or half.peer_closed_ns <= half.closed_ns):
            return _other(half, client)
        if half.closed_ns is not None:
            return _name(half, client)
    return None


def _name(half: TcpHalf, client: TcpHalf | None) -> str:
    return CLIENT if half is client else SERVER


def _other(half: TcpHalf, client: TcpHalf | None) -> str:
    return SERVER if half is client else CLIENT
