"""One direction of a connection that is observed through system calls, perhaps at both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import distance
from sockfilter.streams.direction import RST, Direction

if TYPE_CHECKING:
    from sockfilter.ledger import SegmentCounts
    from sockfilter.streams.direction import Owner, Skipping

# How long bytes wait for a late call. A call is recorded when it returns, and the process may have to wait for a
# processor. Before that, the other end may have received the bytes and answered. Calls that are never recorded
# (io_uring, splice) delay the bytes after them by this time, once.
LATE_CALL_NS = 200_000_000


class Reset(NamedTuple):
    """A reset: the sequence numbers of both directions, and the time."""

    seq: int
    ack: int
    time_ns: int


class CallDirection(Direction):
    """A Direction with two differences.

    Bytes that come a second time were not retransmitted: they were recorded at both ends. A reset waits for the bytes
    before it, because the call that it interrupts is recorded after it.
    """

    __slots__ = ("_reset",)

    def __init__(
        self,
        counts: SegmentCounts,
        holes: dict[Direction, None],
        skipping: Skipping,
        connection: Owner,
        stream: int,
        isn: int | None,
    ) -> None:
        super().__init__(counts, holes, skipping, connection, stream, isn)
        self._reset: Reset | None = None
        self.peer: CallDirection  # both directions have this class

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
        """Takes the bytes of a call as a segment. The arguments are those of Direction.segment()."""
        if flags & RST:
            self._await_reset(Reset(seq, ack, time_ns))
        else:
            super().segment(time_ns, seq, ack, flags, length, kept, buffer, start)

    def go_on(self, time_ns: int) -> None:
        """Delivers the segments that need not wait longer. Ends the connection if a reset need not wait longer."""
        super().go_on(time_ns)
        for direction in (self, self.peer):
            if direction._is_reset(time_ns):
                self.connection.close(Problem.RESET)

    def _await_reset(self, reset: Reset) -> None:
        self._counts.control += 1
        self.connection.last_ns = reset.time_ns
        self._reset = reset
        for direction, until in ((self, reset.seq), (self.peer, reset.ack)):
            if direction._skip_until is not None:
                direction._pass_quiet(until, reset.time_ns)
        self._note_held()
        self.go_on(reset.time_ns)

    def _is_reset(self, now_ns: int) -> bool:
        """Whether a reset has come and need not wait: all bytes before it have come, or the time is over."""
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
                # disable the fast path until the reset, and let tick() end the wait
                self._is_stalled = self.peer._is_stalled = True
                self._holes[direction] = None

    def _repeat(self, seq: int) -> None:
        pass

    def _count_repeated(self) -> None:
        self._counts.heard_twice += 1

    def _patience(self) -> int:
        return LATE_CALL_NS
