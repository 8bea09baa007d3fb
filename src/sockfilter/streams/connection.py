"""One life of a connection: its two directions and their common end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.budget import BEGINNING_BYTES, CONNECTION_BYTES
from sockfilter.model.flow import FlowStart
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import distance
from sockfilter.streams.calls import CallDirection
from sockfilter.streams.direction import HELD_BYTES_MAX, Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import SegmentCounts
    from sockfilter.model.connection import Connection
    from sockfilter.model.flow import LeftOut
    from sockfilter.streams.beginning import FirstBytes
    from sockfilter.streams.direction import DirectionTaker, Skipping

# How long a request waits for its response after the client has closed its end. Some clients close only their half and
# read the response; most have given up.
HALF_CLOSED_NS = 500_000_000
# How long a reset ahead of the expected sequence number is in doubt: as long as the bytes before it may come.
RESET_DOUBT_NS = 500_000_000


class StreamTaker(Protocol):
    """Takes the bytes of both directions."""

    @property
    def receivers(self) -> tuple[DirectionTaker, DirectionTaker]:
        """The receivers of both ends."""

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes."""

    def abandon(self, end: int) -> None:
        """Notes that an end has closed, and that the answer to it has not come in time."""

    def close(self, problem: Problem) -> None:
        """Notes that the connection has ended, and why. Both receivers have ended before."""


