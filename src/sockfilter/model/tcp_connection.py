"""The life of a TCP connection: its ends, how it began, and how it ended."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model.connection import Endpoint
    from sockfilter.model.process import Process
    from sockfilter.model.tcp_figures import TcpFigures
    from sockfilter.model.tcp_state import TcpState


class How(str, Enum):
    """How a connection ended."""

    CLOSED = "closed"  # with a FIN
    RESET = "reset"
    REFUSED = "refused"  # a reset or an ICMP message in answer to the SYN
    NO_ANSWER = "no-answer"  # to any SYN
    UNREACHABLE = "unreachable"
    GIVEN_UP = "given-up"  # the client closed before there was an answer
    TIMED_OUT = "timed-out"  # an open connection: the peer did not acknowledge
    NOT_KNOWN = "not-known"

    __str__ = str.__str__


# the reason of a connection that an ICMP message refused
ICMP = "ICMP"
# connections that were never open
FAILED = frozenset({How.REFUSED, How.NO_ANSWER, How.UNREACHABLE, How.GIVEN_UP})


class TcpEnding(NamedTuple):
    """How and why a connection ended.

    Attributes:
        how: how.
        by: who closed, reset or refused it: "client", "server" or "both". None: not known.
        reason: the kernel's reason for a reset, the name of the socket's error, or ICMP. None: not known.
        syns: how many times the client sent its SYN. 0: not known.
        dropped: what dropped SYNs: the kernel's reason and the place, as text. None: not known.
    """

    how: How
    by: str | None = None
    reason: str | None = None
    syns: int = 0
    dropped: str | None = None


class TcpPeer(NamedTuple):
    """One end of a connection.

    Attributes:
        endpoint: its address and port.
        process: who connected, or who accepted and received. None: not known, or on another machine.
        sent: payload bytes that this end sent, each counted once. None: not known.
        figures: what its socket knew last. None: its socket is not on this machine, or was not seen.
        state: its last state before it closed. None: not known.
        netns: the inode number of its network namespace. 0: not known.
        queued_ns: how long the first bytes lay in its socket before it received them. None: not known.
        cgroup: the number of its process's control group. 0: not known.
    """

    endpoint: Endpoint
    process: Process | None = None
    sent: int | None = None
    figures: TcpFigures | None = None
    state: TcpState | None = None
    netns: int = 0
    queued_ns: int | None = None
    cgroup: int = 0


class TcpConnection(NamedTuple):
    """A TCP connection. Times are in nanoseconds; what is not known is None.

    Attributes:
        number: counts from 1.
        client: who connected.
        server: who was connected to.
        ends_known: whether it is known which end is the client. If not, client is an end on this machine.
        opened_ns: when the client began, or the server's socket appeared, in nanoseconds since 1970. None: before the
            start.
        ended_ns: when it ended, in nanoseconds since 1970. None: it is open.
        connect_ns: from the SYN until the client's socket was established.
        end: how it ended. None: it is open.
        drops: packets of it that the kernel dropped, as far as they were seen.
    """

    number: int
    client: TcpPeer
    server: TcpPeer
    ends_known: bool = True
    opened_ns: int | None = None
    ended_ns: int | None = None
    connect_ns: int | None = None
    end: TcpEnding | None = None
    drops: int = 0

    @property
    def connect(self) -> float | None:
        """Seconds from the SYN until the client's socket was established."""
        return None if self.connect_ns is None else self.connect_ns / 1e9

    @property
    def age_ns(self) -> int | None:
        """Nanoseconds from the beginning to the end."""
        if self.opened_ns is None or self.ended_ns is None:
            return None
        return max(0, self.ended_ns - self.opened_ns)

    @property
    def age(self) -> float | None:
        """Seconds from the beginning to the end."""
        return None if self.age_ns is None else self.age_ns / 1e9

    @property
    def failed(self) -> bool:
        """Whether it was never open."""
        return self.end is not None and self.end.how in FAILED

    @property
    def tcp(self) -> tuple[TcpFigures | None, TcpFigures | None]:
        """What the sockets of client and server knew last."""
        return self.client.figures, self.server.figures

    @property
    def retransmitted(self) -> int:
        """Segments that both ends sent again."""
        return sum(figures.retransmitted or 0 for figures in self.tcp if figures is not None)

    @property
    def rtt_us(self) -> int | None:
        """The round-trip time that the client measured, or else the server, in microseconds."""
        return next((figures.rtt_us for figures in self.tcp if figures is not None and figures.rtt_us), None)


