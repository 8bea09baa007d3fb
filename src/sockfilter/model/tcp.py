"""What the kernel's TCP knows of an exchange. What is not known is None."""

from __future__ import annotations

from typing import NamedTuple


class TcpEnd(NamedTuple):
    """One end of a connection, as its kernel sees it; only ends on this machine are known.

    Attributes:
        rtt: the smoothed round-trip time, in seconds.
        rtt_min: the least round-trip time of late, in seconds.
        cwnd: the congestion window, in segments.
        retransmitted: segments with bytes of the exchange that this end has sent again.
        retransmitted_bytes: bytes in them.
        timeouts: how many of these retransmissions came because no answer had come in time.
        zero_window: seconds for which the peer's window stopped this end, during the exchange.
        busy: seconds for which this end had bytes to send or to be acknowledged, during the exchange.
        lag: seconds for which bytes of the exchange lay in this end's socket while its process was between two reads.
    """

    rtt: float | None = None
    rtt_min: float | None = None
    cwnd: int | None = None
    retransmitted: int = 0
    retransmitted_bytes: int = 0
    timeouts: int = 0
    zero_window: float | None = None
    lag: float | None = None
    busy: float | None = None


class Drop(NamedTuple):
    """A segment of an exchange that the kernel of this machine has dropped.

    Attributes:
        bytes: bytes of the exchange in it.
        sender: who sent it: "client" or "server".
        reason: the kernel's own name, such as "TC_INGRESS"; None if this kernel gives no reasons.
        place: where in the kernel, as a function or, if names may not be read, as an address.
        interface: the name of the interface; None if there was none.
        again_after: seconds until the first of its bytes were sent again; None if they were not, not yet, or if TCP did
            not count it as sent.
        stack: the kernel's functions that led there, the innermost first; empty unless stacks are wanted.
        time_ns: when, in nanoseconds of the source's clock.
        seq: the sequence number of its first byte.
    """

    bytes: int
    sender: str
    reason: str | None
    place: str
    interface: str | None = None
    again_after: float | None = None
    stack: tuple[str, ...] = ()
    time_ns: int = 0
    seq: int = 0

    @property
    def where(self) -> str:
        """Where and why it was dropped, in words."""
        station = STATIONS.get(self.reason or "") or next(
            (words for part, words in PLACES.items() if part in self.place), None
        )
        if station is None:
            reason = self.reason or "no reason"
            station = f"{self.place} ({reason})" if self.place else reason
        return f"{station} of {self.interface}" if self.interface else station


# words for the reasons that are stations of their own, and for places whose drops have no reason
STATIONS = {
    "TC_INGRESS": "tc ingress",
    "TC_EGRESS": "tc egress",
    "NETFILTER_DROP": "netfilter",
    "XDP": "XDP",
    "SOCKET_RCVBUFF": "the full receive buffer",
    "QDISC_DROP": "the full queue",
}
PLACES = {"xdp": "XDP"}


class Upstream(NamedTuple):
    """What a server asked other servers while it thought about an exchange.

    Attributes:
        server: the address of the one that took longest.
        seconds: how much of the time exchanges of its process with other servers took.
        is_ambiguous: several took place at once, so that they may be for other exchanges.
    """

    server: str
    seconds: float
    is_ambiguous: bool = False


class ExchangeTcp(NamedTuple):
    """What TCP knows of an exchange.

    Attributes:
        client, server: the ends; None: it is on another machine, or not known.
        drops: the segments that were dropped on this machine.
        queued: seconds from the last byte of the request to the server's read that took it.
        think: seconds from that read to the first byte of the response.
        accept: seconds for which the connection lay in the server's accept queue, of its first exchange.
        unaccepted: of queued, the seconds for which the connection surely lay in the accept queue, and those for which
            it may have lain there; None: that is not known.
        upstream: what the server asked others meanwhile; None: nothing that was seen.
    """

    client: TcpEnd | None = None
    server: TcpEnd | None = None
    drops: tuple[Drop, ...] = ()
    queued: float | None = None
    think: float | None = None
    accept: float | None = None
    unaccepted: tuple[float, float] | None = (0.0, 0.0)
    upstream: Upstream | None = None

    @property
    def retransmitted(self) -> int:
        """Segments that were sent again by both ends."""
        return sum(end.retransmitted for end in (self.client, self.server) if end is not None)

    @property
    def retransmitted_bytes(self) -> int:
        """Bytes that were sent again by both ends."""
        return sum(end.retransmitted_bytes for end in (self.client, self.server) if end is not None)

    @property
    def is_hurt(self) -> bool:
        """Whether something was dropped or sent again."""
        return bool(self.drops or self.retransmitted)
