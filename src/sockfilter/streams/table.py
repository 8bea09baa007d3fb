"""The table of open connections, found by their streams."""

from __future__ import annotations

import gc
import sys
from collections import OrderedDict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sockfilter.ledger import SegmentCounts
from sockfilter.model.budget import FULL_EIGHTHS, RELIEVED_EIGHTHS
from sockfilter.model.connection import Connection
from sockfilter.model.flow import FlowStart
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.streams.beginning import FirstBytes
from sockfilter.streams.connection import StreamConnection, StreamTaker
from sockfilter.streams.direction import HELD_BYTES_MAX, NEAR_AFTER_END_BYTES, SYN, WINDOW_BYTES_MAX
from sockfilter.streams.hops import Hops

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.flow import TakeSegment
    from sockfilter.streams.direction import Direction, Skipping

# connections open at once: as many as in the kernel's table (SF_CONNECTIONS)
CONNECTIONS_MAX = 65536
# streams of ended connections that are remembered, so that late segments do not open them again
ENDED_MAX = 8192
# streams that one connection may have: its old ones are needed while records with them are in the ring
STREAMS_MAX = 4
# Silence after which a connection is forgotten, in nanoseconds. Servers close idle connections earlier.
IDLE_NS = 600 * 1_000_000_000
# How long the sequence numbers of an ended connection stay in use: as long as in Linux (TCP_TIMEWAIT_LEN).
TIME_WAIT_NS = 60 * 1_000_000_000
# One-sided connections whose other half may appear on another interface. The oldest is given up first.
LONE_MAX = 1024
# one-sided connections with the same ends: both sides of two bridges
LONE_OF_SAME_ENDS_MAX = 4
# nanoseconds between two searches for idle connections
SWEEP_NS = 10 * 1_000_000_000
# Idle connections that one tick ends, which takes a tenth of a second. The next tick continues.
IDLE_A_TICK = 1000
# Waiting connections that one tick handles: 2 ms of the 10 ms between two ticks. The others follow in turn.
WAITING_A_TICK = 256

Waiting = TypeVar("Waiting")


# the last bytes of a flow's key: an interface index or a network namespace
PLACE_BYTES = 4


class Ended(NamedTuple):
    """What is remembered of a connection that has ended.

    Attributes:
        start: the start of its flow.
        following: for each end, the next sequence number, or None if nothing of the end was seen.
        passed: the same, but None also if new bytes of the end do not count as lost.
        time_ns: when its last segment passed.
        may_go_on: whether it may still be open, because only sockfilter ended it.
    """

    start: FlowStart
    following: tuple[int | None, int | None]
    passed: tuple[int | None, int | None]
    time_ns: int
    may_go_on: bool

    def followed_by(self, end: int, seq: int, ack: int, time_ns: int) -> FlowStart | None:
        """The flow that a segment after the end belongs to: the rest of the connection, or another life.

        Args:
            end: the end that sent the segment.
            seq, ack: the numbers of the segment.
            time_ns: when it passed.

        Returns None if it is neither.
        """
        key, ends, interface, *_ = self.start
        if self.may_go_on:
            first, second = (None if number is None else (number - 1) & MASK for number in self.following)
            return FlowStart(key, ends, interface, (first, second))
        is_another = time_ns - self.time_ns >= TIME_WAIT_NS or self._lie_far(end, seq, ack)
        return FlowStart(key, ends, interface) if is_another else None

    def _lie_far(self, end: int, seq: int, ack: int) -> bool:
        """Whether both numbers belong to another life of the connection, whose SYN was not seen."""
        numbers = ((self.following[end], seq), (self.following[1 - end], ack))
        return all(
            mine is None or not -HELD_BYTES_MAX <= distance(mine, theirs) <= NEAR_AFTER_END_BYTES
            for mine, theirs in numbers
        )