class OpenConnection(NamedTuple):
    """An open connection, and what lies in its queues.

    Attributes:
        connection: the connection. Its states are in its peers.
        unread: bytes that each end has received and nobody has read: of client and server. None: not known.
        unacknowledged: bytes that each end has sent and the other has not acknowledged.
        idle_ms: milliseconds since payload last passed, or since the connection was established.
    """

    connection: TcpConnection
    unread: tuple[int | None, ...]
    unacknowledged: tuple[int | None, ...]
    idle_ms: int | None


class TcpChange(NamedTuple):
    """A change of a socket's state.

    Attributes:
        time_ns: when, in nanoseconds since 1970.
        number: of the connection. 0: of a listener.
        here, there: the socket's ends.
        before, state: its states.
        process: who changed it. None: a packet or a timer did.
        lasted_ns: how long it was in the state before. None: not known.
    """

    time_ns: int
    number: int
    here: Endpoint
    there: Endpoint
    before: TcpState
    state: TcpState
    process: Process | None
    lasted_ns: int | None


class TcpDrop(NamedTuple):
    """A segment that the kernel dropped.

    Attributes:
        time_ns: when, in nanoseconds since 1970.
        number: of the connection. 0: not known.
        sender, receiver: the ends of the segment.
        reason: the kernel's name of the reason. None: the kernel has none (before Linux 5.17).
        place: the function that dropped it, or its address.
        interface: the interface. None: none.
        seq: the sequence number of its first byte.
        size: bytes of payload.
        flags: the flags of its header: SA.
        stack: the kernel's stack, the innermost function first.
        netns: the inode number of the network namespace. 0: not known.
    """

    time_ns: int
    number: int
    sender: Endpoint
    receiver: Endpoint
    reason: str | None
    place: str
    interface: str | None
    seq: int
    size: int
    flags: str
    stack: tuple[str, ...] = ()
    netns: int = 0


class TcpReset(NamedTuple):
    """A reset that a socket sent or received.

    Attributes:
        time_ns: when, in nanoseconds since 1970.
        number: of the connection. 0: none.
        here, there: the ends, of which here is on this machine.
        is_sent: whether here sent it.
        reason: the kernel's name of the reason. None: not known.
        process: who holds here. None: not known.
        state: the state of the socket. None: there is no socket.
    """

    time_ns: int
    number: int
    here: Endpoint
    there: Endpoint
    is_sent: bool
    reason: str | None
    process: Process | None
    state: TcpState | None


class Listener(NamedTuple):
    """A listening socket.

    Attributes:
        here: where it listens.
        processes: who holds it.
        since_ns: since when, in nanoseconds since 1970. None: it was there at the start.
        waiting: connections that wait to be accepted.
        most: how many may wait.
        dropped: connections that the socket turned away since it listens.
        netns: the inode number of its network namespace. 0: not known.
        started_ns: when the oldest process that holds it started, in nanoseconds since 1970. None: not known.
    """

    here: Endpoint
    processes: tuple[Process, ...]
    since_ns: int | None
    waiting: int
    most: int
    dropped: int
    netns: int = 0
    started_ns: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether further connections are turned away: the kernel accepts one more than the limit."""
        return self.waiting > self.most


class QueueFull(NamedTuple):
    """A listener's queue has become full, or the listener has turned connections away because of it.

    Attributes:
        time_ns: when this was found, in nanoseconds since 1970.
        listener: the listener.
        turned_away: how many it turned away since the last look: a client's SYN that comes again counts again.
    """

    time_ns: int
    listener: Listener
    turned_away: int
