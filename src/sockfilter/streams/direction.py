"""One direction of a connection: segments in any order become spans and gaps in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.streams.held import Held, Segment

if TYPE_CHECKING:
    from sockfilter.streams.connection import StreamConnection
    from sockfilter.streams.table import Table

FIN = 0x01
SYN = 0x02
RST = 0x04
ACK = 0x10
CONTROL = FIN | SYN | RST

# Out-of-order bytes that one direction keeps: the receiver's window bounds what can be under way,
# and 6 MiB (tcp_rmem) is the largest that Linux offers by itself.
HELD_BYTES_MAX = 6 << 20
# segments that one direction keeps: 6 MiB of 1 448 bytes each
HELD_SEGMENTS_MAX = 4345
# How long a hole may stay open. Once its receiver has acknowledged bytes beyond it, the bytes did
# pass and will not again; the rest is for captures whose two directions are not in step.
HOLE_NS = 500_000_000
ACKNOWLEDGED_HOLE_NS = 10_000_000
# How long bytes in a SYN wait for the answer to it: its sender repeats it after one second and three.
UNANSWERED_SYN_NS = 4_000_000_000
# the largest window there is (RFC 7323, 2.3): what lies farther off is of another life of the connection
WINDOW_BYTES_MAX = 1 << 30
# an order to the kernel holds this far at most, so that sequence numbers stay comparable
ORDER_BYTES_MAX = 1 << 30


class Receiver(Protocol):
    """What takes the bytes of one direction, in order.

    ignoring: how many of the coming bytes it need not see; skip() takes their number instead.
    """

    ignoring: int

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next span: its bytes, time, sequence number, and what its sender had received."""

    def skip(self, size: int, time_ns: int) -> None:
        """Takes note of bytes that passed and are not needed; at most ignoring."""

    def repeat(self, seq: int) -> None:
        """Takes note of bytes that were sent again, from a sequence number on."""

    def missing(self, size: int, problem: Problem) -> int:
        """Takes note of bytes that cannot be had, and why. Returns how many of them it needed."""

    def end(self, problem: Problem) -> None:
        """Takes note that no more bytes follow, and why."""


