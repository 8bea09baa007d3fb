"""One direction of a connection: turns segments in any order into spans and gaps in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.flow import LEFT_OUT, LEFT_OUT_LAYOUT, LeftOut
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.streams.held import OutOfOrder, Segment
from sockfilter.streams.left_out import Reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import SegmentCounts

FIN = 0x01
SYN = 0x02
RST = 0x04
ACK = 0x10
CONTROL = FIN | SYN | RST
UNUSUAL = CONTROL | LEFT_OUT

# Out-of-order bytes that one direction keeps. The receiver's window limits the bytes in flight, and the largest
# window that Linux offers by default is 6 MiB (tcp_rmem).
HELD_BYTES_MAX = 6 << 20
# segments that one direction keeps: 6 MiB of 1 448 bytes each
HELD_SEGMENTS_MAX = 4345
# bytes of memory that a segment takes in addition to its payload
SEGMENT_BYTES = 250
# How long a hole may stay open. If the receiver has acknowledged bytes beyond the hole, the missing bytes have passed
# and will not be sent again. They come only if the capture shows the two directions a few milliseconds out of step.
HOLE_NS = 500_000_000
ACKNOWLEDGED_HOLE_NS = 10_000_000
# A segment waits for the bytes that it acknowledges if they are at most this far ahead: as much as one direction
# keeps. A larger acknowledgement is false, or follows a loss that the next segment of the other end will show.
AWAITED_BYTES_MAX = HELD_BYTES_MAX
# After this many false acknowledgements of a direction's bytes, segments of its peer no longer wait for them.
FALSE_CLAIMS_MAX = 3
# The window in a SYN is not scaled (RFC 7323, 2.2). A server sends no more than this before its client answers.
UNSCALED_WINDOW_BYTES = 65535
# Sequence numbers at which a direction may begin, until its first bytes come: as often as Linux answers one SYN
# (tcp_synack_retries and the first answer).
STARTS_MAX = 6
# A segment belongs to another life of the connection if both its numbers are farther than this from the expected
# ones. After the end, Linux starts the next life farther away than this (tcp_twsk_unique()). Before the end, the limit
# is larger than any window that Linux offers by default.
NEAR_AFTER_END_BYTES = 65536
NEAR_BYTES = 16 << 20
# How long bytes in a SYN wait for the answer. The sender repeats the SYN after one second and after three.
UNANSWERED_SYN_NS = 4_000_000_000
# The largest window (RFC 7323, 2.3). A segment farther away belongs to another life of the connection.
WINDOW_BYTES_MAX = 1 << 30
# the largest number of bytes in one skip hint, so that sequence numbers stay comparable
SKIP_BYTES_MAX = 1 << 30


class DirectionTaker(Protocol):
    """Takes the bytes of one direction, in order.

    Attributes:
        ignoring: the number of next bytes that it does not need. For these, skip() is called instead of data().
    """

    ignoring: int

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next span: its bytes, time and sequence number, and the sequence number that it acknowledges."""

    def skip(self, size: int, time_ns: int) -> None:
        """Notes bytes that passed and are not needed: at most as many as ignoring."""

    def repeat(self, seq: int) -> None:
        """Notes that bytes were retransmitted, from a sequence number on."""

    def missing(self, size: int, problem: Problem) -> int:
        """Notes that bytes are missing, and why. Returns how many of them it needed."""

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow, and why."""


class Skipping(Protocol):
    """Sends skip hints to the source: which bytes it need not send."""

    def skip(self, stream: int, until_seq: int) -> None:
        """Asks the source to leave out the bytes of a stream up to a sequence number."""

    def skip_content(self, stream: int, number: int) -> bool:
        """Asks the source to leave out the content of one stream of HTTP/2. Returns whether it may do so.

        Args:
            stream: the source's number of the direction.
            number: the number of the stream of HTTP/2.
        """

    def take_all(self, stream: int) -> None:
        """Revokes skip() and skip_content()."""

    def reject(self, stream: int) -> None:
        """Asks the source to send no more of a stream's connection."""

    def forget(self, stream: int) -> None:
        """Asks the source to send no more of a stream's connection until it looks like HTTP again."""


