"""A connection and its two ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.model.moment import contradict, elapsed_ns
from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model.process import ConnectionProcesses
    from sockfilter.model.repeats import Repeats
    from sockfilter.model.tls import Tls

# prefix of an IPv4 address in a field of 16 bytes: ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)
V4_MAPPED = bytes(10) + b"\xff\xff"
# Times of first bytes that are kept for each hop: those of the exchanges that have not ended.
HOP_TIMES_MAX = 64


class Endpoint(NamedTuple):
    """One end of a connection. A Unix socket has port 0, and its name in place of an address."""

    ip: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Hop:
    """A connection on another interface than its own.

    Args:
        interface: the interface's name.
        ends: both ends there, in the order of the connection's ends.
        opened_ns: when its SYN passed there, or else its first segment, in the source's clock.
        vlan: the VLAN identifiers of its frames there, the outer one first.

    Attributes:
        times: when bytes first passed there, by their sequence number, for each end.
        again: what came again there, for each end; None if not known.
    """

    __slots__ = ("again", "ends", "interface", "opened_ns", "times", "vlan")

    def __init__(
        self, interface: str, ends: tuple[Endpoint, Endpoint], opened_ns: int, vlan: tuple[int, ...] = ()
    ) -> None:
        self.interface = interface
        self.vlan = vlan
        self.ends = ends
        self.opened_ns = opened_ns
        self.times: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.again: tuple[Repeats, Repeats] | None = None

    def note(self, end: int, seq: int, time_ns: int) -> None:
        """Notes a segment with payload that an end has sent."""
        times = self.times[end]
        if seq not in times:
            if len(times) >= HOP_TIMES_MAX:
                del times[next(iter(times))]
            times[seq] = time_ns


class Connection:
    """One life of a flow, from SYN to FIN or RST.

    Args:
        number: counts from 1 in the order in which connections were first seen.
        interface: the interface's name.
        ends: both ends, in the order of the record's flow.
        client_end: the index of the client in ends; None until it is known.
        syn_ns: when the SYN passed, in the source's clock; None if it was not seen.
        synack_ns: when the SYN-ACK passed, in the source's clock; None if it was not seen.

    Attributes:
        known: the processes at its ends; None if they have not been looked up.
        netns: the inode number of its network namespace; 0 if not known.
        streams: the numbers by which the source of its packets knows it; a new one is added at the end.
        clocks_differ: the times of its two directions contradict each other, so no duration between them is known.
        tls: how TLS protects it; None if it does not.
        watched: what the observer of TCP remembers of it; None if it has not looked yet.
        hops: the same connection on other interfaces, see sockfilter.model.path.
        opened_ns: when it was first seen on its own interface, if it has hops.
        vlan: the VLAN identifiers of its frames on its own interface, if it has hops.
        again: what came again on its own interface, for each end, if it has hops; None if not known.
    """

    __slots__ = (
        "_answered",
        "_route",
        "again",
        "client_end",
        "clocks_differ",
        "ends",
        "hops",
        "interface",
        "known",
        "netns",
        "number",
        "opened_ns",
        "streams",
        "syn_ns",
        "synack_ns",
        "tls",
        "vlan",
        "watched",
    )

    def __init__(
        self,
        number: int,
        interface: str,
        ends: tuple[Endpoint, Endpoint],
        client_end: int | None = None,
        syn_ns: int | None = None,
        synack_ns: int | None = None,
    ) -> None:
        self.number = number
        self.interface = interface
        self.ends = ends
        self.client_end = client_end
        self.syn_ns = syn_ns
        self.synack_ns = synack_ns
        self.known: ConnectionProcesses | None = None
        self.netns = 0
        self.streams: Sequence[int] = ()
        self.clocks_differ = False
        self.tls: Tls | None = None
        self.watched: Any = None
        self.hops: tuple[Hop, ...] = ()
        self.opened_ns = 0
        self.vlan: tuple[int, ...] = ()
        self.again: tuple[Repeats, Repeats] | None = None
        self._route: str | None = None
        # time and sequence number of the last response's first byte
        self._answered: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.number} {self.route}>"

    def copy(self) -> Connection:
        """A copy for what the connection carries inside another protocol."""
        made = Connection(self.number, self.interface, self.ends, self.client_end, self.syn_ns, self.synack_ns)
        made.known, made.netns, made.clocks_differ = self.known, self.netns, self.clocks_differ
        made.hops, made.opened_ns, made.again = self.hops, self.opened_ns, self.again
        made.vlan = self.vlan
        return made

    @property
    def client(self) -> Endpoint:
        """The end that sends requests."""
        return self.ends[self.client_end or 0]

    @property
    def server(self) -> Endpoint:
        """The end that sends responses."""
        return self.ends[1 - (self.client_end or 0)]

    @property
    def route(self) -> str:
        """Client and server as text; made once, because every line of output shows it."""
        if self._route is None:
            self._route = f"{self.client} > {self.server}"
        return self._route

    @property
    def connect_ns(self) -> int | None:
        """Nanoseconds from the SYN to the SYN-ACK; None if not known."""
        return None if self.clocks_differ else elapsed_ns(self.syn_ns, self.synack_ns)

    def note_order(self, earlier_ns: int | None, later_ns: int | None) -> None:
        """Notes the times of two packets, the first of which caused the second."""
        if contradict(earlier_ns, later_ns):
            self.clocks_differ = True

    def note_in_order(self, asked_ns: int, answered_ns: int, seq: int) -> bool:
        """Notes an exchange in the usual case: its times are of one clock, and later than the previous exchange.

        Returns False in any other case, and for the first exchange. The caller then notes each time separately.
        """
        last = self._answered
        if last is None or not last[0] <= asked_ns <= answered_ns:
            return False
        if not type(last[0]) is type(asked_ns) is type(answered_ns) is int:
            return False
        self._answered = answered_ns, seq
        return True

    def note_opening(self, time_ns: int) -> None:
        """Notes the time of the first request's first byte."""
        self.note_order(self.syn_ns, self.synack_ns)
        if time_ns != self.syn_ns:  # else the request came in the SYN (TCP Fast Open, RFC 7413)
            self.note_order(self.synack_ns, time_ns)

    def note_request(self, time_ns: int, ack: int) -> None:
        """Notes the time of a request's first byte, and what its client had acknowledged by then."""
        if self._answered is not None and distance(self._answered[1], ack) > 0:
            self.note_order(self._answered[0], time_ns)

    def note_response(self, time_ns: int, seq: int) -> None:
        """Notes the time and the sequence number of a response's first byte."""
        self._answered = time_ns, seq
