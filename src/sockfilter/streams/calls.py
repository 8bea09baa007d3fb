"""One direction of a connection that is heard at system calls, perhaps at both ends."""

from __future__ import annotations

from sockfilter.streams.direction import Direction

# A call is heard when it comes back to its process, which may wait for a processor: what it sent may be
# heard at the other end, and answered, before. What is never heard (io_uring, splice) delays what is behind it
# by as much, once.
LATE_CALL_NS = 200_000_000


class CallDirection(Direction):
    """As a Direction; but bytes that come again were not sent again: the other end was heard too."""

    __slots__ = ()

    def _repeat(self, seq: int) -> None:
        pass

    def _count_repeated(self) -> None:
        self._table.counts.heard_twice += 1

    def _patience(self) -> int:
        return LATE_CALL_NS
