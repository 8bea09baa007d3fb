"""The layout of the kernel's records, and their conversion to segments."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET6, inet_ntop
from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.model.connection import V4_MAPPED, Endpoint
from sockfilter.model.flow import LEFT_OUT, LEFT_OUT_LAYOUT, FlowStart
from sockfilter.model.hearing import WIRE, Hearing
from sockfilter.model.sequence import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from sockfilter.model.flow import TakeSegment

# struct sf_record of bpf/events.h, in the order of its fields; a test compares the two layouts
INDEX = Struct("=I")
PORTS = Struct("!HH")
HOT = Struct("=QQIIIIIIHBB")  # time_ns ... kind: read from every record
COLD = Struct("=BBHHHIIIQQ")  # marks ... synack_ns: read from the first record of a connection
RECORD_BYTES = 120
FLOW_AT = HOT.size + COLD.size
FLOW_BYTES = 40
ADDRESS_BYTES = 16
PORTS_AT, INDEX_AT = 2 * ADDRESS_BYTES, FLOW_BYTES - INDEX.size
NO_PORTS = bytes(PORTS.size)

SEGMENT = 0
FRAGMENT = 1
FRAME = 2
LEFT_OUT_RECORD = 3
ORDER_RECORD = 4
# kinds of records that stand for no packet, and have no frame
OF_NO_PACKET = (LEFT_OUT_RECORD, ORDER_RECORD)
# of these records: isn, stream_of_http2, syn_ns
LEFT_OUT_FIELDS = Struct("=IIIQ")
LEFT_OUT_AT = HOT.size + 8
# a time with this bit must go through Hearing.moment_of
MARKED = 1 << 63
MARK_HTTP2 = 1
MARK_VLAN = 4
MARK_ISN0 = 8
MARK_ISN1 = 16
MARK_EARLY0 = 32
MARK_EARLY1 = 64
MARK_BARE = 128
EARLY = (MARK_EARLY0, MARK_EARLY1)
# EtherTypes of VLAN tags: IEEE 802.1Q, 802.1ad, and those that switches use for the outer tag without a standard
VLAN_TAGS = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
# where the first tag in a frame is, its two fields, and the VLAN identifier in the second one (IEEE 802.1Q, 9.6)
TAG_AT, TAG, VLAN_MASK = 12, Struct("!HH"), 0xFFF
# tags that are read of one frame: as many as sockfilter count reads
TAGS_MAX = 4

# addresses whose text is cached: the clients of a server come back
ADDRESSES_MAX = 4096


@lru_cache(ADDRESSES_MAX)
def ip_text(address: bytes) -> str:
    """Formats an address of 16 bytes as text. IPv4 addresses are in the form ::ffff:a.b.c.d."""
    if address[:12] == V4_MAPPED:
        return "%d.%d.%d.%d" % tuple(address[12:])
    return inet_ntop(AF_INET6, address)


class RecordDecoder:
    """Passes the segment of each record to the function that takes the segments of its stream.

    Args:
        takers: maps a stream to the function that takes its segments.
        ended: streams of connections that have ended.
        open_stream: makes a taker for a stream that is not in takers.
        take_fragment: takes the time, the interface index, and the bytes of a fragment from its IP header on.
        interface_name: returns the name of an interface by its index.
        hearing: how the source observes connections, see Hearing. A connection without ports is one of Unix sockets.
        note_order: takes a segment that is out of order: its stream, its sequence number, the number that was expected,
            the length of its payload, and its time.
    """

    def __init__(
        self,
        takers: dict[int, TakeSegment],
        ended: Container[int],
        open_stream: Callable[[int, FlowStart, int], TakeSegment],
        take_fragment: Callable[[int, int, bytes], None],
        interface_name: Callable[[int], str],
        hearing: Hearing = WIRE,
        note_order: Callable[[int, int, int, int, int], None] = lambda *_: None,
    ) -> None:
        self._note_order = note_order
        self._moment_of = hearing.moment_of or int
        self._takers = takers
        self._local_ends = hearing.local_ends
        self._ended = ended
        self._open_stream = open_stream
        self._take_fragment = take_fragment
        self._interface_name = interface_name
        self.last_ns = 0
        self.unknown_control = 0
        self.left_out = 0  # records that are of no packet

    def decode(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records.

        Args:
            view: the memory of the ring.
            offsets: where the records begin in it.
        """
        unpack, takers, moment_of = HOT.unpack_from, self._takers, self._moment_of
        for at in offsets:
            (
                time_ns,
                stream,
                seq,
                ack,
                length,
                kept,
                _frame_len,
                frame_kept,
                payload_at,
                flags,
                kind,
            ) = unpack(view, at)
            if time_ns >= MARKED:
                time_ns = moment_of(time_ns)
            if stream in takers:
                takers[stream](time_ns, seq, ack, flags, length, kept, view, at + RECORD_BYTES + payload_at)
            elif kind == FRAGMENT:
                start = at + RECORD_BYTES
                (index,) = INDEX.unpack_from(view, at + RECORD_BYTES - INDEX.size)
                self._take_fragment(time_ns, index, bytes(view[start + payload_at : start + frame_kept]))
            elif kind == FRAME:
                continue
            elif kind == LEFT_OUT_RECORD:
                self._take_left_out(view, at, time_ns, seq, ack, length)
            elif kind == ORDER_RECORD:
                self.left_out += 1
                *_, stream = LEFT_OUT_FIELDS.unpack_from(view, at + LEFT_OUT_AT)
                self._note_order(stream, seq, ack, length, time_ns)
            elif length or stream & ~1 in self._ended:
                take = self._open_stream(stream, self.start(view, at), time_ns)
                take(time_ns, seq, ack, flags, length, kept, view, at + RECORD_BYTES + payload_at)
            else:
                # a FIN or RST of a connection that is no longer known
                self.unknown_control += 1
        if offsets:
            self.last_ns = time_ns

    def _take_left_out(self, view: memoryview, at: int, time_ns: int, seq: int, ack: int, length: int) -> None:
        self.left_out += 1
        *_, stream = LEFT_OUT_FIELDS.unpack_from(view, at + LEFT_OUT_AT)
        if stream in self._takers:
            self._takers[stream](time_ns, seq, ack, LEFT_OUT, length, LEFT_OUT_LAYOUT.size, view, at + LEFT_OUT_AT)

    def start(self, view: memoryview, at: int) -> FlowStart:
        """Reads the flow of a record."""
        marks, _, _, _, _, isn0, isn1, _, syn_ns, synack_ns = COLD.unpack_from(view, at + HOT.size)
        key = bytes(view[at + FLOW_AT : at + FLOW_AT + FLOW_BYTES])
        isn = [
            isn0 if marks & MARK_ISN0 and not marks & MARK_EARLY0 else None,
            isn1 if marks & MARK_ISN1 and not marks & MARK_EARLY1 else None,
        ]
        _, stream, seq, ack, *_ = HOT.unpack_from(view, at)
        end = stream & 1
        first, told = isn[end], None
        if first is not None and isn[1 - end] is None and seq == (first + 1) & MASK and not marks & EARLY[1 - end]:
            # the first bytes of an end acknowledge the SYN of the other end, and nothing else
            told = 1 - end
            isn[told] = (ack - 1) & MASK
        return FlowStart(
            key,
            self._ends_of(key, view, at),
            self._interface_name(INDEX.unpack_from(key, INDEX_AT)[0]),
            (isn[0], isn[1]),
            self._moment_of(syn_ns) if syn_ns else None,
            self._moment_of(synack_ns) if synack_ns else None,
            told,
            _vlan_of(view, at),
        )

    def _ends_of(self, key: bytes, view: memoryview, at: int) -> tuple[Endpoint, Endpoint]:
        if self._local_ends is None or key[PORTS_AT:INDEX_AT] != NO_PORTS:
            return ends_of(key)
        return self._local_ends(HOT.unpack_from(view, at)[1] & ~1)


def _vlan_of(view: memoryview, at: int) -> tuple[int, ...]:
    """The VLAN identifiers of a record's frame: of the tag that the kernel has taken out of it, and of those in it."""
    marks, _, _, tci, *_ = COLD.unpack_from(view, at + HOT.size)
    if marks & MARK_BARE:
        return ()
    found = [tci] if marks & MARK_VLAN else []
    frame_kept, place = HOT.unpack_from(view, at)[7], TAG_AT
    while place + TAG.size <= frame_kept and len(found) < TAGS_MAX:
        kind, tci = TAG.unpack_from(view, at + RECORD_BYTES + place)
        if kind not in VLAN_TAGS:
            break
        found.append(tci)
        place += TAG.size
    # identifier 0 is no VLAN: such a tag only has a priority (IEEE 802.1Q, 9.6)
    return tuple(identifier for identifier in (tci & VLAN_MASK for tci in found) if identifier)


def ends_of(key: bytes) -> tuple[Endpoint, Endpoint]:
    """Returns both ends of a flow. The key is a struct sf_flow."""
    first, second = PORTS.unpack_from(key, 2 * ADDRESS_BYTES)
    return Endpoint(ip_text(key[:16]), first), Endpoint(ip_text(key[16:32]), second)