class ConnectionKeeper(Protocol):
    """What a connection needs of the table of connections.

    Attributes:
        counts: the counters of segments.
        holes: the directions that wait for something.
        watched: the connections with a running timeout.
    """

    counts: SegmentCounts
    holes: dict[Direction, None]
    watched: dict[StreamConnection, None]

    @property
    def skipping(self) -> Skipping:
        """Sends skip hints to the source."""

    @property
    def hears_twice(self) -> bool:
        """Whether the same bytes may come from both ends, and late."""

    def take_for(self, connection: StreamConnection) -> None:
        """Routes the segments of a connection to its directions."""

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

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """Takes a segment that came after a timeout had ended its connection."""

    def remove(
        self, connection: StreamConnection, problem: Problem | None, following: tuple[int | None, int | None]
    ) -> None:
        """Removes a connection that has ended, but remembers its streams."""

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Counts a segment that came after the end of its direction or connection."""


class StreamConnection:
    """A connection in the table. It creates its directions and its conversation when its first segment comes.

    Args:
        table: the table.
        start: what the source knows of the flow.
        stream: the source's number of either direction. The two numbers differ in the lowest bit.
        model: the public description of the connection.
        time_ns: when it was first seen.
        converse: makes the conversation that takes its bytes.

    Attributes:
        beginning: holds its first bytes until they are enough to parse, and is None afterwards.
        recall: takes the connection back from the lane, if it is there.
        entered_at: the number of its exchanges when it entered the lane.
        short_stays: how often in a row it left the lane after a few exchanges.
        may_go_on: whether nothing but a reset in doubt has ended it.
        reset_by: the direction whose reset has ended it, or may have ended it.
    """

    __slots__ = (
        "_conversation",
        "_converse",
        "_directions",
        "_half_closed_ns",
        "_reset_ns",
        "_table",
        "beginning",
        "entered_at",
        "is_closed",
        "is_damaged",
        "last_ns",
        "may_go_on",
        "model",
        "opened_ns",
        "recall",
        "reset_by",
        "short_stays",
        "start",
        "streams",
    )

    def __init__(
        self,
        table: ConnectionKeeper,
        start: FlowStart,
        stream: int,
        model: Connection,
        time_ns: int,
        converse: Callable[[StreamConnection], StreamTaker],
    ) -> None:
        self._table = table
        self.start = start
        self.model = model
        self.streams = [stream & ~1]
        model.streams = self.streams
        self.opened_ns = self.last_ns = time_ns
        self.is_closed = self.is_damaged = self.may_go_on = False
        self.recall: Callable[[], None] | None = None
        self.entered_at = self.short_stays = 0
        self._half_closed_ns: int | None = None
        self._reset_ns: int | None = None  # when a reset came that may not be valid for this life
        self.reset_by: Direction | None = None
        self._directions: tuple[Direction, Direction] | None = None
        self._converse = converse
        self._conversation: StreamTaker | None = None
        self.beginning: FirstBytes | None = None

    @property
    def conversation(self) -> StreamTaker:
        """The conversation, which takes its bytes."""
        if self._conversation is None:
            self._conversation = self._converse(self)
        return self._conversation

    @property
    def directions(self) -> tuple[Direction, Direction]:
        """The directions of both ends."""
        if self._directions is None:
            stream = self.streams[0]
            table = self._table
            kind = CallDirection if table.hears_twice else Direction
            first = kind(table.counts, table.holes, table.skipping, self, stream, self.start.isn[0])
            second = kind(table.counts, table.holes, table.skipping, self, stream | 1, self.start.isn[1])
            first.peer, second.peer = second, first
            self._directions = (first, second)
            first.receiver, second.receiver = self.conversation.receivers
        return self._directions

    @property
    def isn(self) -> tuple[int | None, int | None]:
        """The sequence number of each end's SYN, or None if it was not seen."""
        return self.start.isn

    def replace(self, conversation: StreamTaker) -> None:
        """Passes the bytes to another conversation from here on."""
        self._conversation = conversation
        for direction, receiver in zip(self.held, conversation.receivers, strict=False):
            direction.receiver = receiver

    @property
    def held(self) -> tuple[Direction, ...]:
        """The directions, if they have been created."""
        return self._directions or ()

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes."""
        if self.beginning is not None:
            return BEGINNING_BYTES + self.beginning.weight
        return CONNECTION_BYTES + sum(direction.held_bytes for direction in self.held) + self.conversation.weight

    def close(self, problem: Problem) -> None:
        """Ends both directions and leaves the table."""
        if self.is_closed:
            return
        if self._reset_ns is not None and self.last_ns <= self._reset_ns:
            problem, self.may_go_on = Problem.RESET, True
        self.come_back()
        self.is_closed = True
        self._let_go()
        for direction in self.directions:
            direction.end(problem)
        self._table.remove(self, problem, self.following)
        self.conversation.close(problem)

    def release(self) -> None:
        """Breaks the cycles of references of a closed connection, at the end of the capture.

        Otherwise all that was made for the end of 60 000 connections stays until a full garbage collection.
        """
        self._conversation = self._directions = None

    def half_close(self) -> None:
        """Notes that one end has closed while the other end is open or still sends."""
        if self._half_closed_ns is not None:
            return
        self._half_closed_ns = self.last_ns
        self._note_watch()

    def doubt_reset(self, direction: Direction, time_ns: int) -> None:
        """Notes a reset that its receiver may have ignored."""
        self.reset_by, self._reset_ns = direction, time_ns
        self._note_watch()

    @property
    def is_watched(self) -> bool:
        """Whether a timeout is running."""
        return self._reset_ns is not None or self._half_closed_ns is not None

    def tick(self, now_ns: int) -> None:
        """Handles the timeouts that have passed."""
        if self._reset_ns is not None and now_ns - self._reset_ns >= RESET_DOUBT_NS:
            if self.last_ns <= self._reset_ns:
                self.close(Problem.RESET)
                return
            self.reset_by = self._reset_ns = None
            self._note_watch()
        if self._half_closed_ns is not None and now_ns - self._half_closed_ns >= HALF_CLOSED_NS:
            self.abandon()

    def abandon(self) -> None:
        """Stops waiting for the answer to the end that has closed."""
        if self._half_closed_ns is not None and not self.is_closed:
            self._half_closed_ns = None
            self._note_watch()
            self.conversation.abandon(0 if self.directions[0].has_ended else 1)

    def _note_watch(self) -> None:
        if self.is_watched:
            self._table.watched[self] = None
        else:
            self._table.watched.pop(self, None)
        self.directions[0].look_closely()

    def come_back(self) -> None:
        """Brings its state up to date: takes it back from the lane, and passes on its waiting first bytes."""
        if self.recall is not None:
            self.recall()
        if self.beginning is not None:
            self.beginning.tell()

    @property
    def is_at_rest(self) -> bool:
        """Whether both directions wait for the next bytes in order and nothing else, and it has one stream only."""
        first, second = self.directions
        return not self.is_closed and len(self.streams) == 1 and first.is_at_rest and second.is_at_rest

    def announce(self, end: int, size: int) -> None:
        """Notes that the receiver of an end ignores the next size bytes."""
        self.directions[end].announce(size)

    def leave_out(self, end: int, number: int, take: Callable[[LeftOut], int]) -> None:
        """Notes that the content of a stream of HTTP/2 that an end sends is not needed; see Direction.leave_out()."""
        self.directions[end].leave_out(number, take)

    def resume(
        self,
        following: tuple[int, int],
        acked: tuple[int | None, int | None],
        last_ns: int,
        passed: tuple[int, int],
    ) -> None:
        """Takes over from the lane.

        Args:
            following: for each end, the next sequence number.
            acked: for each end, the acknowledgement number of its last segment, or None if there was no segment.
            last_ns: when the last segment passed.
            passed: the number of bytes that each end sent while the connection was in the lane.
        """
        self.last_ns = last_ns
        for direction, seq, ack, size in zip(self.directions, following, acked, passed, strict=True):
            direction.next, direction.acked = seq, ack
            direction.total += size
        self._table.take_for(self)

    def end_at_rest(self, following: tuple[int, int], last_ns: int) -> None:
        """Leaves the table. Both ends have closed in the lane, and all exchanges have ended.

        Args:
            following: for each end, the next sequence number.
            last_ns: when the last segment passed.
        """
        self.last_ns = last_ns
        self.is_closed = True
        self._table.remove(self, Problem.CLOSED, following)
        # the conversation refers to its connection: this breaks the cycle, so that no garbage collection is needed
        self._conversation = None

    def forget(self) -> None:
        """Leaves the table for lack of room, with nothing but first bytes that were too few to parse."""
        self.is_closed = True
        self._table.remove(self, Problem.EVICTED, (None, None))

    def reject(self) -> None:
        """Leaves the table because it is not HTTP, and asks the source to send no more of it."""
        if self.is_closed:
            return
        self.is_closed = True
        for direction in self.directions:
            direction.discard()
            # if the capture began in mid-stream, the first bytes prove nothing
            if None in self.start.isn:
                self._table.skipping.forget(direction.stream)
            else:
                self._table.skipping.reject(direction.stream)
        self._table.remove(self, None, self.following)

    def renumber(self, stream: int, start: FlowStart) -> None:
        """Notes the new number that the source uses for it, and the times of the handshake if they were unknown.

        The source gives a new number if its own table has lost the connection, or never had it.
        """
        self.streams.append(stream & ~1)
        for i, direction in enumerate(self.directions):
            direction.renumber(stream & ~1 | i)
        if self.model.syn_ns is None:
            self.model.syn_ns, self.model.synack_ns = start.syn_ns, start.synack_ns

    def continues(self, end: int, seq: int, ack: int) -> bool:
        """Whether the numbers of a segment from another interface match the end that was not seen here."""
        self.come_back()
        silent, heard = self.directions[end], self.directions[1 - end]
        if (silent.next is not None and not silent.is_at_start) or heard.next is None or heard.acked is None:
            return False
        near = HELD_BYTES_MAX
        return -near <= distance(heard.acked, seq) <= near and -near <= distance(heard.next, ack) <= near

    def join(self, stream: int, isn: int | None) -> None:
        """Adds the stream of an end that another interface shows.

        Args:
            stream: the stream; its lowest bit says which end it is.
            isn: the sequence number of that end's SYN, or None if it was not seen.
        """
        self.streams.append(stream & ~1)
        direction = self.directions[stream & 1]
        direction.renumber(stream)
        if isn is not None and direction.next is None:
            direction.begin(isn)

    def learn_syn(self, direction: Direction, isn: int, time_ns: int) -> None:
        """Notes the SYN of an end. It comes late if the SYN of the other end had bytes (TCP Fast Open, RFC 7413)."""
        first, second = self.directions
        isns = self.start.isn
        self.start = self.start._replace(isn=(isn, isns[1]) if direction is first else (isns[0], isn))
        if self.model.syn_ns is not None and self.model.synack_ns is None:
            self.model.synack_ns = time_ns
        if direction.peer.is_at_start:
            # those bytes are still waiting, so that the new conversation will see all bytes
            self._conversation = self._converse(self)
            first.receiver, second.receiver = self._conversation.receivers

    def begin_anew(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """Takes a segment of its next life, which has the same stream."""
        self._table.begin_anew(self, stream, time_ns, seq, ack, flags, length, data)

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """Takes a segment that came after a timeout had ended the connection."""
        self._table.begin_again(stream, time_ns, seq, ack, flags, length, data)

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Counts a segment that came after the end of one of its directions."""
        self._table.count_after_close(at, seq, length)

    def is_same_life(self, start: FlowStart) -> bool:
        """Whether a flow that appears again is this life of the connection, and not the next."""
        if start.syn_ns is not None:
            mine_ns = self.start.syn_ns
            # a connection seen without a SYN may have had one: the kernel does not look for a SYN in a fragment
            return start.syn_ns == mine_ns or (mine_ns is None and start.syn_ns <= self.opened_ns)
        return not any(
            mine is not None and theirs is not None and mine != theirs
            for mine, theirs in zip(self.start.isn, start.isn, strict=True)
        )

    @property
    def following(self) -> tuple[int | None, int | None]:
        """For each end, the next sequence number, or None if nothing of the end was seen."""
        first, second = self.directions
        return first.next, second.next

    @property
    def is_one_sided(self) -> bool:
        """Whether nothing of one end was seen, although the other end has received bytes from it."""
        return any(
            d.total
            and d.has_heard
            and (d.peer.next is None or (self.start.told == 1 - end and not d.peer.was_seen))
            and d.peer is not self.reset_by
            for end, d in enumerate(self.held)
        )

    def _let_go(self) -> None:
        """Delivers the waiting segments of both directions in the order of their times, with gaps for missing bytes."""
        while True:
            held = [(d.waiting_since_ns, i) for i, d in enumerate(self.directions) if d.waiting_since_ns is not None]
            if not held:
                return
            self.directions[min(held)[1]].give_up()