class ConnectionTable:
    """Finds or opens the connection of each stream.

    Args:
        converse: makes the conversation that takes a new connection's bytes.
        skipping: sends skip hints to the source.
        hears_twice: whether the same bytes may come from both ends, and late. There are no retransmissions then.
        is_unfinished: whether the first bytes of a connection are too few to parse. None: first bytes never wait.
        all_hops: whether a connection that is seen on several interfaces is one connection on each.
    """

    def __init__(
        self,
        converse: Callable[[StreamConnection], StreamTaker],
        skipping: Skipping,
        hears_twice: bool = False,
        is_unfinished: Callable[[bytes], bool] | None = None,
        all_hops: bool = False,
    ) -> None:
        # bytes that are recorded at both ends come in any order: the waiting bytes could be a second copy
        self._is_unfinished = None if hears_twice else is_unfinished
        self._converse = converse
        self.hears_twice = hears_twice
        self.skipping = skipping
        self.counts = SegmentCounts()
        self.holes: dict[Direction, None] = {}
        # stream -> the function that takes its segments; looked up for every record
        self.takers: dict[int, TakeSegment] = {}
        # OrderedDict, as the oldest entries are removed often: a dict would scan the slots of all removed entries
        self._connections: OrderedDict[bytes, StreamConnection] = OrderedDict()
        # by the streams of connections that have ended, the oldest first
        self.ended: OrderedDict[int, Ended] = OrderedDict()
        # the connections with a running timeout
        self.watched: dict[StreamConnection, None] = {}
        # by both ends, without the interface: the connections with one half, the oldest first
        self._lone: OrderedDict[bytes, list[StreamConnection]] = OrderedDict()
        # calls have no interface: they see each connection once
        self._hops = None if all_hops or hears_twice else Hops(skipping, self.counts)
        self._opened = 0
        self._swept_ns = 0

    @property
    def connections(self) -> list[StreamConnection]:
        """The open connections, the oldest first."""
        return list(self._connections.values())

    def __len__(self) -> int:
        return len(self._connections)

    def open(self, stream: int, start: FlowStart, time_ns: int) -> TakeSegment:
        """Returns the function that takes the segments of an unknown stream, of a new connection or a known one.

        Args:
            stream: the source's number of one direction of a connection.
            start: what the source knows of the flow.
            time_ns: the current time in the source's clock.
        """
        ended = stream & ~1
        if ended in self.ended:
            return partial(self._after_end, stream, self.ended[ended])
        if start.key not in self._connections:
            ends = start.key[:-PLACE_BYTES]
            if ends in self._lone:
                return partial(self._join, stream, start)
            if (hops := self._hops) is not None:
                known = hops.of_numbers(start)
                if known is not None:
                    return self._add_hop(known, stream, start, time_ns)
                if hops.may_be_near(ends):
                    return partial(self._join, stream, start)
        return self._open(stream, start, time_ns)

    def enter(self, stream: int, start: FlowStart, time_ns: int) -> StreamConnection | None:
        """Opens a new connection for the lane. Returns None if the connection is not new."""
        known = self._connections.get(start.key)
        if known is not None:
            known.come_back()
            if known.is_same_life(start):
                return None
            known.close(Problem.REPLACED)
        elif self._hops is not None and (
            self._hops.of_numbers(start) is not None or self._hops.may_be_near(start.key[:-PLACE_BYTES])
        ):
            return None
        return self._new(stream, start, time_ns)

    def take_for(self, connection: StreamConnection) -> None:
        """Routes the segments of a connection to its directions."""
        first, second = connection.directions
        for stream in connection.streams:
            self.takers[stream] = first.segment
            self.takers[stream | 1] = second.segment

    def _open(self, stream: int, start: FlowStart, time_ns: int) -> TakeSegment:
        known = self._connections.get(start.key)
        if known is not None:
            known.come_back()
            if not known.is_same_life(start):
                known.close(Problem.REPLACED)
                known = None
        if known is None:
            known = self._new(stream, start, time_ns)
            if self._is_unfinished is not None:
                return self._begin(known, stream, self._is_unfinished)
        elif stream & ~1 not in known.streams:
            known.renumber(stream, start)
            if len(known.streams) > STREAMS_MAX:
                self._forget(known.streams.pop(0))
        self._forget(stream & ~1)
        self.take_for(known)
        return self.takers[stream]

    def _begin(self, connection: StreamConnection, stream: int, is_unfinished: Callable[[bytes], bool]) -> TakeSegment:
        """Returns the function that takes the first segments of a new connection."""
        self._forget(stream & ~1)
        connection.beginning = beginning = FirstBytes(
            connection, partial(self.take_for, connection), stream, is_unfinished
        )
        self.takers[stream] = beginning.segment
        self.takers[stream ^ 1] = beginning.answer
        return beginning.segment

    def begin_anew(
        self,
        connection: StreamConnection,
        stream: int,
        time_ns: int,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        data: bytes,
    ) -> None:
        """Takes a segment of a connection's next life, which has the same stream."""
        start = connection.start
        connection.close(Problem.REPLACED)
        if length:
            before = (seq - 1) & MASK
            isn = (None, before) if stream & 1 else (before, None)
            take = self._open(stream, FlowStart(start.key, start.ends, start.interface, isn), time_ns)
            # a SYN is passed on with its own sequence number, as bytes in a SYN are treated differently
            take(time_ns, before if flags & SYN else seq, ack, flags, length, len(data), data, 0)
        else:
            # the first payload opens the connection, because the source will know more of it by then
            self._forget(stream & ~1)

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """Takes a segment that came after a timeout had ended its connection."""
        ended = self.ended[stream & ~1]
        self._after_end(stream, ended, time_ns, seq, ack, flags, length, len(data), data, 0)

    def stream_of(self, key: bytes) -> int | None:
        """Returns the newest stream of an open connection by the flow's key, or None if none is open.

        It is asked for packets that came in fragments, whose order on their interface is not known.
        """
        known = self._connections.get(key)
        if known is None:
            return None
        known.come_back()
        if self._hops is not None:
            self._hops.doubt(known)
        return known.streams[-1]

    def note_order(self, stream: int, seq: int, expected: int, length: int, time_ns: int) -> None:
        """Notes a segment that is out of order on its interface; see SegmentOrder.take()."""
        if self._hops is not None:
            self._hops.note_order(stream, seq, expected, length, time_ns)

    def remove(
        self, connection: StreamConnection, problem: Problem | None, following: tuple[int | None, int | None]
    ) -> None:
        """Removes a connection that has ended, but remembers its streams.

        Args:
            connection: the connection.
            problem: why it has ended. None: it was rejected.
            following: for each end, the next sequence number, or None if nothing of the end was seen.
        """
        self._connections.pop(connection.start.key, None)  # gone already if a signal interrupted this
        for direction in connection.held:
            self.holes.pop(direction, None)
        self.watched.pop(connection, None)
        self._drop_lone(connection)
        may_go_on = problem in (Problem.IDLE, Problem.EVICTED) or connection.may_go_on
        if problem is Problem.EVICTED:
            following = (None, None)  # the parser's state is lost too, so that the rest begins in mid-stream
        passed = self._passed(connection, following) if problem else (None, None)
        ended = Ended(connection.start, following, passed, connection.last_ns, may_go_on)
        for stream in connection.streams:
            self.takers.pop(stream, None)
            self.takers.pop(stream | 1, None)
            self.ended[stream] = ended
        self._end_hops(connection, ended, is_http=problem is not None)
        while len(self.ended) > ENDED_MAX:
            del self.ended[next(iter(self.ended))]
        self.counts.one_sided += bool(problem) and not self.hears_twice and connection.is_one_sided

    def weigh(self) -> int:
        """Bytes of memory that all open connections take."""
        return sum(connection.weight for connection in self._connections.values())

    def relieve(self, limit: int) -> int:
        """Evicts the largest connections if all of them together take too much memory. Returns the bytes in use.

        Args:
            limit: bytes that all connections together may take.
        """
        weights = {connection: connection.weight for connection in self._connections.values()}
        size = sum(weights.values())
        if size * 8 <= limit * FULL_EIGHTHS:
            return size
        # if connections with nothing but first bytes take most of the memory, they are evicted first
        half_open = sum(weight for connection, weight in weights.items() if connection.beginning is not None)
        is_flood = half_open * 2 > size
        # among equal weights, the oldest connection comes first
        for connection in sorted(
            weights, key=lambda c: (is_flood and c.beginning is not None, weights[c]), reverse=True
        ):
            if size * 8 <= limit * RELIEVED_EIGHTHS:
                break
            size -= weights[connection]
            self._evict(connection)
        weights.clear()
        # connections and their directions refer to one another: only the garbage collector frees their memory
        gc.collect()
        return size

    def _evict(self, connection: StreamConnection) -> None:
        if connection.is_closed:
            return
        self.counts.evicted += 1
        if connection.beginning is not None:
            connection.forget()
        else:
            connection.close(Problem.EVICTED)

    def tick(self, now_ns: int, is_last: bool = False) -> None:
        """Handles holes that stayed open, timeouts, and idle connections.

        Args:
            now_ns: the current time in the source's clock.
            is_last: handles all that wait, however many they are.
        """
        for direction in list(self.holes) if is_last else _in_turn(self.holes):
            direction.go_on(now_ns)
        for connection in list(self.watched) if is_last else _in_turn(self.watched):
            connection.tick(now_ns)
        if now_ns - self._swept_ns >= SWEEP_NS:
            idle = (c for c in self._connections.values() if now_ns - c.last_ns >= IDLE_NS)
            some = list(idle if is_last else islice(idle, IDLE_A_TICK))
            if len(some) < IDLE_A_TICK:
                self._swept_ns = now_ns
            for connection in some:
                connection.come_back()
                if now_ns - connection.last_ns >= IDLE_NS:
                    connection.close(Problem.IDLE)

    def settle(self) -> None:
        """Stops waiting for bytes that have passed and for late answers: all that has passed by now is here."""
        for direction in list(self.holes):
            direction.settle()
        for connection in list(self.watched):
            connection.abandon()

    def close(self, time_ns: int, is_over: Callable[[], bool] = bool) -> None:
        """Ends every connection, at the end of the capture.

        Args:
            time_ns: the current time in the source's clock.
            is_over: whether no time is left. Connections that are open by then are counted, but not closed.
        """
        if not is_over():
            self.tick(time_ns, is_last=True)
        # By their keys: a list of the connections would keep all that is made for their end until the last has ended.
        for key in list(self._connections):
            if is_over():
                self.counts.left_open = len(self._connections)
                break
            if (connection := self._connections.get(key)) is not None:
                connection.close(Problem.CAPTURE_ENDED)
                connection.release()

    def _new(self, stream: int, start: FlowStart, time_ns: int) -> StreamConnection:
        if len(self._connections) >= CONNECTIONS_MAX:
            self._evict(next(iter(self._connections.values())))
        self._opened += 1
        model = Connection(self._opened, start.interface, start.ends, syn_ns=start.syn_ns, synack_ns=start.synack_ns)
        if self.hears_twice:
            # calls have no interface: their keys contain the network namespace in its place
            model.netns = int.from_bytes(start.key[-PLACE_BYTES:], sys.byteorder)
        connection = StreamConnection(self, start, stream, model, time_ns, self._converse)
        self._connections[start.key] = connection
        if self._hops is not None:
            self._hops.note(connection, start.key[:-PLACE_BYTES])
        if None in (start.syn_ns, start.synack_ns) and not self.hears_twice:  # at most half of the handshake was seen
            same = self._lone.setdefault(start.key[:-PLACE_BYTES], [])
            same.append(connection)
            del same[:-LONE_OF_SAME_ENDS_MAX]
            if len(self._lone) > LONE_MAX:
                del self._lone[next(iter(self._lone))]
        return connection

    def _join(
        self,
        stream: int,
        start: FlowStart,
        time_ns: int,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        kept: int,
        buffer: memoryview | bytes,
        at: int,
    ) -> None:
        """Takes the first segment of a flow whose ends have a connection on another interface.

        The flow is the other half of a one-sided connection if it comes from the end that was not seen, and if the
        numbers match. It is a hop of a connection that has the same numbers. Otherwise it is a connection of its own.
        """
        lone = self._lone.get(start.key[:-PLACE_BYTES], ())
        known = next((one for one in lone if one.continues(stream & 1, seq, ack)), None)
        hop_of = None
        if known is None and (hops := self._hops) is not None:
            hop_of = hops.of_numbers(start) or hops.near(start, start.key[:-PLACE_BYTES], stream & 1, seq, ack)
        if hop_of is not None:
            take = self._add_hop(hop_of, stream, start, time_ns)
        elif known is not None:
            self._drop_lone(known)
            known.join(stream, start.isn[stream & 1])
            self.take_for(known)
            take = self.takers[stream]
        else:
            take = self._open(stream, start, time_ns)
        take(time_ns, seq, ack, flags, length, kept, buffer, at)

    def _add_hop(self, known: StreamConnection, stream: int, start: FlowStart, time_ns: int) -> TakeSegment:
        """Returns the function that takes the segments of a flow that is a known connection on another interface."""
        assert self._hops is not None  # it has found the connection
        self._forget(stream & ~1)
        if known.is_closed:
            ended = self.ended.get(known.streams[0])
            if ended is None:  # too many connections have ended since
                return self._open(stream, start, time_ns)
            ended = _here(ended, start, self._hops.add_late(known, stream, start, time_ns))
            self.ended[stream & ~1] = ended
            return partial(self._after_end, stream, ended)
        takers = self._hops.add(known, stream, start, time_ns)
        self.takers[stream & ~1], self.takers[stream | 1] = takers
        return takers[stream & 1]

    def _end_hops(self, connection: StreamConnection, ended: Ended, is_http: bool) -> None:
        """Ends a connection on its other interfaces."""
        if self._hops is None:
            return
        hops = self._hops.drop(connection, connection.start.key[:-PLACE_BYTES], is_http)
        for stream, (start, _, is_reversed) in hops.items():
            self.takers.pop(stream, None)
            self.takers.pop(stream | 1, None)
            if not is_http:
                self.skipping.reject(stream)
            self.ended[stream] = _here(ended, start, is_reversed)

    @staticmethod
    def _passed(
        connection: StreamConnection, following: tuple[int | None, int | None]
    ) -> tuple[int | None, int | None]:
        """The next sequence numbers, without that of the end that received a reset: it may have sent more meanwhile."""
        if connection.reset_by is None:
            return following
        first, _ = connection.directions
        return (following[0], None) if connection.reset_by is first else (None, following[1])

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Counts a segment that came after the end of its direction. at: the next sequence number at the end."""
        self.counts.after_close += 1
        # Bytes just before the end are retransmissions. A keep-alive sends one byte, here at the place of the FIN.
        if at is not None and length and not (length == 1 and seq == at):
            self.counts.new_after_close += not -WINDOW_BYTES_MAX < distance(at, seq + length) <= 0

    def _drop_lone(self, connection: StreamConnection) -> None:
        ends = connection.start.key[:-PLACE_BYTES]
        lone = self._lone.get(ends, [])
        if connection in lone:
            lone.remove(connection)
            if not lone:
                del self._lone[ends]

    def _forget(self, stream: int) -> None:
        """Forgets a stream, so that its next segment opens a connection."""
        self.ended.pop(stream, None)
        self.takers.pop(stream, None)
        self.takers.pop(stream | 1, None)

    def _after_end(
        self,
        stream: int,
        ended: Ended,
        time_ns: int,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        kept: int,
        buffer: memoryview | bytes,
        start: int,
    ) -> None:
        follows = ended.followed_by(stream & 1, seq, ack, time_ns) if length else None
        if follows is not None and follows.key not in self._connections:
            self._open(stream, follows, time_ns)(time_ns, seq, ack, flags, length, kept, buffer, start)
            return
        if flags & SYN:
            # its next life has the same stream
            self._forget(stream & ~1)
        self.count_after_close(ended.passed[stream & 1], seq, length)


def _here(ended: Ended, start: FlowStart, is_reversed: bool) -> Ended:
    """What is remembered of a connection on another interface, where its ends may be in the other order."""
    if is_reversed:
        ended = ended._replace(following=ended.following[::-1], passed=ended.passed[::-1])
    return ended._replace(start=start)


def _in_turn(waiting: dict[Waiting, None]) -> list[Waiting]:
    """Returns the first of the waiting entries, and moves them behind the others."""
    first = list(islice(waiting, WAITING_A_TICK))
    if len(first) < len(waiting):
        for one in first:
            del waiting[one]
            waiting[one] = None
    return first
