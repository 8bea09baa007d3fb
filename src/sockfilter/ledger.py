"""The ledger: every packet, record, segment and message, accounted for."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple, TypeVar

# The kernel's counters in the order of enum sf_counter (bpf/events.h), with what each means.
# A test holds the order against the header.
PACKET_COUNTERS = {
    "seen": "packets that passed the interface",
    "not_ip": "neither IPv4 nor IPv6",
    "not_tcp": "IP that carries no TCP",
    "malformed": "headers that contradict themselves or the packet's length",
    "duplicate": "loopback's second copy of a packet",
    "filtered": "outside the ports, host or family asked for",
    "no_payload": "TCP without payload: acknowledgements, and openings of connections",
    "not_http": "payload of connections that are not HTTP",
    "sent": "put into the ring",
    "quiet": "payload that nobody needs: left out altogether",
    "ring_full": "found no room in the ring: lost",
    "fragments": "of those sent or lost: IP fragments",
    "truncated": "of those sent or lost: cut at the snap length",
    "lengths": "of those sent or lost: payload left out, as nobody wanted it or the ring was filling",
    "tls": "of those not HTTP: records of a TLS handshake",
    "followed": "connections found to be HTTP",
}
OUTCOMES = (
    "not_ip",
    "not_tcp",
    "malformed",
    "duplicate",
    "filtered",
    "no_payload",
    "not_http",
    "sent",
    "quiet",
    "ring_full",
)

# Behind them, where system calls are captured, in the order of enum sf_call_counter (bpf/syscalls.h). There,
# "seen" counts the pieces of calls that carry HTTP.
CALL_COUNTERS = {
    "seen": "calls that have ended",
    "excluded": "of processes that are not asked for",
    "other": "that failed, or move no bytes",
    "not_socket": "on descriptors that are no sockets",
    "not_stream": "on sockets that are not TCP, nor, where asked for, Unix stream sockets",
    "filtered": "outside the ports, host or family asked for",
    "not_http": "on connections that are not HTTP",
    "http": "on connections that are",
    "unreadable": "of pieces of those: bytes that could not be read",
    "not_seen": "of those: that had more pieces than are looked at",
}
CALL_OUTCOMES = ("excluded", "other", "not_socket", "not_stream", "filtered", "not_http", "http")

Self = TypeVar("Self", bound="Counts")


class Counts:
    """Counters, which begin at 0: those that a class names. The module dataclasses would take 12 ms of each start.

    Args:
        counts: those that begin elsewhere.
    """

    def __init__(self, **counts: int) -> None:
        vars(self).update(dict.fromkeys(self.names(), 0), **counts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # it changes

    @classmethod
    def names(cls) -> list[str]:
        """What is counted."""
        return list(cls.__annotations__)

    def copy(self: Self, **counts: Any) -> Self:
        """The same, but for those that are given."""
        made = type(self)()
        vars(made).update(vars(self), **counts)
        return made


class FragmentCounts(Counts):
    """What became of the IP fragments that were read."""

    reassembled: int = 0  # packets made of them
    used: int = 0  # fragments that went into those
    waiting: int = 0
    expired: int = 0  # given up after their time, or for want of room
    undecodable: int = 0  # whole, and no TCP segment of a wanted connection


class SegmentCounts(Counts):
    """What became of the segments that were read. All that is not named here was delivered in order."""

    control: int = 0  # no payload: SYN, FIN, RST
    retransmitted: int = 0  # nothing new in them
    heard_twice: int = 0  # of system calls: heard at the other end before
    overlapping: int = 0  # delivered, less the bytes that were there already
    reordered: int = 0  # kept until those before them came, or were given up
    after_close: int = 0  # of a connection that had ended
    gaps: int = 0
    gap_bytes: int = 0
    cut_bytes: int = 0  # that messages needed, and that were seen and not kept


class MessageCounts(Counts):
    """What became of the messages that were read."""

    requests: int = 0
    responses: int = 0
    informational: int = 0
    paired: int = 0
    unpaired: Counter[str]  # by the problem that says why
    exchanges: int = 0
    open: int = 0  # begun, and not yet part of an exchange that ended
    rejected: int = 0  # connections that were not HTTP after all
    http2: int = 0  # connections that speak HTTP/2
    opaque_bytes: int = 0  # after an upgrade, in a tunnel, behind a request of HTTP/0.9: not for reading
    unread_bytes: int = 0  # passed over, as their meaning was lost or they have none

    def __init__(self, **counts: int) -> None:
        super().__init__(**counts)
        self.unpaired = Counter()


class ProcessCounts(Counts):
    """What became of the ends of connections with an exchange, where their processes were asked for."""

    ends: int = 0
    named: int = 0
    unnoted: int = 0  # no process was seen with it: it is on another machine
    elsewhen: int = 0  # the processes that were seen with it had it in another life of its addresses and ports
    ambiguous: int = 0  # several network namespaces have one of these addresses and ports
    forgotten: int = 0  # what was known of its process had to make room


class Ledger(NamedTuple):
    """The counters at one moment.

    packets: by PACKET_COUNTERS; every packet is "seen" once, and once under one of OUTCOMES.
    records_read: what was taken out of the ring.
    fragments, segments, messages: what became of it, stage by stage.
    calls: by CALL_COUNTERS, where system calls are captured; every call is "seen" once, and once under one of
        CALL_OUTCOMES.
    processes: of those at the ends of connections.
    """

    packets: dict[str, int]
    records_read: int
    fragments: FragmentCounts
    segments: SegmentCounts
    messages: MessageCounts
    calls: dict[str, int]
    processes: ProcessCounts

    @property
    def records_sent(self) -> int:
        """Records that the kernel made, those that found no room among them."""
        return self.packets["sent"] + self.packets["ring_full"]

    @property
    def records_lost(self) -> int:
        """Records that found no room in the ring."""
        return self.packets["ring_full"]

    @property
    def records_waiting(self) -> int:
        """Records that are in the ring still."""
        return self.records_sent - self.records_read - self.records_lost

    @property
    def imbalance(self) -> list[str]:
        """The equations that do not hold, each with its figures. Empty once a capture has ended."""
        messages, ends = self.messages, self.processes
        sums = {
            "packets seen = sum of outcomes": (self.packets["seen"], sum(self.packets[k] for k in OUTCOMES)),
            "calls seen = sum of outcomes": (
                self.calls.get("seen", 0),
                sum(self.calls.get(name, 0) for name in CALL_OUTCOMES),
            ),
            "records sent = read + lost": (self.records_sent, self.records_read + self.records_lost),
            "messages = paired + unpaired + open": (
                messages.requests + messages.responses + messages.informational,
                messages.paired + sum(messages.unpaired.values()) + messages.open,
            ),
            "ends of connections = named + not named": (
                ends.ends,
                ends.named + ends.unnoted + ends.elsewhen + ends.ambiguous + ends.forgotten,
            ),
        }
        return [f"{name}: {left} != {right}" for name, (left, right) in sums.items() if left != right]

    @property
    def is_balanced(self) -> bool:
        """Whether every packet, record and message is accounted for."""
        return not self.imbalance

    @property
    def _remedy_of_gaps(self) -> str:
        if self.calls and not self.records_lost:
            return "io_uring and splice are not seen at system calls: packets have them, -i"
        return "a larger ring: -B"

    def losses(self) -> dict[str, tuple[int, str]]:
        """What was lost: its name, how much, and the option that helps. Empty: nothing."""
        is_cut, cut_packets = self.segments.cut_bytes, self.packets["truncated"]
        found = {
            "records lost for want of room in the ring": (self.records_lost, "a larger ring: -B"),
            "packets cut at the snap length": (is_cut and cut_packets, "a larger -s, or none"),
            # of both together, one name is enough
            "bytes left out as the ring was filling": (not cut_packets and is_cut, "a larger ring: -B"),
            "bytes missing in connections": (self.segments.gap_bytes, self._remedy_of_gaps),
            "pieces of system calls that could not be read": (
                self.calls.get("unreadable", 0) + self.calls.get("not_seen", 0),
                "packets have them: -i",
            ),
            "IP fragments given up": (self.fragments.expired, "none: the rest of them never came"),
        }
        return {name: (count, remedy) for name, (count, remedy) in found.items() if count}
