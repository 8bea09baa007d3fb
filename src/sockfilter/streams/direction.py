"""One direction of a connection: segments in any order become spans and gaps in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.streams.held import OutOfOrder, Segment

if TYPE_CHECKING:
    from sockfilter.ledger import SegmentCounts

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
# what a segment takes beside its own bytes
SEGMENT_BYTES = 250
# How long a hole may stay open. Once its receiver has acknowledged bytes beyond it, the bytes did
# pass and will not again: a capture whose two directions are not quite in step has them milliseconds later.
HOLE_NS = 500_000_000
ACKNOWLEDGED_HOLE_NS = 10_000_000
# Bytes that an acknowledgement may be ahead of what is here and still be waited for: as much as one direction
# keeps. What claims more is a lie, or follows a loss that the sender's next segment shows.
AWAITED_BYTES_MAX = HELD_BYTES_MAX
# Claims of one direction that later bytes disprove before the claims of its peer count for nothing.
FALSE_CLAIMS_MAX = 3
# The window in a SYN is not scaled (RFC 7323, 2.2): a server sends no more before it hears from its client.
UNSCALED_WINDOW_BYTES = 65535
# Numbers at which a direction may begin, while nothing of it has come: as often as Linux answers one SYN
# (tcp_synack_retries and the first answer).
STARTS_MAX = 6
# How far both numbers of a segment must lie from those of the connection to be of another one: behind the
# end, farther than Linux puts the next life's numbers (tcp_twsk_unique()); before it, farther than any window
# that Linux offers by itself.
NEAR_AFTER_END_BYTES = 65536
NEAR_BYTES = 16 << 20
# How long bytes in a SYN wait for the answer to it: its sender repeats it after one second and three.
UNANSWERED_SYN_NS = 4_000_000_000
# the largest window there is (RFC 7323, 2.3): what lies farther off is of another life of the connection
WINDOW_BYTES_MAX = 1 << 30
# a skip hint reaches this far at most, so that sequence numbers stay comparable
SKIP_BYTES_MAX = 1 << 30


class DirectionTaker(Protocol):
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


class Skipping(Protocol):
    """The way back to the source: what it need not send."""

    def skip(self, stream: int, until_seq: int) -> None:
        """Of this stream only lengths are needed, up to a sequence number."""

    def take_all(self, stream: int) -> None:
        """Takes back what skip() said."""

    def reject(self, stream: int) -> None:
        """This stream's connection is not wanted at all."""

    def forget(self, stream: int) -> None:
        """This stream's connection is not wanted, unless it looks like HTTP once more."""