class Owner(Protocol):
    """What a direction needs of its connection.

    Attributes:
        last_ns: when its last segment passed.
        is_damaged: whether bytes of it are missing.
        reset_by: the direction whose reset has ended it, or may have ended it.
    """

    last_ns: int
    is_damaged: bool
    reset_by: Direction | None

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""

    @property
    def is_watched(self) -> bool:
        """Whether a timeout is running."""

    def tick(self, now_ns: int) -> None:
        """Handles the timeouts that have passed."""

    def learn_syn(self, direction: Direction, isn: int, time_ns: int) -> None:
        """Notes that the first segment of a direction is its SYN."""

    def half_close(self) -> None:
        """Notes that one end has closed while the other end is open or still sends."""

    def doubt_reset(self, direction: Direction, time_ns: int) -> None:
        """Notes a reset that its receiver may have ignored."""

    def close(self, problem: Problem) -> None:
        """Ends both directions."""

    def begin_anew(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """Takes a segment of the next life of the connection, which has the same stream."""

    def begin_again(self, stream: int, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        """Takes a segment that came after a timeout had ended the connection."""

    def count_after_close(self, at: int | None, seq: int, length: int) -> None:
        """Counts a segment that came after the end of a direction."""


class Direction:
    """The segments of one end of a connection.

    A segment may acknowledge bytes of the peer that have not arrived here. It waits for them, so that a request is
    delivered before its response. If the bytes do not come, they are a gap. Bytes in a SYN (RFC 7413) wait for the
    answer of the peer, because a SYN has no acknowledgement number.

    Args:
        counts: the counters of segments.
        holes: the directions that wait for something; this direction adds and removes itself.
        skipping: sends skip hints to the source.
        connection: the connection.
        stream: the source's number of this direction, used in orders.
        isn: the sequence number of its SYN, or None if the SYN was not seen.
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
        "_left_out",
        "_reports",
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
        self._is_stalled = False  # a direction holds segments or has ended, or a timeout is running
        self._hole_since_ns = 0
        self._delivered_ns = 0
        self._skip_until: int | None = None
        # the stream of HTTP/2 whose content may be left out, and what takes its size
        self._left_out: tuple[int, Callable[[LeftOut], int]] | None = None
        self._reports: Reports | None = None  # of what was left out
        self._starts: tuple[int, ...] = ()  # other sequence numbers at which it may begin, until its first bytes come
        self._claimed: tuple[int, int] | None = None  # a gap that is known from the peer's acknowledgement alone
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
            seq, ack, flags: the fields of its TCP header.
            length: payload bytes on the wire.
            kept: payload bytes in the buffer.
            buffer: contains them; not needed after the call.
            start: where they begin in it.
        """
        if (
            seq != self.next
            or kept != length
            or flags & UNUSUAL
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
        """Notes that the receiver ignores the next size bytes, so that the source need not send them. 0 revokes it."""
        if size:
            # before the first bytes and after the last, there is nothing to skip
            if self.next is not None and not self.has_ended:
                self._skip_until = (self.next + min(size, SKIP_BYTES_MAX)) & MASK
                self._skipping.skip(self.stream, self._skip_until)
        elif self._skip_until is not None:
            self._skip_until = None
            self._skipping.take_all(self.stream)

    def leave_out(self, number: int, take: Callable[[LeftOut], int]) -> None:
        """Notes that the content of a stream of HTTP/2 is not needed, so that the source need not send it.

        Args:
            number: the number of the stream; 0 revokes it.
            take: takes what was left out. It returns how many of the bytes were needed.
        """
        if not number:
            self.announce(0)
        elif self.next is not None and not self.has_ended and self._skipping.skip_content(self.stream, number):
            self._left_out = number, take
            self._reports = self._reports or Reports()
            self._skip_until = (self.next + SKIP_BYTES_MAX) & MASK

    def begin(self, isn: int) -> None:
        """Sets the sequence number of its SYN, which was seen on another interface."""
        self._isn = isn
        self.next = (isn + 1) & MASK

    def renumber(self, stream: int) -> None:
        """Notes the new number that the source uses for it."""
        self.stream = stream
        if self._left_out is not None and self._skip_until is not None:
            self._skipping.skip_content(stream, self._left_out[0])
        elif self._skip_until is not None:
            self._skipping.skip(stream, self._skip_until)

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that the waiting segments take."""
        return self._held.size + SEGMENT_BYTES * len(self._held)

    @property
    def waiting_since_ns(self) -> int | None:
        """When the first waiting segment came, or None if none waits."""
        return self._held.first.time_ns if self._held else None

    @property
    def is_at_rest(self) -> bool:
        """Whether it waits for the next bytes in order, and for nothing else."""
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
        """Delivers the waiting segments whose predecessors have come, and those that have waited too long."""
        for direction in (self, self.peer):
            if direction._reports and direction._reports.since_ns + HOLE_NS <= time_ns:
                direction._give_up_before_left_out()
        while self._is_stalled:
            due = [d for d in (self, self.peer) if d._is_due(time_ns)]
            if not due:
                break
            # the direction whose segment came first: the other may be waiting for this segment
            min(due, key=lambda d: d._held.first.time_ns).give_up()
        self._end_at_fin()
        self.peer._end_at_fin()

    def give_up(self) -> None:
        """Stops waiting for the first hole, which becomes a gap, or for bytes of the peer."""
        assert self.next is not None  # something is held
        first = self._held.first
        if first.ack is not None and distance(self.next, first.seq) <= 0 and self._awaits(first.ack):
            self.peer.lose(first.ack)
        if self._skip_until is not None:
            self._skip_quiet(first.seq, first.time_ns)
        until = first.seq if self._reports is None else self._reports.nearest(self.next, first.seq)
        if not self._miss(until):
            self._deliver_first()
        self._pass_on()

    def _give_up_before_left_out(self) -> None:
        """Stops waiting for bytes before those that were left out."""
        if self.next is not None and self._reports:
            waiting_at = self._held.first.seq if self._held else None
            self._miss(self._reports.nearest(self.next, waiting_at))
            self._pass_on()

    def settle(self) -> None:
        """Stops waiting for bytes that are known from an acknowledgement alone, as all that has passed is here."""
        while self._held and self._held.first.ack is not None and not self._is_behind_hole:
            self.give_up()

    @property
    def _is_behind_hole(self) -> bool:
        """Whether bytes are missing before the first waiting segment. Their sender may send them again."""
        return self.next is None or distance(self.next, self._held.first.seq) > 0

    def lose(self, until: int) -> None:
        """Counts bytes up to a sequence number as a gap, because the peer has acknowledged them."""
        if self._held and distance(self._held.first.seq, until) > 0:
            until = self._held.first.seq
        start = self.next
        if start is not None and self._miss(until):
            self._claimed = (start, until)

    def _miss(self, until: int) -> bool:
        """Counts bytes up to a sequence number as missing. Returns whether there are any."""
        assert self.next is not None  # later bytes are known
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
        """Ends the direction: it delivers no more bytes."""
        if self.has_ended:
            return
        self.has_ended = self._is_stalled = True
        self.announce(0)
        self.receiver.end(Problem.CLOSED if self.next is not None and self.next == self.fin_seq else problem)

    def finish(self) -> None:
        """Notes that its FIN came after all its bytes, in the lane."""
        self.fin_seq = self.next
        self._end_at_fin()

    def discard(self) -> None:
        """Drops the waiting segments and all that follow."""
        self.has_ended = True
        self._held.clear()

    def _take_unusual(self, time_ns: int, seq: int, ack: int, flags: int, length: int, data: bytes) -> None:
        counts = self._counts
        if flags & LEFT_OUT:
            self._take_left_out(seq, LeftOut(length, time_ns, *LEFT_OUT_LAYOUT.unpack(data)))
            return
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
            # the FIN came before bytes in front of it: an empty segment at its place marks the hole
            self._hold(seq, 0, b"", time_ns, maybe_ack)
        self._pass_on()
        self.go_on(time_ns)

    def _take_left_out(self, seq: int, left_out: LeftOut) -> None:
        """Takes the number of bytes that were left out from a sequence number on. Some of them may be known."""
        if self.has_ended or self.next is None or self._reports is None:
            return
        self._reports.add(seq, left_out)
        self._note_held()
        self._pass_on()
        self.go_on(left_out.time_ns)

    def _pass_left_out(self) -> bool:
        """Passes on bytes that were left out, if they come next. Returns whether it did."""
        if self.next is None or self._reports is None or self._left_out is None:
            return False
        left_out = self._reports.next(self.next)
        if left_out is None:
            return False
        self.next = (self.next + left_out.size) & MASK
        self.total += left_out.size
        self.connection.last_ns = left_out.time_ns
        self._counts.cut_bytes += self._left_out[1](left_out)
        if self._skip_until is not None:
            self._skip_until = (self.next + SKIP_BYTES_MAX) & MASK
        self._note_held()
        return True

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
        """Whether this direction or its peer holds segments."""
        return bool(self._held) or bool(self.peer._held)

    def _pass_quiet(self, seq: int, time_ns: int) -> None:
        """Counts the bytes that the source was asked to leave out as passed, up to the start of a segment.

        Does nothing while segments are held, because bytes before this segment may still come.
        """
        if not self._is_waiting:
            self._skip_quiet(seq, time_ns)

    def _skip_quiet(self, seq: int, time_ns: int) -> None:
        assert self.next is not None  # there is a skip hint
        assert self._skip_until is not None
        size = min(distance(self.next, seq), distance(self.next, self._skip_until), self.receiver.ignoring)
        if size > 0:
            self.next = (self.next + size) & MASK
            self.total += size
            self.receiver.skip(size, time_ns)
            if self._skip_until is not None:
                self._renew_order()

    def _answers_again(self, seq: int, ack: int) -> bool:
        """Whether a SYN-ACK answers a SYN a second time, with another sequence number.

        This happens if a load balancer lets two servers answer, or if a server has forgotten the first SYN when the
        client repeats it. The client's acknowledgement shows which answer the client accepted.
        """
        if not self.is_at_start or seq == self.next or self.peer._isn is None:
            return False
        return 0 <= distance((self.peer._isn + 1) & MASK, ack) <= UNSCALED_WINDOW_BYTES

    def _choose_start(self, seq: int) -> None:
        """Chooses the start nearest before the first bytes, among the possible ones."""
        assert self.next is not None  # the direction is at its start
        places = (self.next, *self._starts)
        ahead = {place: distance(place, seq) for place in places}
        known = [place for place in places if 0 <= ahead[place] < HELD_BYTES_MAX]
        if known:
            self._begin_at(min(known, key=ahead.__getitem__))

    def _learn_start(self, acked: int) -> None:
        """Takes the peer's acknowledgement as the start, if it contradicts the known start."""
        assert self.next is not None  # the direction is at its start
        if not 0 <= distance(self.next, acked) <= UNSCALED_WINDOW_BYTES and not self._held:
            self._begin_at(acked)

    def _learn_end(self, acked: int) -> None:
        """Notes a FIN that was not seen: the peer acknowledges one number, and no bytes have come.

        The source does not send segments without payload until it knows that the connection is HTTP.
        """
        assert self.next is not None  # the direction is at its start
        if distance(self.next, acked) == 1 and not self._held:
            self.fin_seq = self.next
            self._end_at_fin()

    def _begin_at(self, place: int) -> None:
        if place != self.next and self.next is not None:
            self._starts = (*(start for start in self._starts if start != place), self.next)[-STARTS_MAX:]
            self.next, self._isn = place, (place - 1) & MASK

    def _take_back_claim(self, seq: int) -> None:
        """Removes a gap whose bytes come after all: they were late, or the acknowledgement was false."""
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
        """Whether a segment begins another life of the connection, or lies outside any possible window."""
        if self.next is None or flags & RST:
            return False
        ahead = distance(self.next, seq)
        if flags & SYN:
            # A retransmitted SYN lies before next. If this direction's SYN was not seen, a SYN ahead is of a new life.
            return ahead > 0 if self._isn is None else seq != (self._isn + 1) & MASK
        if not -WINDOW_BYTES_MAX < ahead < WINDOW_BYTES_MAX:
            return True
        near = NEAR_AFTER_END_BYTES if self.has_ended else NEAR_BYTES
        if not length or -near <= ahead <= near or self.peer.next is None:
            return False
        # after a loss, one of the two numbers is far off; in another life, both are
        return not -near <= distance(self.peer.next, ack) <= near

    def _take_reset(self, seq: int, time_ns: int) -> None:
        """Takes a reset.

        The receiver ignores a reset whose number lies before the expected one (RFC 5961, 3.2). A reset ahead of it may
        be valid, if the bytes in between were lost. It counts as valid if nothing follows on the connection.
        """
        if self.next is None or self._ends_at(seq):
            self.connection.reset_by = self
            self.connection.close(Problem.RESET)
        elif 0 <= distance(self.next, seq) < WINDOW_BYTES_MAX:
            self.connection.doubt_reset(self, time_ns)

    def _ends_at(self, seq: int) -> bool:
        """Whether the known bytes of this end stop at a sequence number."""
        last = self._held.last_seq if self._held else self.next
        behind_fin = None if self.fin_seq is None else (self.fin_seq + 1) & MASK
        return seq in (self.next, last, self.peer.acked, behind_fin)

    def _take_payload(self, time_ns: int, seq: int, ack: int | None, length: int, data: bytes) -> None:
        assert self.next is not None  # set by the only caller
        counts = self._counts
        ahead = distance(self.next, seq)
        # keep-alives and probes of a closed window repeat the last byte: that is not a retransmission
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
        """Delivers segments of both directions in turn, as each direction may wait for the other."""
        while self._is_stalled and (self._deliver_next() or self.peer._deliver_next()):
            pass

    def _deliver_next(self) -> bool:
        """Delivers the first waiting segment, unless it must wait longer. Returns whether it did."""
        if self._reports and self._pass_left_out():
            return True
        if not self._held:
            return False
        assert self.next is not None  # a held segment sets it
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
        """Whether the waiting segments have waited too long, or take too much room."""
        held = self._held
        if not held:
            return False
        has_room = len(held) <= HELD_SEGMENTS_MAX and held.size <= HELD_BYTES_MAX
        return not has_room or now_ns - self._hole_since_ns >= self._patience()

    def _awaits(self, ack: int | None) -> bool:
        """Whether a segment must wait: it acknowledges bytes that have not come, or it is an unanswered SYN."""
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
        # the source does not send the bytes that it was asked to leave out
        return peer._skip_until is None or distance(peer._skip_until, ack) > 0

    def _is_disproved(self, segment: Segment) -> bool:
        """Whether a waiting segment acknowledges bytes that the peer sent only after it had received the segment."""
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
        """Delivers the new bytes of a segment that begins at or before next.

        If bytes overlap, those that came first count, as in Linux.
        """
        assert self.next is not None  # set before any payload
        old = distance(segment.seq, self.next)
        length, data = segment.length - old, segment.data[old:]
        if length <= 0:
            return
        self.total += length
        # bytes that waited for others count as delivered when those came
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
        """The acknowledgement number of a segment. For a SYN, which has none: the start of the peer."""
        if segment.ack is not None:
            return segment.ack
        # if nothing of the peer is known, any number will do, because no message of the peer begins there
        return 0 if self.peer._isn is None else (self.peer._isn + 1) & MASK

    def _renew_order(self) -> None:
        assert self.next is not None
        assert self._skip_until is not None
        if distance(self.next, self._skip_until) < SKIP_BYTES_MAX // 2 < self.receiver.ignoring:
            self.announce(self.receiver.ignoring)

    def _hold(self, seq: int, length: int, data: bytes, time_ns: int, ack: int | None) -> bool:
        """Keeps a segment. Returns whether it has new bytes."""
        if not self._held:
            self._hole_since_ns = time_ns
        is_new = self._held.add(seq, length, data, time_ns, ack)
        self._note_held()
        return is_new

    def _note_held(self) -> None:
        holes = self._holes
        if self._held or self._reports:
            holes[self] = None
        else:
            holes.pop(self, None)
        self.look_closely()

    def look_closely(self) -> None:
        """Disables the fast path of segment() in both directions while something waits or a timeout is running."""
        self._is_stalled = self.peer._is_stalled = (
            self._is_waiting
            or self.connection.is_watched
            or self.has_ended
            or self.peer.has_ended
            or bool(self._reports or self.peer._reports)
        )

    def _patience(self) -> int:
        assert self.next is not None
        first, acked = self._held.first, self.peer.acked
        if first.ack is None:
            return UNANSWERED_SYN_NS
        # what was left out is reported soon, and not at once
        has_passed = acked is not None and distance(first.seq, acked) >= 0 and self._left_out is None
        return ACKNOWLEDGED_HOLE_NS if has_passed or distance(self.next, first.seq) <= 0 else HOLE_NS

    def _end_at_fin(self) -> None:
        if self.fin_seq is None or self.has_ended or self._held:
            return
        self.end(Problem.CLOSED)
        if self.peer.has_ended:
            self.connection.close(Problem.CLOSED)
        else:
            self.connection.half_close()
