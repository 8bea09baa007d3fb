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
    from sockfilter.streams.beginning import FirstBytes
    from sockfilter.streams.direction import DirectionTaker, Skipping

# How long the answer to a client that has closed its end is waited for: some close only their half, and do
# take it; most have given up.
HALF_CLOSED_NS = 500_000_000
# How long a reset whose number is ahead of what is here is in doubt: as long as the bytes before it may come.
RESET_DOUBT_NS = 500_000_000


class StreamTaker(Protocol):
    """What takes the bytes of both directions."""

    @property
    def receivers(self) -> tuple[DirectionTaker, DirectionTaker]:
        """One for each end."""

    @property
    def weight(self) -> int:
        """Bytes that it keeps."""

    def abandon(self, end: int) -> None:
        """Takes note that an end has closed, and that what it waited for has not come in time."""

    def close(self, problem: Problem) -> None:
        """Takes note that the connection has ended, and why; both receivers have ended before."""


class ConnectionKeeper(Protocol):
    """The table of connections, as one of them needs it.

    Attributes:
        counts: of segments.
        holes: the directions that wait for something.
        watched: the connections of which something is due at a certain time.
    """

    counts: SegmentCounts
    holes: dict[Direction, None]
    watched: dict[StreamConnection, None]

    @property
    def skipping(self) -> Skipping:
        """The way back to the source."""

    @property
    def hears_twice(self) -> bool:
        """Whether the same bytes may come from both ends, and late."""

    def take_for(self, connection: StreamConnection) -> None:
        """From here on, a connection's segments come to its directions."""

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

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """A segment has come that shows for how long its connection had been silent: it has ended before."""

    def remove(
        self, connection: StreamConnection, problem: Problem | None, following: tuple[int | None, int | None]
    ) -> None:
        """Forgets a connection that has ended, but for its streams."""

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Takes note of a segment of what had ended."""


class StreamConnection:
    """A connection as the table keeps it. What its segments need is made with the first of them, if there is one.

    Args:
        table: the table.
        start: the flow's first sight.
        stream: the source's number for either direction; they differ in the lowest bit.
        model: the noun.
        time_ns: when it was first seen.
        converse: makes what takes its bytes.

    Attributes:
        beginning: holds its first bytes, as long as they say nothing; None: they have been told.
        recall: where its segments take the short road, makes them come here again.
        entered_at: exchanges that it had had when it took the short road.
        short_stays: how often in a row it came back from it after a few exchanges.
        may_go_on: nothing but a reset in doubt has ended it.
        reset_by: the direction whose reset has ended it, or may have.
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
        self.opened_ns = self.last_ns = time_ns
        self.is_closed = self.is_damaged = self.may_go_on = False
        self.recall: Callable[[], None] | None = None
        self.entered_at = self.short_stays = 0
        self._half_closed_ns: int | None = None
        self._reset_ns: int | None = None  # a reset that may not have been for this life
        self.reset_by: Direction | None = None
        self._directions: tuple[Direction, Direction] | None = None
        self._converse = converse
        self._conversation: StreamTaker | None = None
        self.beginning: FirstBytes | None = None

    @property
    def conversation(self) -> StreamTaker:
        """What takes its bytes."""
        if self._conversation is None:
            self._conversation = self._converse(self)
        return self._conversation

    @property
    def directions(self) -> tuple[Direction, Direction]:
        """One for each end."""
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
        """The sequence number of each end's SYN; None: not seen."""
        return self.start.isn

    def replace(self, conversation: StreamTaker) -> None:
        """What comes from here on is for another conversation."""
        self._conversation = conversation
        for direction, receiver in zip(self.held, conversation.receivers, strict=False):
            direction.receiver = receiver

    @property
    def held(self) -> tuple[Direction, ...]:
        """The directions that may hold something: those that were made."""
        return self._directions or ()

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes, as far as they depend on what was said."""
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

    def half_close(self) -> None:
        """One end has closed, and the other has not, or goes on nevertheless."""
        if self._half_closed_ns is not None:
            return
        self._half_closed_ns = self.last_ns
        self._note_watch()

    def doubt_reset(self, direction: Direction, time_ns: int) -> None:
        """A reset has come that its receiver may have let pass."""
        self.reset_by, self._reset_ns = direction, time_ns
        self._note_watch()

    @property
    def is_watched(self) -> bool:
        """Whether something is due at a certain time."""
        return self._reset_ns is not None or self._half_closed_ns is not None

    def tick(self, now_ns: int) -> None:
        """Does what is due where it is watched."""
        if self._reset_ns is not None and now_ns - self._reset_ns >= RESET_DOUBT_NS:
            if self.last_ns <= self._reset_ns:
                self.close(Problem.RESET)
                return
            self.reset_by = self._reset_ns = None
            self._note_watch()
        if self._half_closed_ns is not None and now_ns - self._half_closed_ns >= HALF_CLOSED_NS:
            self.abandon()

    def abandon(self) -> None:
        """What the end that has closed waited for is not waited for any longer."""
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
        """What it is asked for next is said here: not on the short road, and not by bytes that wait."""
        if self.recall is not None:
            self.recall()
        if self.beginning is not None:
            self.beginning.tell()

    @property
    def is_at_rest(self) -> bool:
        """Whether both directions wait for new bytes in order, and for nothing else, under the one number they have."""
        first, second = self.directions
        return not self.is_closed and len(self.streams) == 1 and first.is_at_rest and second.is_at_rest

    def announce(self, end: int, size: int) -> None:
        """The receiver of an end will ignore this many bytes from here on."""
        self.directions[end].announce(size)

    def resume(
        self,
        following: tuple[int, int],
        acked: tuple[int | None, int | None],
        last_ns: int,
        passed: tuple[int, int],
    ) -> None:
        """Goes on where the short road ended.

        Args:
            following: for each end, the sequence number that comes next.
            acked: what each had received by its last segment; None: there was none.
            last_ns: when the last segment passed.
            passed: bytes that each has sent there.
        """
        self.last_ns = last_ns
        for direction, seq, ack, size in zip(self.directions, following, acked, passed, strict=True):
            direction.next, direction.acked = seq, ack
            direction.total += size
        self._table.take_for(self)

    def end_at_rest(self, following: tuple[int, int], last_ns: int) -> None:
        """Leaves the table: both ends have closed on the short road, and all has been told.

        Args:
            following: for each end, the sequence number that would come next.
            last_ns: when the last segment passed.
        """
        self.last_ns = last_ns
        self.is_closed = True
        self._table.remove(self, Problem.CLOSED, following)
        # it knows its connection: without it, nothing waits for the collector of cycles
        self._conversation = None

    def forget(self) -> None:
        """Leaves the table without a word: there is no room for it, and all that it has said are its first bytes."""
        self.is_closed = True
        self._table.remove(self, Problem.EVICTED, (None, None))

    def reject(self) -> None:
        """Leaves the table without a word, and asks the source for no more of it: it is not what it seemed."""
        if self.is_closed:
            return
        self.is_closed = True
        for direction in self.directions:
            direction.discard()
            # in mid-stream, first bytes prove nothing
            if None in self.start.isn:
                self._table.skipping.forget(direction.stream)
            else:
                self._table.skipping.reject(direction.stream)
        self._table.remove(self, None, self.following)

    def renumber(self, stream: int, start: FlowStart) -> None:
        """The source has a new number for it, as its table had forgotten it, or had not known it; and may know more."""
        self.streams.append(stream & ~1)
        for i, direction in enumerate(self.directions):
            direction.renumber(stream & ~1 | i)
        if self.model.syn_ns is None:
            self.model.syn_ns, self.model.synack_ns = start.syn_ns, start.synack_ns

    def continues(self, end: int, seq: int, ack: int) -> bool:
        """Whether a segment that comes from elsewhere is of an end that was not heard here, by its numbers."""
        self.come_back()
        silent, heard = self.directions[end], self.directions[1 - end]
        if (silent.next is not None and not silent.is_at_start) or heard.next is None or heard.acked is None:
            return False
        near = HELD_BYTES_MAX
        return -near <= distance(heard.acked, seq) <= near and -near <= distance(heard.next, ack) <= near

    def join(self, stream: int, isn: int | None) -> None:
        """One end is heard elsewhere, under a number of its own.

        Args:
            stream: the number; its lowest bit says which end.
            isn: the sequence number of that end's SYN; None: not seen.
        """
        self.streams.append(stream & ~1)
        direction = self.directions[stream & 1]
        direction.renumber(stream)
        if isn is not None and direction.next is None:
            direction.begin(isn)

    def learn_syn(self, direction: Direction, isn: int, time_ns: int) -> None:
        """The first segment of an end is its SYN: the connection was opened by bytes in the other end's (RFC 7413)."""
        first, second = self.directions
        isns = self.start.isn
        self.start = self.start._replace(isn=(isn, isns[1]) if direction is first else (isns[0], isn))
        if self.model.syn_ns is not None and self.model.synack_ns is None:
            self.model.synack_ns = time_ns
        if direction.peer.is_at_start:
            # those bytes have waited: nothing has been said, and all of it will be seen
            self._conversation = self._converse(self)
            first.receiver, second.receiver = self._conversation.receivers

    def begin_anew(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """A segment of its next life has come, under the number of this one."""
        self._table.begin_anew(self, stream, time_ns, seq, ack, flags, length, data)

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """A segment has come that shows for how long it had been silent: it has ended before."""
        self._table.begin_again(stream, time_ns, seq, ack, flags, length, data)

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Takes note of a segment behind the end of one of its directions."""
        self._table.count_after_close(at, seq, length)

    def is_same_life(self, start: FlowStart) -> bool:
        """Whether a flow that comes up again is this life of the connection, and not the next."""
        if start.syn_ns is not None:
            mine_ns = self.start.syn_ns
            # what was first seen without its SYN may have had one nevertheless: in a fragment it was not looked for
            return start.syn_ns == mine_ns or (mine_ns is None and start.syn_ns <= self.opened_ns)
        return not any(
            mine is not None and theirs is not None and mine != theirs
            for mine, theirs in zip(self.start.isn, start.isn, strict=True)
        )

    @property
    def following(self) -> tuple[int | None, int | None]:
        """For each end, the sequence number that comes next; None: nothing of it was seen."""
        first, second = self.directions
        return first.next, second.next

    @property
    def is_one_sided(self) -> bool:
        """Whether nothing of one end was seen, though the other has heard from it."""
        return any(
            d.total
            and d.has_heard
            and (d.peer.next is None or (self.start.told == 1 - end and not d.peer.was_seen))
            and d.peer is not self.reset_by
            for end, d in enumerate(self.held)
        )

    def _let_go(self) -> None:
        """Delivers what is held, with gaps where bytes are missing: of both directions, in the order of their times."""
        while True:
            held = [(d.waiting_since_ns, i) for i, d in enumerate(self.directions) if d.waiting_since_ns is not None]
            if not held:
                return
            self.directions[min(held)[1]].give_up()
