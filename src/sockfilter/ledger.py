"""The ledger: every packet, record, segment and message, accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

# The kernel's counters in the order of enum sf_counter (bpf/events.h), with their meanings.
# A test compares the order with the header.
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
    "tls": "of those not HTTP: connections that begin with TLS",
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

# The counters that follow them if system calls are captured, in the order of enum sf_call_counter (bpf/syscalls.h).
# In such a capture, "seen" in PACKET_COUNTERS counts the parts of calls that carry HTTP, and the ends of their
# connections. Most calls have one part.
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
    "past_network": "connections whose bytes went from socket to socket, past the network (sockmap)",
}
CALL_OUTCOMES = ("excluded", "other", "not_socket", "not_stream", "filtered", "not_http", "http")

Self = TypeVar("Self", bound="Counts")

NONE: Mapping[str, Any] = {}

LARGER_RING = "a larger ring: -B"
LARGER_SNAP_OF_FILE = "capture the file with a larger snap length, or without one"
# link types that are listed; further ones are only counted
LINK_TYPES_SHOWN = 4


class Counts:
    """Counters that begin at 0; a subclass names them. It is not a dataclass, because the import would take 12 ms.

    Args:
        counts: counters that begin at another value.
    """

    def __init__(self, **counts: int) -> None:
        vars(self).update(dict.fromkeys(self.names(), 0), **counts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    @classmethod
    def names(cls) -> list[str]:
        """The names of the counters."""
        return list(cls.__annotations__)

    def as_dict(self) -> dict[str, Any]:
        """The counters by name."""
        return {name: _copy(value) for name, value in vars(self).items()}

    def copy(self: Self, **counts: Any) -> Self:
        """A copy with some counters replaced."""
        made = type(self)()
        vars(made).update(vars(self), **counts)
        return made


class FileCounts(Counts):
    """Packets of a capture file that may carry HTTP and could not be read. Each has an outcome in packets too."""

    cut: int = 0  # cut at a length at which it is not known whether they carry HTTP
    link_types: dict[int, int]  # packets by link type, for link types that cannot be read

    def __init__(self, cut: int = 0, link_types: dict[int, int] | None = None) -> None:
        super().__init__(cut=cut)
        self.link_types = link_types or {}


class FragmentCounts(Counts):
    """What became of the IP fragments that were read."""

    reassembled: int = 0  # packets made of fragments
    used: int = 0  # fragments in these packets
    waiting: int = 0
    expired: int = 0  # given up after their time, or because there was no room
    undecodable: int = 0  # reassembled, but not to a TCP segment of a wanted connection


class SegmentCounts(Counts):
    """What became of the segments that were read. All others were delivered in order."""

    control: int = 0  # no payload: SYN, FIN, RST
    retransmitted: int = 0  # without new bytes
    heard_twice: int = 0  # of system calls: seen before at the other end
    other_hops: int = 0  # of connections that are shown on another interface
    overlapping: int = 0  # delivered without the bytes that had been delivered before
    reordered: int = 0  # kept until the segments before them came, or were given up
    after_close: int = 0  # of a connection that had ended
    new_after_close: int = 0  # segments among after_close that have new bytes
    gaps: int = 0
    gap_bytes: int = 0
    cut_bytes: int = 0  # bytes that messages needed, and that were seen but not kept
    evicted: int = 0  # connections given up because there was no more memory, or no room in the table
    left_open: int = 0  # connections that were open and not reported when the time to end the capture was over
    one_sided: int = 0  # connections of which only one direction was seen although both ends sent bytes


class MessageCounts(Counts):
    """What became of the messages that were read."""

    requests: int = 0
    responses: int = 0
    informational: int = 0
    paired: int = 0
    unpaired: Counter[str]  # by the problem that is the reason
    exchanges: int = 0
    open: int = 0  # messages of exchanges that have not ended
    rejected: int = 0  # connections that are not HTTP although they began like it
    http2: int = 0  # connections that speak HTTP/2, or parts of it
    frames: Counter[str]  # frames of HTTP/2 by kind
    header_blocks: int = 0  # header blocks of HTTP/2 that were decoded
    opaque_bytes: int = 0  # bytes after an upgrade, in a tunnel, or after a request of HTTP/0.9: they are not read
    bodies_cut: int = 0  # bodies cut because there was no memory
    unread_bytes: int = 0  # bytes skipped because their meaning was lost, or because they have none
    stream_messages: Counter[str]  # messages without a response, such as those of a WebSocket, by protocol

    def __init__(self, **counts: int) -> None:
        super().__init__(**counts)
        self.unpaired = Counter()
        self.frames = Counter()
        self.stream_messages = Counter()


class TlsCounts(Counts):
    """What became of the protected records of TLS, and of the connections that carried them."""

    seen: int = 0
    opened: int = 0
    no_secret: int = 0
    failed: int = 0  # the tag or the MAC is wrong
    left_out: int = 0  # early data that the server refused, and records of bodies that nobody needs
    connections: int = 0
    connections_opened: int = 0
    connections_closed: int = 0  # of which nothing could be opened
    mid_stream: int = 0  # of those closed: they were open before the capture
    hellos_missing: int = 0  # of those closed: they began in the capture, and their hellos were cut or lost


class SecretCounts(Counts):
    """What became of the secrets of TLS handshakes."""

    seen: int = 0
    linked: int = 0  # of handshakes that have opened a connection
    twice: int = 0  # known before: both ends report the same secret
    unused: int = 0  # have opened no connection so far, or have a label that opens no records
    lost: int = 0  # found no room in the ring


class ProcessCounts(Counts):
    """What became of the ends of connections with an exchange, if processes are wanted."""

    ends: int = 0
    named: int = 0
    unnoted: int = 0  # no process was seen at this end: it is on another machine
    elsewhen: int = 0  # processes were seen at this end only during another connection of the same flow
    ambiguous: int = 0  # several network namespaces have an end with these addresses and ports
    forgotten: int = 0  # the information about its process was dropped to make room


class SpanCounts(Counts):
    """What became of the spans that were made of exchanges for a collector of traces."""

    made: int = 0
    exported: int = 0  # the collector has accepted them
    unsampled: int = 0  # neither the caller's decision nor the ratio asked for them
    waiting: int = 0
    dropped: Counter[str]  # by reason: a name of DROPPED_SPANS

    def __init__(self, **counts: int) -> None:
        super().__init__(**counts)
        self.dropped = Counter()


# Why spans were dropped, and what helps.
DROPPED_SPANS = {
    "behind": "a larger ring (-B), --sample, or --ports",
    "full": "a collector that is reached and keeps up, or --sample",
    "refused": "what the collector says of them",
    "rejected": "what the collector says of them",
    "unsent": "a collector that is reached when the capture ends",
    "exporter_gone": "none: the process that sends them was killed",
    "no_time": "none: the file has no times",
}


class Ledger(NamedTuple):
    """The counters at one moment.

    Attributes:
        packets: by the names in PACKET_COUNTERS. Every packet counts once as "seen", and once under one of OUTCOMES.
        records_read: records taken out of the ring.
        fragments, segments, messages: what became of the records, stage by stage.
        calls: by the names in CALL_COUNTERS, if system calls are captured. Every call counts once as "seen", and once
            under one of CALL_OUTCOMES.
        processes: the processes at the ends of connections.
        is_live: the capture has not ended. Records that were sent, and neither read nor lost, wait in the ring.
        file: packets of a capture file that could not be read; None if the capture is live.
        records_unread: records left in the ring when the time to end the capture was over.
        observed: the counters of further observers, by observer.
        missed: exchanges and messages that an output did not get, by output.
        tls: the records of TLS, if it is read.
        secrets: the secrets that open them.
        spans: the spans that were made for a collector of traces.
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
    tls: TlsCounts = TlsCounts()
    secrets: SecretCounts = SecretCounts()
    spans: SpanCounts = SpanCounts()

    def as_dict(self) -> dict[str, Any]:
        """All counters by stage, and whether they balance, in the form of the summary line."""
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
        """Records that the kernel made, including those that found no room in the ring."""
        return self.packets["sent"] + self.packets["ring_full"]

    @property
    def records_lost(self) -> int:
        """Records that found no room in the ring."""
        return self.packets["ring_full"]

    @property
    def records_waiting(self) -> int:
        """Records that are still in the ring."""
        return self.records_sent - self.records_read - self.records_lost - self.records_unread

    @property
    def imbalance(self) -> list[str]:
        """The equations that do not hold, each with its numbers. It must be empty at every moment."""
        messages, ends, tls, secrets = self.messages, self.processes, self.tls, self.secrets
        spans = self.spans
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
            "TLS records seen = opened + without secret + failed + left out": (
                tls.seen,
                tls.opened + tls.no_secret + tls.failed + tls.left_out,
            ),
            "TLS secrets seen = linked + twice + unused + lost": (
                secrets.seen,
                secrets.linked + secrets.twice + secrets.unused + secrets.lost,
            ),
            "spans made = exported + unsampled + dropped + waiting": (
                spans.made,
                spans.exported + spans.unsampled + sum(spans.dropped.values()) + max(0, spans.waiting),
            ),
        }
        return [f"{name}: {left} != {right}" for name, (left, right) in sums.items() if left != right]

    @property
    def is_balanced(self) -> bool:
        """Whether every packet, record and message is accounted for."""
        return not self.imbalance

    @property
    def _remedy_of_gaps(self) -> str:
        """The remedy against missing bytes, which depends on the reason."""
        if self.records_lost:
            return LARGER_RING
        if self.calls:
            return "io_uring and splice are not seen at system calls: packets have them, -i"
        if self.file is not None:
            return "none: they are not in the file"
        return "none: they did not pass here"

    @property
    def _not_understood(self) -> dict[str, tuple[int, str]]:
        """The losses of a capture file: packets that may carry HTTP and could not be read."""
        file = self.file
        if file is None:
            return {}
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
        """The losses: for each name, the number and the remedy. Empty if nothing was lost.

        Packets that may have carried HTTP, but could not be read, are losses too.
        """
        return {name: (count, remedy) for name, (count, remedy) in self.all_losses().items() if count}

    def all_losses(self) -> dict[str, tuple[int, str]]:
        """All that losses() may name, with 0 for what was not lost."""
        is_cut, cut_packets = self.segments.cut_bytes, self.packets["truncated"]
        return {
            "records lost for want of room in the ring": (self.records_lost, LARGER_RING),
            "packets cut at the snap length": (
                is_cut and cut_packets,
                "a larger -s, or none" if self.file is None else LARGER_SNAP_OF_FILE,
            ),
            # bytes that were not kept are reported under only one of these two names
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
                f"exchanges and messages that the output {name} did not get": (
                    count,
                    "a faster reader of it, or room for it",
                )
                for name, count in self.missed.items()
            },
            **{
                f"spans that the collector did not get ({reason})": (self.spans.dropped[reason], remedy)
                for reason, remedy in DROPPED_SPANS.items()
            },
            "IP fragments given up": (self.fragments.expired, "none: the rest of them never came"),
        }


def _copy(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