class Direction:
    """Segments of one end of a connection.

    A segment that acknowledges bytes of the peer behind a hole waits for that hole too: what its sender
    had received, and perhaps answers in it, comes out before it. Bytes in a SYN (RFC 7413) wait for the
    answer, which tells the acknowledgement that the SYN does not have.

    Args:
        connection: the connection whose end this is.
        stream: the number the source has for it; orders to the kernel use it.
        isn: the sequence number of its SYN; None: not seen.
    """

    __slots__ = (
        "_delivered_ns",
        "_first_ack",
        "_held",
        "_hole_since_ns",
        "_is_stalled",
        "_isn",
        "_order_until",
        "_table",
        "acked",
        "connection",
        "fin_seq",
        "has_ended",
        "next",
        "peer",
        "receiver",
        "stream",
        "total",
    )

    receiver: Receiver
    peer: Direction

    def __init__(self, table: Table, connection: StreamConnection, stream: int, isn: int | None) -> None:
        self._table = table
        self.connection = connection
        self.stream = stream
        self._isn = isn
        self.next = None if isn is None else (isn + 1) & MASK
        self.acked: int | None = None
        self._first_ack: int | None = None
        self.fin_seq: int | None = None
        self.has_ended = False
        self._held = Held()
        self._is_stalled = False  # this direction or its peer holds something, or it has ended
        self._hole_since_ns = 0
        self._delivered_ns = 0
        self._order_until: int | None = None
        self.total = 0  # bytes that have passed

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
        """Takes a segment.

        Args:
            time_ns: when it passed.
            seq, ack, flags: of its TCP header.
            length: payload bytes on the wire.
            kept: of them, those in the buffer.
            buffer: holds them; not needed after the call.
            start: where they begin in it.
        """
        if seq != self.next or kept != length or flags & CONTROL or self._is_stalled:
            self._take_unusual(time_ns, seq, ack, flags, length, bytes(buffer[start : start + kept]))
            return
        self.next = (seq + length) & MASK
        self.total += length
        self.acked = ack
        self.connection.last_ns = time_ns
        receiver = self.receiver
        if receiver.ignoring >= length:
            receiver.skip(length, time_ns)
        else:
            receiver.data(bytes(buffer[start : start + length]), time_ns, seq, ack)

    def announce(self, size: int) -> None:
        """The receiver will ignore this many bytes from here on: the kernel need not send them. 0: no longer."""
        if size:
            # where it has sent nothing yet, or will send nothing more, there is nothing to spare
            if self.next is not None and not self.has_ended:
                self._order_until = (self.next + min(size, ORDER_BYTES_MAX)) & MASK
                self._table.orders.skip(self.stream, self._order_until)
        elif self._order_until is not None:
            self._order_until = None
            self._table.orders.take_all(self.stream)

    def renumber(self, stream: int) -> None:
        """The source has a new number for it."""
        self.stream = stream
        if self._order_until is not None:
            self._table.orders.skip(stream, self._order_until)

    @property
    def waiting_since_ns(self) -> int | None:
        """When the first segment that is held came; None: none is."""
        return self._held.first.time_ns if self._held else None

    @property
    def is_at_rest(self) -> bool:
        """Whether it waits for new bytes in order, and for nothing else."""
        return (
            self.next is not None
            and self.acked is not None
            and self.fin_seq is None
            and self._order_until is None
            and not self._is_stalled
            and not self.has_ended
        )

    @property
    def has_heard(self) -> bool:
        """Whether its sender has received something since it was first seen."""
        return self.acked is not None and (self._isn is not None or self.acked != self._first_ack)

    @property
    def is_at_start(self) -> bool:
        """Whether its SYN was seen, and nothing has been delivered."""
        return self._isn is not None and self.next == (self._isn + 1) & MASK and not self.has_ended

    def go_on(self, time_ns: int) -> None:
        """Passes on what waits no longer: what came before it is there, or its time is over."""
        while self._is_stalled:
            due = [d for d in (self, self.peer) if d._is_due(time_ns)]
            if not due:
                break
            # what came first may be what the other waits for
            min(due, key=lambda d: d._held.first.time_ns).give_up()
        self._end_at_fin()
        self.peer._end_at_fin()

    def give_up(self) -> None:
        """Waits no longer: for the bytes of the first hole, which is a gap now, or else for the peer."""
        assert self.next is not None  # something is held
        first = self._held.first
        if self._order_until is not None:
            self._skip_quiet(first.seq, first.time_ns)
        if not self._miss(first.seq):
            self._deliver_first()
        self._pass_on()

    def _miss(self, until: int) -> bool:
        """Bytes up to a sequence number will not come. Returns whether there are any."""
        assert self.next is not None  # something behind them is known
        size = distance(self.next, until)
        if size <= 0:
            return False
        self._table.counts.gaps += 1
        self._table.counts.gap_bytes += size
        self.next = until
        self.total += size
        self.connection.is_damaged = True
        self.receiver.missing(size, Problem.GAP)
        return True

    def end(self, problem: Problem) -> None:
        """No more bytes of this direction will be delivered."""
        if self.has_ended:
            return
        self.has_ended = self._is_stalled = True
        self.announce(0)
        self.receiver.end(Problem.CLOSED if self.next is not None and self.next == self.fin_seq else problem)

    def finish(self) -> None:
        """Its FIN has come behind all its bytes, on the short road."""
        self.fin_seq = self.next
        self._end_at_fin()

    def discard(self) -> None:
        """What comes, and what is held, is not wanted."""
        self.has_ended = True
        self._held.clear()

    def _take_unusual(self, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        counts = self._table.counts
        if flags & SYN:
            seq = (seq + 1) & MASK
        if self._is_of_another_life(seq, flags):
            self._table.begin_anew(self, time_ns, seq, ack, flags, length, data)
            return
        self.connection.last_ns = time_ns
        maybe_ack = ack if flags & ACK else None
        if maybe_ack is not None and (self.acked is None or distance(self.acked, ack) > 0):
            if self.acked is None:
                self._first_ack = ack
            self.acked = ack
        if self._order_until is not None:
            self._pass_quiet(seq, time_ns)
        if flags & RST:
            counts.control += 1
            self._take_reset(seq)
            return
        if self.has_ended:
            self._table.count_after_close(self.next, seq, length)
            return
        if not length:
            counts.control += 1
        if self.next is None:
            self.next = seq
            if flags & SYN:
                self._isn = (seq - 1) & MASK
                self.connection.learn_syn(self, self._isn, time_ns)
        if flags & FIN:
            self.fin_seq = (seq + length) & MASK
        if length:
            self._take_payload(time_ns, seq, maybe_ack, length, data)
        elif flags & FIN and (self._is_stalled or distance(self.next, seq) > 0):
            # it overtook bytes: an empty segment at its place makes the hole known
            self._hold(seq, 0, b"", time_ns, maybe_ack)
        self._pass_on()
        self.go_on(time_ns)

    def _pass_quiet(self, seq: int, time_ns: int) -> None:
        """What the source was told to leave out, up to where a segment begins, has passed.

        Unless something is held: then it may be among what is still to come, until it is given up.
        """
        if not self._is_stalled:
            self._skip_quiet(seq, time_ns)

    def _skip_quiet(self, seq: int, time_ns: int) -> None:
        assert self.next is not None  # there is an order
        assert self._order_until is not None
        size = min(distance(self.next, seq), distance(self.next, self._order_until), self.receiver.ignoring)
        if size > 0:
            self.next = (self.next + size) & MASK
            self.total += size
            self.receiver.skip(size, time_ns)
            if self._order_until is not None:
                self._renew_order()

    def _is_of_another_life(self, seq: int, flags: int) -> bool:
        """Whether a segment begins another life of the connection, or lies out of reach of any window."""
        if self.next is None or flags & RST:
            return False
        ahead = distance(self.next, seq)
        if flags & SYN:
            # the same SYN again lies behind next; where this direction's own was not seen, the next life's lies ahead
            return ahead > 0 if self._isn is None else seq != (self._isn + 1) & MASK
        return not -WINDOW_BYTES_MAX < ahead < WINDOW_BYTES_MAX

    def _take_reset(self, seq: int) -> None:
        """One that lies behind is not for this life of the connection: its receiver lets it pass (RFC 5961, 3.2)."""
        if self.next is None or 0 <= distance(self.next, seq) < WINDOW_BYTES_MAX:
            self.connection.reset_by = self
            self.connection.close(Problem.RESET)

    def _take_payload(self, time_ns: int, seq: int, ack: int | None, length: int, data: bytes) -> None:
        assert self.next is not None  # set by the only caller
        counts = self._table.counts
        ahead = distance(self.next, seq)
        # a keep-alive sends the last byte again, a probe of a closed window too: nothing was lost
        if ahead < 0 and not (ahead == -1 and length == 1):
            self._repeat(seq)
        if ahead + length <= 0:
            self._count_repeated()
        elif ahead <= 0 and not self._is_stalled and not self._awaits(ack):
            counts.overlapping += ahead < 0
            self._deliver(Segment(0, seq, length, data, time_ns, ack))
        elif self._hold(seq, length, data, time_ns, ack):
            counts.reordered += ahead > 0
            counts.overlapping += ahead < 0
        else:
            self._count_repeated()
            if ahead >= 0:
                self._repeat(seq)

    def _repeat(self, seq: int) -> None:
        self.receiver.repeat(seq)

    def _count_repeated(self) -> None:
        self._table.counts.retransmitted += 1

    def _pass_on(self) -> None:
        """In turns, as each direction may wait for the other."""
        while self._is_stalled and (self._deliver_next() or self.peer._deliver_next()):
            pass

    def _deliver_next(self) -> bool:
        """Passes on the first segment that is held, unless it has to wait. Returns whether it did."""
        if not self._held:
            return False
        assert self.next is not None  # something came before
        first = self._held.first
        if distance(self.next, first.seq) > 0 or self._awaits(first.ack):
            return False
        self._deliver_first()
        return True

    def _deliver_first(self) -> None:
        self._deliver(self._held.pop())
        self._note_held()
        if self._held:
            self._hole_since_ns = self._held.first.time_ns

    def _is_due(self, now_ns: int) -> bool:
        """Whether what is held has waited for too long, or has no room."""
        held = self._held
        if not held:
            return False
        has_room = len(held) <= HELD_SEGMENTS_MAX and held.size <= HELD_BYTES_MAX
        return not has_room or now_ns - self._hole_since_ns >= self._patience()

    def _awaits(self, ack: int | None) -> bool:
        """Whether the sender of a segment had received bytes of the peer that wait, or its SYN waits for an answer."""
        peer = self.peer
        if ack is None:
            return peer.next is None
        return peer.next is not None and bool(peer._held) and distance(peer.next, ack) > 0

    def _deliver(self, segment: Segment) -> None:
        """Passes on what is new of a segment that begins at or before next. The first to come stays: as Linux does."""
        assert self.next is not None  # set before any payload
        old = distance(segment.seq, self.next)
        length, data = segment.length - old, segment.data[old:]
        if length <= 0:
            return
        self.total += length
        # what had to wait for others was there when they were
        time_ns = self._delivered_ns = max(self._delivered_ns, segment.time_ns)
        receiver, seq = self.receiver, self.next
        if receiver.ignoring >= length:
            self.next = (seq + length) & MASK
            receiver.skip(length, time_ns)
        else:
            if data:
                self.next = (seq + len(data)) & MASK
                receiver.data(data, time_ns, seq, self._received(segment))
            if len(data) < length:
                self.next = (seq + length) & MASK
                self._table.counts.cut_bytes += receiver.missing(length - len(data), Problem.TRUNCATED)
        if self._order_until is not None:
            self._renew_order()

    def _received(self, segment: Segment) -> int:
        """What a segment acknowledges; where it does not, it is a SYN, and its sender had received nothing."""
        if segment.ack is not None:
            return segment.ack
        # where nothing of the peer is known, any number will do: no message of it begins there
        return 0 if self.peer._isn is None else (self.peer._isn + 1) & MASK

    def _renew_order(self) -> None:
        assert self.next is not None
        assert self._order_until is not None
        if distance(self.next, self._order_until) < ORDER_BYTES_MAX // 2 < self.receiver.ignoring:
            self.announce(self.receiver.ignoring)

    def _hold(self, seq: int, length: int, data: bytes, time_ns: int, ack: int | None) -> bool:
        """Returns whether there was anything new in it."""
        if not self._held:
            self._hole_since_ns = time_ns
        is_new = self._held.add(seq, length, data, time_ns, ack)
        self._note_held()
        return is_new

    def _note_held(self) -> None:
        holes = self._table.holes
        if self._held:
            holes[self] = None
        else:
            holes.pop(self, None)
        is_held = bool(self._held) or bool(self.peer._held)
        for direction in (self, self.peer):
            direction._is_stalled = is_held or direction.has_ended

    def _patience(self) -> int:
        assert self.next is not None
        first, acked = self._held.first, self.peer.acked
        if first.ack is None:
            return UNANSWERED_SYN_NS
        if acked is not None and distance(first.seq, acked) >= 0 and distance(self.next, first.seq) > 0:
            return ACKNOWLEDGED_HOLE_NS
        return HOLE_NS

    def _end_at_fin(self) -> None:
        if self.fin_seq is None or self.has_ended or self._held:
            return
        self.end(Problem.CLOSED)
        if self.peer.has_ended:
            self.connection.close(Problem.CLOSED)
