"""The lane: code in C follows its connections, and reports when an exchange ends or one must leave."""

from __future__ import annotations

from array import array
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any

from sockfilter.libbpf import binding
from sockfilter.model.message import Request, Response
from sockfilter.model.sequence import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.body import Body
    from sockfilter.model.exchange import Exchange
    from sockfilter.road.express.road import (
        CountedFigures,
        LaneConnection,
        LaneConversation,
        LaneReceiver,
        LongRoad,
        RenderedLines,
    )
    from sockfilter.road.express.tallying import Tallying

# struct sf_lane_event of lane.h; a test compares the two layouts
EVENT = Struct("=IIIIIIIIQQQQQQIIIIII")
PASSED, LEAVES, EXCHANGE, ENTERS, CLOSED, LINES = range(6)
# the first fields of struct sf_record: time_ns, stream
FIRST = Struct("=QQ")
# Entering and leaving costs as much as the lane saves on a few exchanges. A connection stays on the road after it
# has left the lane SHORT_STAYS_MAX times in a row with fewer than SHORT_STAY exchanges each.
SHORT_STAYS_MAX, SHORT_STAY = 2, 4
# the largest limit on the kept bytes of a body, so that sums do not overflow in C
BODY_MAX = 1 << 62


class Lane:
    """Takes records before the road does, and passes on those that it cannot handle.

    A connection enters with its first request, or between two exchanges on the road. It leaves with the first
    record that is unusual. The road then gets the bytes of the messages that have begun.

    Args:
        road: the road.
        read_head: parses the bytes of a head, as on the road.
        make_body: makes a complete body of its head, its size on the wire, and its kept bytes.
        body_bytes: bytes to keep of each body.
        decodes: whether bodies must be decoded. If so, bodies with a content coding take the road.
        emit: takes each exchange that ends here.
        told: takes text lines instead of emit, if a line is all that is needed of an exchange. None: no output does.
        counted: takes the numbers of an exchange instead of emit, if they are enough. None: no output does.
        tallying: counts exchanges, beside told or instead of emit. None: no output needs that.
    """

    def __init__(
        self,
        road: LongRoad,
        read_head: Callable[[bytes], Any],
        make_body: Callable[[Any, int, bytes], Body],
        body_bytes: int,
        decodes: bool,
        emit: Callable[[Exchange], None],
        told: RenderedLines | None = None,
        counted: CountedFigures | None = None,
        tallying: Tallying | None = None,
    ) -> None:
        self._written = told
        self._counted = counted
        self._road = road
        self._decode = road.consume
        self._emit = emit
        self._read_head = read_head
        self._make_body = make_body
        self._body_bytes = body_bytes
        self._ffi, self._lib = binding.load()
        lane = self._lib.sf_lane_open(min(body_bytes, BODY_MAX), decodes)
        self._lane = self._ffi.gc(lane, self._lib.sf_lane_close) if lane else None
        if lane and told is not None:
            self._lib.sf_lane_write_lines(lane, told.lines.show_secrets, *told.lines.widths_max)
        self._tallying = tallying if lane and tallying is not None and tallying.begin(self._lane) else None
        self._on: dict[int, LaneConnection] = {}  # by slot
        self._left: set[int] = set()  # slots to free after this batch
        self._told: set[int] = set()  # streams of which the road has taken all records of this batch
        self._candidates: dict[LaneConnection, None] = {}
        self._is_running = False

    def consume(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records.

        Args:
            view: the memory of the ring.
            offsets: where the records begin in it; at most SF_LANE_RECORDS of them.
        """
        if self._lane is None:
            self._decode(view, offsets)
            return
        self._is_running = True
        try:
            self._run(view, offsets)
        finally:
            self._is_running = False
            for slot in self._left:
                self._free(slot)
            self._left.clear()
            self._told.clear()
        if self._candidates:
            for connection in self._candidates:
                self._enter(connection)
            self._candidates.clear()

    def may_enter(self, connection: LaneConnection) -> None:
        """Notes that an exchange has ended on the road, so that its connection may enter after this batch."""
        if connection.short_stays < SHORT_STAYS_MAX and not connection.is_closed:
            self._candidates[connection] = None

    def recall_open(self) -> None:
        """Makes the connections with an open exchange leave, so that the road has and counts every exchange."""
        for slot in list(self._on):
            state = self._lib.sf_lane_slot(self._lane, slot)
            if slot not in self._left and (state.state or state.closed):
                self._leave(slot)

    def _run(self, view: memoryview, offsets: list[int]) -> None:
        lib, ffi = self._lib, self._ffi
        told = self._written
        if told is not None:
            lib.sf_lane_set_line(self._lane, *told.lines.widths, told.clock_offset_ns)
        where = ffi.from_buffer("__u32[]", array("I", offsets))
        with ffi.from_buffer(view) as ring:  # released at once, as the ring cannot be unmapped before
            count = lib.sf_lane_run(self._lane, ring, where, len(offsets))
        size = ffi.new("size_t *")
        text = ffi.buffer(lib.sf_lane_text(self._lane, size), size[0])[:]
        events = ffi.buffer(lib.sf_lane_events(self._lane), count * EVENT.size)[:]
        read_head, make_body, emit = self._read_head, self._make_body, self._emit
        counted, taken = self._counted, 0
        take, clock_offset_ns = (None, 0) if counted is None else (counted.take, counted.clock_offset_ns)
        on = self._on
        for (
            kind,
            at,
            request_from,
            response_from,
            response_to,
            ring_at,
            request_body_at,
            response_body_at,
            request_ns,
            request_end_ns,
            response_ns,
            response_end_ns,
            request_body,
            response_body,
            request_seq,
            request_ack,
            response_seq,
            response_ack,
            conn_seq,
            _,
        ) in EVENT.iter_unpack(events):
            if kind == PASSED:
                passed = ffi.unpack(lib.sf_lane_passed(self._lane) + at, request_from - at)
                if self._told:
                    passed = [each for each in passed if FIRST.unpack_from(view, each)[1] & ~1 not in self._told]
                self._decode(view, passed)
                continue
            if kind != EXCHANGE:
                if kind == LINES:
                    if response_from and response_from - 1 not in on:
                        continue  # _begin() has passed its records to the road
                    assert told is not None  # there are lines only if told takes them
                    made = ffi.buffer(lib.sf_lane_lines(self._lane) + ring_at, request_from - ring_at)[:]
                    told.take(made, at)
                elif kind == ENTERS:
                    self._begin(at, view, ring_at, offsets)
                elif at not in self._left:
                    if kind == LEAVES:
                        self._note_stay(at)
                        self._leave(at)
                    else:
                        self._close(at)
                continue
            if at not in on:
                continue  # _begin() has passed its records to the road
            if take is not None and take(
                on[at].model,
                text,
                request_from,
                response_from,
                request_ns + clock_offset_ns,
                request_end_ns + clock_offset_ns,
                response_ns + clock_offset_ns,
                response_end_ns + clock_offset_ns,
                request_body,
                response_body,
            ):
                taken += 1
                continue
            asked = read_head(text[request_from:response_from])
            answered = read_head(text[response_from:response_to])
            request = Request(asked, request_ns, (request_seq, request_ack), request_end_ns)
            response = Response(answered, response_ns, (response_seq, response_ack), response_end_ns)
            if request_body:
                request.body = make_body(asked, request_body, self._kept_of(request_body, request_body_at))
            if response_body:
                response.body = make_body(answered, response_body, self._kept_of(response_body, response_body_at))
            emit(on[at].conversation.sink.pair(conn_seq, request, response))
        if counted is not None:
            counted.count(taken)
        if self._tallying is not None:
            self._tallying.settle()

    def _kept_of(self, size: int, at: int) -> bytes:
        """Returns the kept bytes of a body of this run."""
        if at == self._lib.SF_LANE_NO_BODY:
            return b""
        bodies = self._lib.sf_lane_bodies(self._lane)
        return bytes(self._ffi.buffer(bodies + at, min(size, self._body_bytes)))

    def _enter(self, connection: LaneConnection) -> None:
        talk: LaneConversation = connection.conversation
        if not talk.has_lane:
            return
        if connection.recall or not (connection.is_at_rest and talk.is_at_rest and talk.sink.is_at_rest):
            return
        if connection.model.clocks_differ:
            return  # the lane cannot correct times
        following, acked = zip(*((d.next, d.acked) for d in connection.directions), strict=True)
        slot = self._lib.sf_lane_enter(
            self._lane,
            connection.streams[-1],
            talk.sink.client_end,
            following,
            acked,
            connection.last_ns,
            talk.sink.number,
            self._ffi.from_buffer(connection.start.key),
        )
        if slot >= 0:
            self._put_on(slot, connection)

    def _begin(self, slot: int, view: memoryview, at: int, offsets: list[int]) -> None:
        """Opens the connection of a slot that a first record has entered. at: the offset of the record."""
        time_ns, stream = FIRST.unpack_from(view, at)
        connection = self._road.enter(view, at, stream, time_ns)
        if connection is None or not connection.conversation.has_lane:
            # the connection is known by another stream, or has another protocol: its records are for the road
            self._left.add(slot)
            self._told.add(stream & ~1)
            self._decode(view, [at for at in offsets if FIRST.unpack_from(view, at)[1] & ~1 == stream & ~1])
            return
        connection.conversation.sink.client_end = stream & 1
        self._lib.sf_lane_slot(self._lane, slot).is_new = 0
        self._put_on(slot, connection)

    def _put_on(self, slot: int, connection: LaneConnection) -> None:
        self._on[slot] = connection
        connection.entered_at = connection.conversation.sink.number
        connection.recall = partial(self._leave, slot)
        if self._tallying is not None:
            self._lib.sf_lane_slot(self._lane, slot).group = self._tallying.group_of(connection.model)

    def _close(self, slot: int) -> None:
        """Closes the connection of a slot: both ends have closed between exchanges."""
        connection, state = self._on[slot], self._lib.sf_lane_slot(self._lane, slot)
        connection.recall = None
        self._road.note_control(state.control)
        connection.end_at_rest(tuple(state.next), state.last_ns)
        self._left.add(slot)

    def _note_stay(self, slot: int) -> None:
        """Notes how long the connection of a slot was in the lane, when one of its segments makes it leave."""
        connection = self._on[slot]
        is_short = self._lib.sf_lane_slot(self._lane, slot).conn_seq - connection.entered_at < SHORT_STAY
        connection.short_stays = connection.short_stays + 1 if is_short else 0

    def _leave(self, slot: int) -> None:
        """Returns the connection of a slot to the road, with its state and its open messages."""
        connection, state = self._on[slot], self._lib.sf_lane_slot(self._lane, slot)
        connection.recall = None
        first, second = (ack if state.heard & 1 << end else None for end, ack in enumerate(state.acked))
        connection.resume(tuple(state.next), (first, second), state.last_ns, tuple(state.passed))
        talk: LaneConversation = connection.conversation
        talk.sink.note_pairs(state.conn_seq)
        if state.has_ended:
            talk.resume(state.client_end, (state.half[0].ack, state.half[1].ack))
            connection.model.note_response(state.half[1].start_ns, state.half[1].seq)
        if state.state != self._lib.SF_LANE_IDLE:
            self._tell(talk.receivers[state.client_end], state.half[0])
        if state.state == self._lib.SF_LANE_RESPONSE:
            self._tell(talk.receivers[1 - state.client_end], state.half[1])
        self._road.note_control(state.control)
        for end, direction in enumerate(connection.directions):
            if state.closed & 1 << end:
                direction.finish()
        if self._is_running:
            self._left.add(slot)
        else:
            self._free(slot)

    def _tell(self, receiver: LaneReceiver, half: Any) -> None:
        """Passes the bytes of an open message to the road."""
        receiver.data(self._ffi.buffer(half.head, half.head_len)[:], half.start_ns, half.seq, half.ack)
        kept = half.body_kept
        if kept:
            body = self._ffi.buffer(half.body, kept)[:]
            receiver.data(body, half.end_ns, (half.seq + half.head_len) & MASK, half.ack)
        size = half.body_len - half.missing - kept
        if size:
            receiver.skip(size, half.end_ns)

    def _free(self, slot: int) -> None:
        self._on.pop(slot, None)
        self._lib.sf_lane_leave(self._lane, slot)
