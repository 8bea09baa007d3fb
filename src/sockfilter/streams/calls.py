"""One direction of a connection that is heard at system calls, perhaps at both ends."""

from __future__ import annotations

from sockfilter.model.sequence import distance
from sockfilter.streams.direction import Direction

# A call is heard when it comes back to its process, which may wait for a processor: what it sent may be
# heard at the other end, and answered, before. What is never heard (io_uring, splice) delays what is behind it
# by as much, once.
LATE_CALL_NS = 200_000_000


class CallDirection(Direction):
    """As a Direction, but for two things.

    Bytes that come again were not sent again: the other end was heard too. And what its sender had received
    comes first, also where nothing of it has come yet: on a wire, it would have passed before.
    """

    __slots__ = ()

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
        if self._awaits(ack):
            self._take_unusual(time_ns, seq, ack, flags, length, bytes(buffer[start : start + kept]))
        else:
            super().segment(time_ns, seq, ack, flags, length, kept, buffer, start)

    def give_up(self) -> None:
        """Waits no longer: for the bytes of the first hole, or for what the peer had said by then."""
        assert self.next is not None  # something is held
        first = self._held.first
        if first.ack is not None and distance(self.next, first.seq) <= 0 and self._awaits(first.ack):
            assert isinstance(self.peer, CallDirection)  # both ends are of a kind
            self.peer.lose(first.ack)
        super().give_up()

    def lose(self, until: int) -> None:
        """Bytes up to a sequence number have passed, and were not heard."""
        if self._held and distance(self._held.first.seq, until) > 0:
            until = self._held.first.seq
        self._miss(until)

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
