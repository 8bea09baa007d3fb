"""The ledger: every packet, record, segment and message, accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

# The kernel's counters in the order of enum sf_counter (bpf/events.h), with what each means.
# A test holds the order against the header.
PACKET_COUNTERS = {
    "seen": "packets that passed the interface",
    "not_ip": "neither IPv4 nor IPv6",
    "not_tcp": "IP that carries no TCP",
    "malformed": "headers that contradict each other or the length of the packet",
    "duplicate": "loopback's second copy of a packet",
    "filtered": "outside the selected ports, hosts or family",
    "no_payload": "TCP without payload: acknowledgements and connection openings",
    "not_http": "payload of connections that are not HTTP",
    "sent": "put into the ring",
    "quiet": "payload that nobody needs: left out",
    "ring_full": "found no room in the ring: lost",
    "fragments": "of those sent or lost: IP fragments",
    "truncated": "of those sent or lost: cut at the snap length",
    "lengths": "of those sent or lost: payload left out, because nobody wanted it or the ring was nearly full",
    "tls": "of those not HTTP: TLS handshake records",
    "followed": "connections recognised as HTTP",
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
# "seen" counts the parts of calls that carry HTTP, most of which are one, and the ends of their connections.
CALL_COUNTERS = {
    "seen": "calls that have returned",
    "excluded": "of processes that are not selected",
    "other": "that failed or moved no bytes",
    "not_socket": "on descriptors that are not sockets",
    "not_stream": "on sockets that are neither TCP nor, if selected, Unix stream sockets",
    "filtered": "outside the selected ports, hosts or family",
    "not_http": "on connections that are not HTTP",
    "http": "on HTTP connections",
    "unreadable": "of those: parts whose bytes could not be read",
    "not_seen": "of those: with more bytes or more buffers than are read",
}
CALL_OUTCOMES = ("excluded", "other", "not_socket", "not_stream", "filtered", "not_http", "http")

Self = TypeVar("Self", bound="Counts")

NONE: Mapping[str, Any] = {}

LARGER_RING = "a larger ring: -B"
LARGER_SNAP_OF_FILE = "capture the file with a larger snap length, or without one"
# link types that are named; the rest are only counted
LINK_TYPES_SHOWN = 4


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

    def as_dict(self) -> dict[str, Any]:
        """Them by their names."""
        return {name: _copy(value) for name, value in vars(self).items()}

    def copy(self: Self, **counts: Any) -> Self:
        """The same, but for those that are given."""
        made = type(self)()
        vars(made).update(vars(self), **counts)
        return made


class FileCounts(Counts):
    """Packets of a capture file that may carry HTTP and could not be understood. Each has an outcome in packets too."""

    cut: int = 0  # cut short before it could be told whether they carry HTTP
    link_types: dict[int, int]  # by link type: those that cannot be read

    def __init__(self, cut: int = 0, link_types: dict[int, int] | None = None) -> None:
        super().__init__(cut=cut)
        self.link_types = link_types or {}


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
    new_after_close: int = 0  # of those: with bytes that were not seen before
    gaps: int = 0
    gap_bytes: int = 0
    cut_bytes: int = 0  # that messages needed, and that were seen and not kept
    evicted: int = 0  # connections given up for want of memory, or of room in the table
    left_open: int = 0  # connections of which nothing more was told, as an end that was asked for takes no longer
    one_sided: int = 0  # connections of which only one direction was seen, though the other end spoke too


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
    bodies_cut: int = 0  # for want of memory
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
    is_live: the capture goes on: records that were sent, and not read or lost, wait in the ring.
    file: packets of a capture file that could not be understood; None: the capture is live.
    records_unread: what was in the ring when the time that an end may take was over.
    observed: counts of further observers, by their names.
    missed: exchanges that an output did not get, by its name.
    """

    packets: dict[str, int]
    records_read: int
    fragments: FragmentCounts
    segments: SegmentCounts
    messages: MessageCounts
    calls: dict[str, int]
    processes: ProcessCounts
    is_live: bool = False
    file: FileCounts | None = None
    records_unread: int = 0
    observed: Mapping[str, Mapping[str, int]] = NONE
    missed: Mapping[str, int] = NONE

    def as_dict(self) -> dict[str, Any]:
        """All counters by their stage, and whether they balance; the summary line has them in this form."""
        made: dict[str, Any] = {"balanced": self.is_balanced}
        for name, value in self._asdict().items():
            if name == "records_read":
                waiting, lost, unread = self.records_waiting, self.records_lost, self.records_unread
                sent = self.records_sent
                made["records"] = {"sent": sent, "read": value, "lost": lost, "waiting": waiting, "unread": unread}
            elif name == "file":
                made[name] = (value or FileCounts()).as_dict()
            elif name == "observed":
                made |= {observer: dict(counts) for observer, counts in self.observed.items()}
            elif name not in ("records_unread", "is_live"):
                made[name] = value.as_dict() if isinstance(value, Counts) else _copy(value)
        return made

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
        return self.records_sent - self.records_read - self.records_lost - self.records_unread

    @property
    def imbalance(self) -> list[str]:
        """The equations that do not hold, each with its figures. Empty at every moment."""
        messages, ends = self.messages, self.processes
        waiting = max(0, self.records_waiting) if self.is_live else 0
        sums = {
            "packets seen = sum of outcomes": (self.packets["seen"], sum(self.packets[k] for k in OUTCOMES)),
            "calls seen = sum of outcomes": (
                self.calls.get("seen", 0),
                sum(self.calls.get(name, 0) for name in CALL_OUTCOMES),
            ),
            "records sent = read + lost + waiting": (
                self.records_sent,
                self.records_read + self.records_lost + self.records_unread + waiting,
            ),
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
        """What helps against missing bytes, which depends on why they are missing."""
        if self.records_lost:
            return LARGER_RING
        if self.calls:
            return "io_uring and splice are not seen at system calls: packets have them, -i"
        if self.file is not None:
            return "none: they are not in the file"
        return "none: they did not pass here"

    @property
    def _not_understood(self) -> dict[str, tuple[int, str]]:
        """Packets of a file that may carry HTTP and could not be understood."""
        file = self.file or FileCounts()
        kinds = [str(kind) for kind in sorted(file.link_types)]
        shown = [*kinds[:LINK_TYPES_SHOWN], *(["..."] if len(kinds) > LINK_TYPES_SHOWN else [])]
        plural = "s" if len(kinds) > 1 else ""
        return {
            f"packets of link type{plural} {', '.join(shown)}, which cannot be read": (
                sum(file.link_types.values()),
                "none: capture on an interface of another kind",
            ),
            "packets cut before it could be told whether they carry HTTP": (file.cut, LARGER_SNAP_OF_FILE),
        }

    def losses(self) -> dict[str, tuple[int, str]]:
        """What was lost, or not understood where HTTP may have been in it: its name, how much, and what helps.

        Empty: nothing.
        """
        is_cut, cut_packets = self.segments.cut_bytes, self.packets["truncated"]
        found = {
            "records lost for want of room in the ring": (self.records_lost, LARGER_RING),
            "packets cut at the snap length": (
                is_cut and cut_packets,
                "a larger -s, or none" if self.file is None else LARGER_SNAP_OF_FILE,
            ),
            # of both together, one name is enough
            "bytes left out as the ring was filling": (not cut_packets and is_cut, LARGER_RING),
            "bytes missing in connections": (self.segments.gap_bytes, self._remedy_of_gaps),
            **self._not_understood,
            "segments with new bytes on connections that had ended": (
                self.segments.new_after_close,
                "none: it is not known what they belong to",
            ),
            "connections of which one direction was not seen": (
                self.segments.one_sided,
                "capture where both directions pass",
            ),
            "parts of system calls that could not be read": (
                self.calls.get("unreadable", 0) + self.calls.get("not_seen", 0),
                "packets have them: -i",
            ),
            "connections given up for want of memory": (self.segments.evicted, "more: --memory"),
            "bodies cut for want of memory": (self.messages.bodies_cut, "more: --memory"),
            "connections not told of, as an end takes two seconds at most": (
                self.segments.left_open,
                "none: ask for the end when less is open",
            ),
            "records not read, for the same reason": (
                0 if self.is_live else self.records_unread,
                "none: ask for the end when less is going on",
            ),
            **{
                f"exchanges that the output {name} did not get": (count, "a faster reader of it, or room for it")
                for name, count in self.missed.items()
            },
            "IP fragments given up": (self.fragments.expired, "none: the rest of them never came"),
        }
        return {name: (count, remedy) for name, (count, remedy) in found.items() if count}


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