class Owner(Protocol):
    """The connection of a direction, as the direction needs it.

    Attributes:
        last_ns: when its last segment passed.
        is_damaged: bytes of it are missing.
        reset_by: the direction whose reset has ended it, or may have.
    """

    last_ns: int
    is_damaged: bool
    reset_by: Direction | None

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""

    @property
    def is_watched(self) -> bool:
        """Whether something is due at a certain time."""

    def tick(self, now_ns: int) -> None:
        """Does what is due where it is watched."""

    def learn_syn(self, direction: Direction, isn: int, time_ns: int) -> None:
        """The first segment of an end is its SYN."""

    def half_close(self) -> None:
        """One end has closed, and the other has not, or goes on nevertheless."""

    def doubt_reset(self, direction: Direction, time_ns: int) -> None:
        """A reset has come that its receiver may have let pass."""

    def close(self, problem: Problem) -> None:
        """Ends both directions."""

    def begin_anew(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """A segment of the next life has come, under the number of this one."""

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """A segment has come that shows for how long it had been silent: it has ended before."""

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Takes note of a segment behind the end of a direction."""


class Direction:
    """Segments of one end of a connection.

    A segment that acknowledges bytes of the peer that are not here waits for them: what its sender had
    received, and perhaps answers in it, comes out before it. If they do not come, they are a gap. Bytes in a
    SYN (RFC 7413) wait for the answer, which tells the acknowledgement that the SYN does not have.

    Args:
        counts: where it counts its segments.
        holes: the directions that wait for something; it enters itself.
        skipping: the way back to the source.
        connection: the connection whose end this is.
        stream: the number the source has for it; skip hints use it.
        isn: the sequence number of its SYN; None: not seen.
    """

    __slots__ = (
        "_claimed",
        "_counts",
        "_delivered_ns",
        "_false_claims",
        "_first_ack",
        "_held",
        "_hole_since_ns",
        "_holes",
        "_is_stalled",
        "_isn",
        "_skip_until",
        "_skipping",
        "_starts",
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

    receiver: DirectionTaker
    peer: Direction

    def __init__(
        self,
        counts: SegmentCounts,
        holes: dict[Direction, None],
        skipping: Skipping,
        connection: Owner,
        stream: int,
        isn: int | None,
    ) -> None:
        self._counts = counts
        self._holes = holes
        self._skipping = skipping
        self.connection = connection
        self.stream = stream
        self._isn = isn
        self.next = None if isn is None else (isn + 1) & MASK
        self.acked: int | None = None
        self._first_ack: int | None = None
        self.fin_seq: int | None = None
        self.has_ended = False
        self._held = OutOfOrder()
        self._is_stalled = False  # this direction or its peer holds something, it has ended, or something is due
        self._hole_since_ns = 0
        self._delivered_ns = 0
        self._skip_until: int | None = None
        self._starts: tuple[int, ...] = ()  # where it may begin instead, while nothing of it has come
        self._claimed: tuple[int, int] | None = None  # a gap that nothing but the peer's acknowledgement tells of
        self._false_claims = 0
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
        if (
            seq != self.next
            or kept != length
            or flags & CONTROL
            or self._is_stalled
            or (ack != self.peer.next and (self.peer.is_at_start or self._awaits(ack)))
        ):
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
                self._skip_until = (self.next + min(size, SKIP_BYTES_MAX)) & MASK
                self._skipping.skip(self.stream, self._skip_until)
        elif self._skip_until is not None:
            self._skip_until = None
            self._skipping.take_all(self.stream)

    def begin(self, isn: int) -> None:
        """Its SYN was seen elsewhere."""
        self._isn = isn
        self.next = (isn + 1) & MASK

    def renumber(self, stream: int) -> None:
        """The source has a new number for it."""
        self.stream = stream
        if self._skip_until is not None:
            self._skipping.skip(stream, self._skip_until)

    @property
    def held_bytes(self) -> int:
        """Bytes of the segments that wait, and of what is known of each."""
        return self._held.size + SEGMENT_BYTES * len(self._held)

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
            and self._skip_until is None
            and not self._is_stalled
            and not self.has_ended
        )

    @property
    def was_seen(self) -> bool:
        """Whether anything of it has come."""
        return self.acked is not None

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
        if first.ack is not None and distance(self.next, first.seq) <= 0 and self._awaits(first.ack):
            self.peer.lose(first.ack)
        if self._skip_until is not None:
            self._skip_quiet(first.seq, first.time_ns)
        if not self._miss(first.seq):
            self._deliver_first()
        self._pass_on()

    def settle(self) -> None:
        """Waits no longer for what an acknowledgement alone tells of: all that has passed by now is here."""
        while self._held and self._held.first.ack is not None and not self._is_behind_hole:
            self.give_up()

    @property
    def _is_behind_hole(self) -> bool:
        """Whether bytes are missing in front of what is held, which its sender may send again."""
        return self.next is None or distance(self.next, self._held.first.seq) > 0

    def lose(self, until: int) -> None:
        """Bytes up to a sequence number have passed, as the peer had received them, and were not seen."""
        if self._held and distance(self._held.first.seq, until) > 0:
            until = self._held.first.seq
        start = self.next
        if start is not None and self._miss(until):
            self._claimed = (start, until)

    def _miss(self, until: int) -> bool:
        """Bytes up to a sequence number will not come. Returns whether there are any."""
        assert self.next is not None  # something behind them is known
        size = distance(self.next, until)
        if size <= 0:
            return False
        self._counts.gaps += 1
        self._counts.gap_bytes += size
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
        counts = self._counts
        if self.connection.is_watched:
            self.connection.tick(time_ns)
            if self.connection.is_closed:
                self.connection.begin_again(self.stream, time_ns, seq, ack, flags, length, data)
                return
        if flags & SYN:
            seq = (seq + 1) & MASK
            if flags & ACK and not length and self._answers_again(seq, ack):
                counts.control += 1
                self._starts = (*self._starts, seq)[-STARTS_MAX:]
                return
        elif self._starts and self.is_at_start:
            self._choose_start(seq)
        if self._is_of_another_life(seq, ack, flags, length):
            self.connection.begin_anew(self.stream, time_ns, seq, ack, flags, length, data)
            return
        self.connection.last_ns = time_ns
        maybe_ack = ack if flags & ACK else None
        if maybe_ack is not None:
            self._note_ack(maybe_ack)
        if self._skip_until is not None:
            self._pass_quiet(seq, time_ns)
        if flags & RST:
            counts.control += 1
            self._take_reset(seq, time_ns)
            return
        if self._claimed is not None and length:
            self._take_back_claim(seq)
        if self.has_ended:
            self.connection.count_after_close(self.next, seq, length)
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
            if self.peer.has_ended:
                self.connection.half_close()
            self._take_payload(time_ns, seq, maybe_ack, length, data)
        elif flags & FIN and (self._is_waiting or distance(self.next, seq) > 0):
            # it overtook bytes: an empty segment at its place makes the hole known
            self._hold(seq, 0, b"", time_ns, maybe_ack)
        self._pass_on()
        self.go_on(time_ns)

    def _note_ack(self, ack: int) -> None:
        if self.acked is None:
            self._first_ack = self.acked = ack
        elif distance(self.acked, ack) > 0:
            self.acked = ack
        if self.peer.is_at_start:
            self.peer._learn_start(ack)
            self.peer._learn_end(ack)

    @property
    def _is_waiting(self) -> bool:
        """Whether this direction or its peer holds something."""
        return bool(self._held) or bool(self.peer._held)

    def _pass_quiet(self, seq: int, time_ns: int) -> None:
        """What the source was told to leave out, up to where a segment begins, has passed.

        Unless something is held: then it may be among what is still to come, until it is given up.
        """
        if not self._is_waiting:
            self._skip_quiet(seq, time_ns)

    def _skip_quiet(self, seq: int, time_ns: int) -> None:
        assert self.next is not None  # there is a hint
        assert self._skip_until is not None
        size = min(distance(self.next, seq), distance(self.next, self._skip_until), self.receiver.ignoring)
        if size > 0:
            self.next = (self.next + size) & MASK
            self.total += size
            self.receiver.skip(size, time_ns)
            if self._skip_until is not None:
                self._renew_order()

    def _answers_again(self, seq: int, ack: int) -> bool:
        """Whether a SYN with an acknowledgement answers the SYN that was answered before, with another number.

        A balancer lets two servers answer, or a server forgets the first SYN before it comes again. The
        client's acknowledgement will tell which of the answers it took.
        """
        if not self.is_at_start or seq == self.next or self.peer._isn is None:
            return False
        return 0 <= distance((self.peer._isn + 1) & MASK, ack) <= UNSCALED_WINDOW_BYTES

    def _choose_start(self, seq: int) -> None:
        """The first bytes have come: they say where the direction begins, if that is one of the known places."""
        assert self.next is not None  # it is at its start
        places = (self.next, *self._starts)
        ahead = {place: distance(place, seq) for place in places}
        known = [place for place in places if 0 <= ahead[place] < HELD_BYTES_MAX]
        if known:
            self._begin_at(min(known, key=ahead.__getitem__))

    def _learn_start(self, acked: int) -> None:
        """The peer has received nothing behind this number: it is the start, if the known ones cannot be."""
        assert self.next is not None  # it is at its start
        if not 0 <= distance(self.next, acked) <= UNSCALED_WINDOW_BYTES and not self._held:
            self._begin_at(acked)

    def _learn_end(self, acked: int) -> None:
        """The one byte that the peer has received, before any has come, is a FIN.

        The source keeps what has no payload to itself until it knows that the connection is HTTP.
        """
        assert self.next is not None  # it is at its start
        if distance(self.next, acked) == 1 and not self._held:
            self.fin_seq = self.next
            self._end_at_fin()

    def _begin_at(self, place: int) -> None:
        if place != self.next and self.next is not None:
            self._starts = (*(start for start in self._starts if start != place), self.next)[-STARTS_MAX:]
            self.next, self._isn = place, (place - 1) & MASK

    def _take_back_claim(self, seq: int) -> None:
        """Bytes have come that the peer had acknowledged, and that were taken for lost: late, or it had lied."""
        assert self._claimed is not None  # checked by the only caller
        start, end = self._claimed
        if self.next != end or distance(start, seq) < 0 or distance(seq, end) <= 0:
            return
        size = distance(start, end)
        self._claimed = None
        self._false_claims += 1
        self.next = start
        self.total -= size
        self._counts.gaps -= 1
        self._counts.gap_bytes -= size

    def _is_of_another_life(self, seq: int, ack: int, flags: int, length: int) -> bool:
        """Whether a segment begins another life of the connection, or lies out of reach of any window."""
        if self.next is None or flags & RST:
            return False
        ahead = distance(self.next, seq)
        if flags & SYN:
            # the same SYN again lies behind next; where this direction's own was not seen, the next life's lies ahead
            return ahead > 0 if self._isn is None else seq != (self._isn + 1) & MASK
        if not -WINDOW_BYTES_MAX < ahead < WINDOW_BYTES_MAX:
            return True
        near = NEAR_AFTER_END_BYTES if self.has_ended else NEAR_BYTES
        if not length or -near <= ahead <= near or self.peer.next is None:
            return False
        # a loss moves one of the two numbers; the next life has both of its own
        return not -near <= distance(self.peer.next, ack) <= near

    def _take_reset(self, seq: int, time_ns: int) -> None:
        """One that lies behind is not for this life of the connection: its receiver lets it pass (RFC 5961, 3.2).

        One ahead may be, where bytes before it were lost; whether the connection goes on will tell.
        """
        if self.next is None or self._ends_at(seq):
            self.connection.reset_by = self
            self.connection.close(Problem.RESET)
        elif 0 <= distance(self.next, seq) < WINDOW_BYTES_MAX:
            self.connection.doubt_reset(self, time_ns)

    def _ends_at(self, seq: int) -> bool:
        """Whether all that this end has sent, as far as it is known, ends at a sequence number."""
        last = self._held.last_seq if self._held else self.next
        behind_fin = None if self.fin_seq is None else (self.fin_seq + 1) & MASK
        return seq in (self.next, last, self.peer.acked, behind_fin)

    def _take_payload(self, time_ns: int, seq: int, ack: int | None, length: int, data: bytes) -> None:
        assert self.next is not None  # set by the only caller
        counts = self._counts
        ahead = distance(self.next, seq)
        # a keep-alive sends the last byte again, a probe of a closed window too: nothing was lost
        if ahead < 0 and not (ahead == -1 and length == 1):
            self._repeat(seq)
        if ahead + length <= 0:
            self._count_repeated()
        elif ahead <= 0 and not self._is_waiting and not self._awaits(ack):
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
        self._counts.retransmitted += 1

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
        if distance(self.next, first.seq) > 0 or (self._awaits(first.ack) and not self._is_disproved(first)):
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
        """Whether the sender of a segment had received what is not here of the peer, or its SYN waits for an answer."""
        peer = self.peer
        if ack is None:
            return peer.next is None
        if peer.next is None or peer.has_ended:
            return False
        ahead = distance(peer.next, ack)
        if ahead <= 0:
            return False
        if ahead > AWAITED_BYTES_MAX or peer._false_claims >= FALSE_CLAIMS_MAX:
            return bool(peer._held)
        # what the source was told to leave out need not come
        return peer._skip_until is None or distance(peer._skip_until, ack) > 0

    def _is_disproved(self, segment: Segment) -> bool:
        """Whether a segment that waits acknowledges bytes that the peer sent only after it had received the segment."""
        peer = self.peer
        if not peer._held or peer.next is None or segment.ack is None:
            return False
        first = peer._held.first
        return (
            first.ack is not None
            and segment.time_ns < first.time_ns
            and distance(peer.next, first.seq) <= 0
            and distance(segment.seq, first.ack) > 0
            and distance(first.seq, segment.ack) > 0
        )

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
                self._counts.cut_bytes += receiver.missing(length - len(data), Problem.TRUNCATED)
        if self._skip_until is not None:
            self._renew_order()

    def _received(self, segment: Segment) -> int:
        """What a segment acknowledges; where it does not, it is a SYN, and its sender had received nothing."""
        if segment.ack is not None:
            return segment.ack
        # where nothing of the peer is known, any number will do: no message of it begins there
        return 0 if self.peer._isn is None else (self.peer._isn + 1) & MASK

    def _renew_order(self) -> None:
        assert self.next is not None
        assert self._skip_until is not None
        if distance(self.next, self._skip_until) < SKIP_BYTES_MAX // 2 < self.receiver.ignoring:
            self.announce(self.receiver.ignoring)

    def _hold(self, seq: int, length: int, data: bytes, time_ns: int, ack: int | None) -> bool:
        """Returns whether there was anything new in it."""
        if not self._held:
            self._hole_since_ns = time_ns
        is_new = self._held.add(seq, length, data, time_ns, ack)
        self._note_held()
        return is_new

    def _note_held(self) -> None:
        holes = self._holes
        if self._held:
            holes[self] = None
        else:
            holes.pop(self, None)
        self.look_closely()

    def look_closely(self) -> None:
        """Sees to it that segments of both ends do not go straight through where something waits or is due."""
        self._is_stalled = self.peer._is_stalled = (
            self._is_waiting or self.connection.is_watched or self.has_ended or self.peer.has_ended
        )

    def _patience(self) -> int:
        assert self.next is not None
        first, acked = self._held.first, self.peer.acked
        if first.ack is None:
            return UNANSWERED_SYN_NS
        has_passed = acked is not None and distance(first.seq, acked) >= 0
        return ACKNOWLEDGED_HOLE_NS if has_passed or distance(self.next, first.seq) <= 0 else HOLE_NS

    def _end_at_fin(self) -> None:
        if self.fin_seq is None or self.has_ended or self._held:
            return
        self.end(Problem.CLOSED)
        if self.peer.has_ended:
            self.connection.close(Problem.CLOSED)
        else:
            self.connection.half_close()
