"""The connections that are open, found by their streams."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.flow import TakeSegment
    from sockfilter.streams.direction import Direction, Skipping

# connections open at once: as many as the kernel's table has (SF_CONNECTIONS)
CONNECTIONS_MAX = 65536
# streams of ended connections that are remembered, so that stragglers do not open them again
ENDED_MAX = 8192
# numbers that the source may give one connection: its old ones are needed while records of theirs are under way
STREAMS_MAX = 4
# silence after which a connection counts as gone: longer than servers keep idle ones
IDLE_NS = 600 * 1_000_000_000
# How long numbers of an ended connection are its own: as long as Linux keeps it (TCP_TIMEWAIT_LEN).
TIME_WAIT_NS = 60 * 1_000_000_000
# One-sided connections that may find their other half on another interface; the oldest is given up first.
LONE_MAX = 1024
# Of these, those with the same ends: both sides of two bridges.
LONE_OF_SAME_ENDS_MAX = 4
# between two looks for idle connections
SWEEP_NS = 10 * 1_000_000_000
# idle connections that one tick ends: a tenth of a second's work; the next tick goes on
IDLE_A_TICK = 1000
# Connections that one tick looks at, of those that wait: 2 ms of the 10 between two ticks. The others follow in turn.
WAITING_A_TICK = 256

Waiting = TypeVar("Waiting")


# of a flow's key, the last: where it is, an interface or a network namespace
PLACE_BYTES = 4


class Ended(NamedTuple):
    """What is remembered of a connection that has ended.

    Attributes:
        start: how it began.
        following: for each end, the sequence number that would come next; None: nothing of it was seen.
        passed: the same; None also where nobody misses what an end still sends.
        time_ns: when its last segment passed.
        may_go_on: it was only taken for ended.
    """

    start: FlowStart
    following: tuple[int | None, int | None]
    passed: tuple[int | None, int | None]
    time_ns: int
    may_go_on: bool

    def followed_by(self, end: int, seq: int, ack: int, time_ns: int) -> FlowStart | None:
        """What begins with bytes that come after the end: the rest of it, or another life. None: neither.

        Args:
            end: who sent them.
            seq, ack: of their segment.
            time_ns: when it passed.
        """
        key, ends, interface, *_ = self.start
        if self.may_go_on:
            first, second = (None if number is None else (number - 1) & MASK for number in self.following)
            return FlowStart(key, ends, interface, (first, second))
        is_another = time_ns - self.time_ns >= TIME_WAIT_NS or self._lie_far(end, seq, ack)
        return FlowStart(key, ends, interface) if is_another else None

    def _lie_far(self, end: int, seq: int, ack: int) -> bool:
        """Whether both numbers are of another life of the connection, whose SYN was not seen."""
        numbers = ((self.following[end], seq), (self.following[1 - end], ack))
        return all(
            mine is None or not -HELD_BYTES_MAX <= distance(mine, theirs) <= NEAR_AFTER_END_BYTES
            for mine, theirs in numbers
        )


class ConnectionTable:
    """Finds or opens the connection of each stream.

    Args:
        converse: makes what takes a new connection's bytes.
        skipping: the way back to the source.
        hears_twice: the same bytes may come from both ends, and late; none is sent again.
        is_unfinished: whether the first bytes of a connection say nothing before more of them come. None: they do.
    """

    def __init__(
        self,
        converse: Callable[[StreamConnection], StreamTaker],
        skipping: Skipping,
        hears_twice: bool = False,
        is_unfinished: Callable[[bytes], bool] | None = None,
    ) -> None:
        # what is heard at both ends comes in any order: what waits may be the second sight of it
        self._is_unfinished = None if hears_twice else is_unfinished
        self._converse = converse
        self.hears_twice = hears_twice
        self.skipping = skipping
        self.counts = SegmentCounts()
        self.holes: dict[Direction, None] = {}
        # stream -> what takes its segments; looked up for every record
        self.takers: dict[int, TakeSegment] = {}
        # both lose their oldest, over and over: a dict would look for it among all that it has lost before
        self._connections: OrderedDict[bytes, StreamConnection] = OrderedDict()
        # by the streams of connections that have ended; the oldest first
        self.ended: OrderedDict[int, Ended] = OrderedDict()
        # those of which something is due at a certain time, though they hold nothing
        self.watched: dict[StreamConnection, None] = {}
        # by both ends, without the interface: those of which one half was seen, the oldest first
        self._lone: OrderedDict[bytes, list[StreamConnection]] = OrderedDict()
        self._opened = 0
        self._swept_ns = 0

    @property
    def connections(self) -> list[StreamConnection]:
        """Those that are open, the oldest first."""
        return list(self._connections.values())

    def __len__(self) -> int:
        return len(self._connections)

    def open(self, stream: int, start: FlowStart, time_ns: int) -> TakeSegment:
        """What takes the segments of a stream that is not among the takers: a new connection, or a known one.

        Args:
            stream: the source's number for one direction of a connection.
            start: what the source knows of it.
            time_ns: now, in the source's clock.
        """
        ended = stream & ~1
        if ended in self.ended:
            return partial(self._after_end, stream, self.ended[ended])
        if self._lone and start.key not in self._connections and start.key[:-PLACE_BYTES] in self._lone:
            return partial(self._join, stream, start)
        return self._open(stream, start, time_ns)

    def enter(self, stream: int, start: FlowStart, time_ns: int) -> StreamConnection | None:
        """A new connection that takes the short road. None: it is not new."""
        known = self._connections.get(start.key)
        if known is not None:
            known.come_back()
            if known.is_same_life(start):
                return None
            known.close(Problem.REPLACED)
        return self._new(stream, start, time_ns)

    def take_for(self, connection: StreamConnection) -> None:
        """From here on, a connection's segments come to its directions."""
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
        """What takes the first segments of a new connection."""
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
        """A segment of a connection's next life has come, under the number of the one before."""
        start = connection.start
        connection.close(Problem.REPLACED)
        if length:
            before = (seq - 1) & MASK
            isn = (None, before) if stream & 1 else (before, None)
            take = self._open(stream, FlowStart(start.key, start.ends, start.interface, isn), time_ns)
            # a SYN as it came: one with bytes is no segment like others
            take(time_ns, before if flags & SYN else seq, ack, flags, length, len(data), data, 0)
        else:
            # its first payload opens it, and its source knows more of it then
            self._forget(stream & ~1)

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """A segment has come that shows for how long its connection had been silent: it has ended before."""
        ended = self.ended[stream & ~1]
        self._after_end(stream, ended, time_ns, seq, ack, flags, length, len(data), data, 0)

    def stream_of(self, key: bytes) -> int | None:
        """A stream of an open connection by the flow's key."""
        known = self._connections.get(key)
        if known is None:
            return None
        known.come_back()
        return known.streams[-1]

    def remove(
        self, connection: StreamConnection, problem: Problem | None, following: tuple[int | None, int | None]
    ) -> None:
        """Forgets a connection that has ended, but for its streams.

        Args:
            connection: it.
            problem: why it has ended.
            following: for each end, the sequence number that would come next; None: nothing of it was seen.
        """
        del self._connections[connection.start.key]
        for direction in connection.held:
            self.holes.pop(direction, None)
        self.watched.pop(connection, None)
        self._drop_lone(connection)
        may_go_on = problem in (Problem.IDLE, Problem.EVICTED) or connection.may_go_on
        if problem is Problem.EVICTED:
            following = (None, None)  # where it is in a message is forgotten too: it goes on in mid-stream
        passed = self._passed(connection, following) if problem else (None, None)
        ended = Ended(connection.start, following, passed, connection.last_ns, may_go_on)
        for stream in connection.streams:
            self.takers.pop(stream, None)
            self.takers.pop(stream | 1, None)
            self.ended[stream] = ended
        while len(self.ended) > ENDED_MAX:
            del self.ended[next(iter(self.ended))]
        self.counts.one_sided += bool(problem) and not self.hears_twice and connection.is_one_sided

    def weigh(self) -> int:
        """Bytes that all that is open takes."""
        return sum(connection.weight for connection in self._connections.values())

    def relieve(self, limit: int) -> int:
        """Weighs what is open, and gives up the largest connections where there is too much. Returns bytes in use.

        Args:
            limit: bytes that all of it may take.
        """
        weights = {connection: connection.weight for connection in self._connections.values()}
        size = sum(weights.values())
        if size * 8 <= limit * FULL_EIGHTHS:
            return size
        # where the half-open ones take the most of it together, the others do not pay for them
        half_open = sum(weight for connection, weight in weights.items() if connection.beginning is not None)
        is_flood = half_open * 2 > size
        # of those that weigh the same, the oldest first
        for connection in sorted(
            weights, key=lambda c: (is_flood and c.beginning is not None, weights[c]), reverse=True
        ):
            if size * 8 <= limit * RELIEVED_EIGHTHS:
                break
            size -= weights[connection]
            self._evict(connection)
        weights.clear()
        # connections and their directions know one another: until they are collected, they take what they took
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
        """Does what is due: holes that stayed open, connections that fell silent.

        Args:
            now_ns: now, in the source's clock.
            is_last: looks at all that wait, however many they are.
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
        """All that has passed by now is here: what waits for more of it, or for a late answer, waits no longer."""
        for direction in list(self.holes):
            direction.settle()
        for connection in list(self.watched):
            connection.abandon()

    def close(self, time_ns: int, is_over: Callable[[], bool] = bool) -> None:
        """Ends every connection: the capture is over.

        Args:
            time_ns: now, in the source's clock.
            is_over: whether there is no more time for it; what is open by then is counted, and nothing is told of it.
        """
        if not is_over():
            self.tick(time_ns, is_last=True)
        for connection in list(self._connections.values()):
            if is_over():
                self.counts.left_open = len(self._connections)
                break
            connection.close(Problem.CAPTURE_ENDED)

    def _new(self, stream: int, start: FlowStart, time_ns: int) -> StreamConnection:
        if len(self._connections) >= CONNECTIONS_MAX:
            self._evict(next(iter(self._connections.values())))
        self._opened += 1
        model = Connection(self._opened, start.interface, start.ends, syn_ns=start.syn_ns, synack_ns=start.synack_ns)
        if self.hears_twice:
            # calls are heard everywhere, and what takes the place of an interface says where
            model.netns = int.from_bytes(start.key[-PLACE_BYTES:], sys.byteorder)
        connection = StreamConnection(self, start, stream, model, time_ns, self._converse)
        self._connections[start.key] = connection
        if None in (start.syn_ns, start.synack_ns) and not self.hears_twice:  # of the handshake, one half at most
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
        """The first segment of a flow whose ends have a connection on another interface.

        It is the other half of that connection where that has heard one end alone, this comes from the other
        end, and the numbers of both fit. Else it is a connection of its own.
        """
        lone = self._lone.get(start.key[:-PLACE_BYTES], ())
        known = next((one for one in lone if one.continues(stream & 1, seq, ack)), None)
        if known is not None:
            self._drop_lone(known)
            known.join(stream, start.isn[stream & 1])
            self.take_for(known)
            take = self.takers[stream]
        else:
            take = self._open(stream, start, time_ns)
        take(time_ns, seq, ack, flags, length, kept, buffer, at)

    @staticmethod
    def _passed(
        connection: StreamConnection, following: tuple[int | None, int | None]
    ) -> tuple[int | None, int | None]:
        """What a connection's ends had sent, but for that which had sent on before it knew of a reset."""
        if connection.reset_by is None:
            return following
        first, _ = connection.directions
        return (following[0], None) if connection.reset_by is first else (None, following[1])

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Takes note of a segment of what had ended, where the sequence number that would have come next was this."""
        self.counts.after_close += 1
        # what lies right behind came again; a keep-alive repeats one byte, in the place of the FIN here
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
        """The next segment of this stream opens a connection."""
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
            # its next life, under the number of the one before
            self._forget(stream & ~1)
        self.count_after_close(ended.passed[stream & 1], seq, length)


def _in_turn(waiting: dict[Waiting, None]) -> list[Waiting]:
    """Some of those that wait, which go behind the others."""
    first = list(islice(waiting, WAITING_A_TICK))
    if len(first) < len(waiting):
        for one in first:
            del waiting[one]
            waiting[one] = None
    return first
