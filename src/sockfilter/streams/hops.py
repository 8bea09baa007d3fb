"""Connections that are seen on several interfaces: one of them carries the exchanges, the others are its hops.

Both initial sequence numbers stay the same on bridges, in tunnels, and through routers that translate addresses. Where
the SYNs were not seen, the same addresses and ports with numbers nearby are the same connection.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from sockfilter.model.connection import Hop
from sockfilter.model.flow import LEFT_OUT, OWN_STREAM
from sockfilter.model.sequence import MASK, distance
from sockfilter.streams.direction import HELD_BYTES_MAX
from sockfilter.streams.order import SegmentOrder

if TYPE_CHECKING:
    from sockfilter.ledger import SegmentCounts
    from sockfilter.model.flow import FlowStart, TakeSegment
    from sockfilter.streams.connection import StreamConnection
    from sockfilter.streams.direction import Skipping

# interfaces that are kept of one connection: a bridge, a tunnel and some routers; further ones are not in its path
HOPS_MAX = 16
# Ended connections whose other hops may still come: a batch of records can hold whole connections, and the lane takes
# all records of one in a batch before the next one is looked at.
ENDED_MAX = 512
# flows of which it is known what came again: those of connections on several interfaces, and those with losses
ORDERS_MAX = 8192
# How far ahead of a segment a hint reaches: a quarter of the sequence space, which needs a new hint each gigabyte.
AHEAD_BYTES = 1 << 30


class Hops:
    """Finds the connection that a flow on another interface is a hop of.

    Args:
        skipping: sends skip hints to the source.
        counts: the counters of segments.
    """

    def __init__(self, skipping: Skipping, counts: SegmentCounts) -> None:
        self._skipping = skipping
        self._counts = counts
        # open connections by both initial sequence numbers, the smaller first
        self._by_numbers: dict[tuple[int, int], StreamConnection] = {}
        # open connections by both ends without the interface: the newest
        self._by_ends: dict[bytes, StreamConnection] = {}
        # the streams of each connection's hops, with what is noted there and whether the ends are in the other order
        self._of: dict[StreamConnection, dict[int, tuple[FlowStart, Hop, bool]]] = {}
        # those that ended last, by their numbers
        self._ended: OrderedDict[tuple[int, int], StreamConnection] = OrderedDict()
        # by the stream of end 0, the oldest first
        self._orders: OrderedDict[int, tuple[SegmentOrder, SegmentOrder]] = OrderedDict()
        # connections of which segments came in fragments
        self._doubted: set[StreamConnection] = set()

    def note(self, connection: StreamConnection, ends: bytes) -> None:
        """Notes a new connection. ends: its key without the interface."""
        numbers = _numbers(connection.start)
        if numbers is not None:
            self._by_numbers[numbers] = connection
        self._by_ends[ends] = connection

    def drop(self, connection: StreamConnection, ends: bytes, is_http: bool) -> dict[int, tuple[FlowStart, Hop, bool]]:
        """Forgets a connection that has ended. Returns the streams of its hops."""
        numbers = _numbers(connection.start)
        if numbers is not None and is_http:
            self._ended[numbers] = connection
            if len(self._ended) > ENDED_MAX:
                self._ended.popitem(last=False)
        if numbers is not None and self._by_numbers.get(numbers) is connection:
            del self._by_numbers[numbers]
        if self._by_ends.get(ends) is connection:
            del self._by_ends[ends]
        for stream in (*connection.streams, *self._of.get(connection, ())):
            self._orders.pop(stream, None)
        self._doubted.discard(connection)
        return self._of.pop(connection, {})

    def of_numbers(self, start: FlowStart) -> StreamConnection | None:
        """Returns the connection with the same initial sequence numbers on another interface.

        On the same interface, equal numbers mean nothing: tools that make capture files give them to all connections.
        """
        numbers = _numbers(start)
        if numbers is None:
            return None
        known = self._by_numbers.get(numbers)
        if known is not None and known.start.interface != start.interface:
            return known
        ended = self._ended.get(numbers)
        if ended is None or ended.start.interface == start.interface:
            return None
        # its SYN must have passed while the connection was open
        return ended if start.syn_ns is not None and start.syn_ns <= ended.last_ns else None

    def may_be_near(self, ends: bytes) -> bool:
        """Whether a connection has the same ends, so that the numbers of a segment decide."""
        return ends in self._by_ends

    def near(self, start: FlowStart, ends: bytes, end: int, seq: int, ack: int) -> StreamConnection | None:
        """Returns the connection with the same ends whose numbers a segment of a flow that is not known continues."""
        known = self._by_ends.get(ends)
        if known is None or (None not in start.isn and None not in known.start.isn):
            return None
        known.come_back()
        sender, receiver = known.directions[end], known.directions[1 - end]
        if sender.next is None or not _is_near(sender.next, seq):
            return None
        heard = receiver.next if receiver.next is not None else sender.acked
        return known if heard is None or _is_near(heard, ack) else None

    def add(self, known: StreamConnection, stream: int, start: FlowStart, time_ns: int) -> tuple[TakeSegment, ...]:
        """Adds a hop to a connection. Returns the functions that take the segments of both directions.

        Args:
            known: the connection.
            stream: either of the two streams of the hop.
            start: the flow on the other interface.
            time_ns: when its first segment passed.
        """
        known.come_back()  # its first exchange may be in the lane, and its line has a path
        hop, is_reversed = self._hop_of(known, stream, start, time_ns)
        self._of.setdefault(known, {})[stream & ~1] = (start, hop, is_reversed)
        return tuple(partial(self._take, stream & ~1 | end, hop, end ^ is_reversed) for end in (0, 1))

    def add_late(self, known: StreamConnection, stream: int, start: FlowStart, time_ns: int) -> bool:
        """Adds a hop to a connection that has ended. Returns whether its ends are in the other order."""
        return self._hop_of(known, stream, start, time_ns)[1]

    def _hop_of(self, known: StreamConnection, stream: int, start: FlowStart, time_ns: int) -> tuple[Hop, bool]:
        model = known.model
        if not model.hops:
            model.opened_ns = known.start.syn_ns or known.opened_ns
            model.vlan = known.start.vlan
        isn, mine = start.isn, known.start.isn
        is_reversed = None not in isn and None not in mine and isn != mine
        ends = (start.ends[1], start.ends[0]) if is_reversed else start.ends
        self._compare(known)
        hop = next((one for one in model.hops if (one.interface, one.ends) == (start.interface, ends)), None)
        if hop is None:
            hop = Hop(start.interface, ends, start.syn_ns or time_ns, start.vlan)
            if len(model.hops) < HOPS_MAX:
                model.hops = (*model.hops, hop)
            if stream < OWN_STREAM:
                first, second = self._order(stream & ~1)
                hop.again = (second.repeats, first.repeats) if is_reversed else (first.repeats, second.repeats)
        else:
            hop.again = None  # the source has begun anew, so that it does not know what came before
        return hop, is_reversed

    def note_order(self, stream: int, seq: int, expected: int, length: int, time_ns: int) -> None:
        """Notes a segment that is out of order on its interface; see SegmentOrder.take()."""
        self._order(stream & ~1)[stream & 1].take(seq, expected, length, time_ns)

    def doubt(self, known: StreamConnection) -> None:
        """Notes that segments of a connection came in fragments: what came again on its interface is not known."""
        self._doubted.add(known)
        known.model.again = None

    def _compare(self, known: StreamConnection) -> None:
        """Makes known what came again on a connection's own interface."""
        if len(known.streams) > 1 or known in self._doubted:
            known.model.again = None
        elif known.model.again is None:
            first, second = self._order(known.streams[0])
            known.model.again = (first.repeats, second.repeats)

    def _order(self, stream: int) -> tuple[SegmentOrder, SegmentOrder]:
        orders = self._orders.get(stream)
        if orders is None:
            orders = self._orders[stream] = (SegmentOrder(), SegmentOrder())
            if len(self._orders) > ORDERS_MAX:
                self._orders.popitem(last=False)
        return orders

    def _take(
        self,
        stream: int,
        hop: Hop,
        end: int,
        time_ns: int,
        seq: int,
        _ack: int,
        flags: int,
        length: int,
        _kept: int,
        _buffer: memoryview | bytes,
        _start: int,
    ) -> None:
        """Takes a segment of a hop: its bytes have been taken on the connection's own interface."""
        if flags & LEFT_OUT:
            return
        self._counts.other_hops += 1
        if length:
            hop.note(end, seq, time_ns)
            self._skipping.skip(stream, (seq + length + AHEAD_BYTES) & MASK)


def _numbers(start: FlowStart) -> tuple[int, int] | None:
    first, second = start.isn
    if first is None or second is None:
        return None
    return (first, second) if first <= second else (second, first)


def _is_near(mine: int, theirs: int) -> bool:
    return -HELD_BYTES_MAX <= distance(mine, theirs) <= HELD_BYTES_MAX
