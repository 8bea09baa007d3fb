"""One direction of a connection that is heard at system calls, perhaps at both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import distance
from sockfilter.streams.direction import RST, Direction

if TYPE_CHECKING:
    from sockfilter.streams.connection import StreamConnection
    from sockfilter.streams.table import Table

# A call is heard when it comes back to its process, which may wait for a processor: what it sent may be
# heard at the other end, and answered, before. What is never heard (io_uring, splice) delays what is behind it
# by as much, once.
LATE_CALL_NS = 200_000_000


class Reset(NamedTuple):
    """A reset that has come: where both directions stood, and when."""

    seq: int
    ack: int
    time_ns: int


class CallDirection(Direction):
    """As a Direction, but for three things.

    Bytes that come again were not sent again: the other end was heard too. What its sender had received
    comes first, also where nothing of it has come yet: on a wire, it would have passed before. And so does
    what was said before a reset: the call that the reset ends is heard after it.
    """

    __slots__ = ("_reset",)

    def __init__(self, table: Table, connection: StreamConnection, stream: int, isn: int | None) -> None:
        super().__init__(table, connection, stream, isn)
        self._reset: Reset | None = None
        self.peer: CallDirection  # both ends are of a kind

    def segment(
        self,
        time_ns: int,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        kept: int,
        buffer: memoryview | bytes,
        start: int,
    ) -> None:
        """Takes a piece of a call, as if it were a segment."""
        if flags & RST:
            self._await_reset(Reset(seq, ack, time_ns))
        elif self._awaits(ack):
            self._take_unusual(time_ns, seq, ack, flags, length, bytes(buffer[start : start + kept]))
        else:
            super().segment(time_ns, seq, ack, flags, length, kept, buffer, start)

    def go_on(self, time_ns: int) -> None:
        """Passes on what waits no longer, and ends the connection where a reset does not wait any longer."""
        super().go_on(time_ns)
        for direction in (self, self.peer):
            if direction._is_reset(time_ns):
                self.connection.close(Problem.RESET)

    def give_up(self) -> None:
        """Waits no longer: for the bytes of the first hole, or for what the peer had said by then."""
        assert self.next is not None  # something is held
        first = self._held.first
        if first.ack is not None and distance(self.next, first.seq) <= 0 and self._awaits(first.ack):
            self.peer.lose(first.ack)
        super().give_up()

    def lose(self, until: int) -> None:
        """Bytes up to a sequence number have passed, and were not heard."""
        if self._held and distance(self._held.first.seq, until) > 0:
            until = self._held.first.seq
        self._miss(until)

    def _await_reset(self, reset: Reset) -> None:
        self._table.counts.control += 1
        self.connection.last_ns = reset.time_ns
        self._reset = reset
        for direction, until in ((self, reset.seq), (self.peer, reset.ack)):
            if direction._order_until is not None:
                direction._pass_quiet(until, reset.time_ns)
        self._note_held()
        self.go_on(reset.time_ns)

    def _is_reset(self, now_ns: int) -> bool:
        """Whether a reset has come, and all before it, or what is missing was waited for."""
        reset = self._reset
        if reset is None:
            return False
        if now_ns - reset.time_ns >= LATE_CALL_NS:
            return True
        return self._has_reached(reset.seq) and self.peer._has_reached(reset.ack)

    def _has_reached(self, seq: int) -> bool:
        return self.next is None or self.has_ended or distance(self.next, seq) <= 0

    def _note_held(self) -> None:
        super()._note_held()
        for direction in (self, self.peer):
            if direction._reset is not None:
                # what comes before the reset is looked at closely, and tick() ends the waiting
                self._is_stalled = self.peer._is_stalled = True
                self._table.holes[direction] = None

    def _awaits(self, ack: int | None) -> bool:
        peer = self.peer
        if ack is None or peer.next is None or peer.has_ended or distance(peer.next, ack) <= 0:
            return False
        # what the source was told to leave out need not come
        return peer._order_until is None or distance(peer._order_until, ack) > 0

    def _repeat(self, seq: int) -> None:
        pass

    def _count_repeated(self) -> None:
        self._table.counts.heard_twice += 1

    def _patience(self) -> int:
        return LATE_CALL_NS
