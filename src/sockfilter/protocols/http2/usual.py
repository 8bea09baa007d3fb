"""Reads the connections in C on which nothing is unusual, and takes them back when something is."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from sockfilter.libbpf import binding
from sockfilter.model.body import Body
from sockfilter.model.message import Request, Response
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http2.frames import NAMES
from sockfilter.protocols.http2.heads import BlockFields, Http2Head
from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder, take_out
from sockfilter.protocols.http2.hpack_table import STATIC, Block, Field, size_of

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.model.flow import LeftOut
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.http2.messages import StreamMessages
    from sockfilter.protocols.http2.receiver import Http2Receiver
    from sockfilter.protocols.interface import Context, SharedReading, Transport

# struct sf_usual_field, and the numbers in struct sf_usual_stream; a test compares the layouts
FIELD, STREAM = Struct("=III"), Struct("=QQQQQIIIIIBBBBIIQQQQQIIIIIBBBBIIIIII")
# Segments that the receivers in Python take before the reader in C is tried again: to enter and to leave costs as much
# as to read some tens of segments.
DETOUR_SEGMENTS = 128
# Heads that are remembered, as most of them come again; at most 4 MB.
HEADS_MAX = 512
# Bytes from which on a text is shared by all fields with it, and bytes of texts that are remembered for this. A field
# of one byte may refer to a long entry of the table.
SHARED_MIN, SHARED_BYTES_MAX = 64, 256 << 10

# raises LibbpfMissing
_ffi, _lib = binding.load()
_lib.sf_usual_prepare(
    bytes(len(field.name or b"") for field in STATIC),
    bytes(size_of(field) for field in STATIC),
    b"".join((field.name or b"") + (field.value or b"") for field in STATIC),
    sum(len(field.name or b"") + len(field.value or b"") for field in STATIC),
)
EXCHANGE, HEAD, DATA = _lib.SF_USUAL_EXCHANGE, _lib.SF_USUAL_HEAD, _lib.SF_USUAL_DATA
RESET, LEAVES, LINES = _lib.SF_USUAL_RESET, _lib.SF_USUAL_LEAVES, _lib.SF_USUAL_LINES
NEVER_INDEXED, NO_NAME = _lib.SF_USUAL_NEVER_INDEXED, _lib.SF_USUAL_NO_NAME
NO_VALUE, AGAIN = _lib.SF_USUAL_NO_VALUE, _lib.SF_USUAL_AGAIN
ROUTE_BYTES, KINDS = _lib.SF_USUAL_ROUTE_BYTES, _lib.SF_USUAL_KINDS
# the largest limit on the kept bytes of a body
BODY_MAX = 1 << 62
_take = _lib.sf_usual_take


class Form:
    """What the readers of a capture share in C: counters, and the form of lines; with what they share in Python.

    Args:
        policy: what to keep of bodies.
        reading: has the output for lines.

    Attributes:
        state: struct sf_usual_form.
        block: memory for a header block.
        heads: heads that may come again, by their fields in C.
    """

    def __init__(self, policy: BodyPolicy, reading: SharedReading) -> None:
        made = _lib.sf_usual_form_open(min(policy.limit, BODY_MAX), policy.decodes)
        if not made:
            raise MemoryError
        self.state = _ffi.gc(made, _lib.sf_usual_form_close)
        self.block = take_out().block
        self.heads: dict[bytes, Http2Head] = {}
        self._texts: dict[bytes, bytes] = {}
        self._texts_size = 0
        self._told = reading.told
        if self._told is not None:
            lines = self._told.lines
            self.state.kind = _lib.SF_USUAL_JSON if lines.is_json else _lib.SF_USUAL_TEXT
            self.state.show_secrets = lines.show_secrets
            self.state.route_width_max, self.state.request_width_max = lines.widths_max

    def tell(self) -> None:
        """Passes on the lines, if there are any."""
        state = self.state
        if not state.lines:
            return
        assert self._told is not None  # there are no lines otherwise
        text, count = _ffi.buffer(state.text, state.text_len)[:], state.lines
        state.text_len = state.lines = 0
        self._told.take(text, count)

    def describe(self, state: Any, connection: Connection) -> None:
        """Tells the reader of a connection what lines say of it."""
        if self._told is None:
            return
        lines = self._told.lines
        if lines.is_json:
            before, behind = lines.around(connection)
            _lib.sf_usual_set_around(state, before + behind, len(before), len(behind))
            return
        route = connection.route
        if route.isascii() and route.isprintable() and len(route) <= ROUTE_BYTES:
            _ffi.memmove(state.route, route.encode(), len(route))
            state.route_len = len(route)

    def fields(self, data: bytes) -> list[Field]:
        """Makes fields of those in C."""
        made: list[Field] = []
        at = 0
        while at < len(data):
            name_len, value_len, flags = FIELD.unpack_from(data, at)
            at += FIELD.size
            if flags & AGAIN:
                made.append(made[name_len])
                continue
            value_at = at + name_len
            end = value_at + value_len
            name, value = data[at:value_at], data[value_at:end]
            if name_len + value_len >= SHARED_MIN:
                name, value = self._shared(name), self._shared(value)
            is_never = bool(flags & NEVER_INDEXED)
            made.append(Field(None if flags & NO_NAME else name, None if flags & NO_VALUE else value, is_never))
            at = end
        return made

    def _shared(self, text: bytes) -> bytes:
        """The same text, as one object for all fields that have it."""
        known = self._texts.get(text)
        if known is not None:
            return known
        if self._texts_size > SHARED_BYTES_MAX:
            self._texts.clear()
            self._texts_size = 0
        self._texts[text] = text
        self._texts_size += len(text)
        return text

    def head(self, data: bytes, is_request: bool) -> Http2Head:
        """The head with these fields in C."""
        known = self.heads.get(data)
        if known is not None:
            known.is_shared = True
            return known
        if len(self.heads) >= HEADS_MAX:
            self.heads.clear()
        made = self.heads[data] = Http2Head(BlockFields(self.fields(data)), is_request)
        return made


class UsualReader:
    """Reads one connection in C as long as nothing on it is unusual.

    The receivers in Python read the first frames, and everything else that the reader in C does not.

    Args:
        transport: the connection.
        context: what the conversation needs.
        messages: takes the messages of streams on which something is unusual.
        receivers: the receivers in Python of both ends.

    Attributes:
        model: the public description of the connection.
    """

    def __init__(
        self,
        transport: Transport,
        context: Context,
        messages: StreamMessages,
        receivers: tuple[Http2Receiver, Http2Receiver],
    ) -> None:
        assert context.reading is not None  # the caller has checked it
        self._reading = reading = context.reading
        if reading.form is None:
            reading.form = Form(context.policy, reading)
            reading.refresh()
        self._form: Form = reading.form
        self.model = transport.model
        self._context = context
        self._messages = messages
        self._receivers = receivers
        self._detour = 0  # segments that the receivers in Python take first
        self.state: Any = None  # struct sf_usual; None: the receivers in Python have the connection
        self.block = self._form.block

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes in C."""
        return 0 if self.state is None else int(_lib.sf_usual_weight(self.state))

    @property
    def is_at_rest(self) -> bool:
        """Whether it has no open exchange, and both ends may begin a frame."""
        state = self.state
        return state is None or not (
            state.open or any(end.part_len or end.content_left for end in (state.end[0], state.end[1]))
        )

    def detour(self, end: int, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Passes bytes to the receivers in Python. Enters C if the next bytes may be read there."""
        if self.state is not None:
            self.leave()
        self._receivers[end].data(data, time_ns, seq, ack)
        self._detour -= 1
        if self._detour <= 0:
            self._enter()

    def answer(self, kind: int, end: int, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Handles the events of bytes that an end has sent."""
        state, form = self.state, self._form
        while True:
            form.tell()
            if kind == EXCHANGE:
                self._pair(state.ended)
            elif kind == LEAVES:
                at = state.at
                self.leave()
                if at < len(data):
                    self._receivers[end].data(data[at:], time_ns, (seq + at) & MASK, ack)
                return
            elif kind != LINES:
                self._handle(kind, end, data, time_ns)
            if state.at >= len(data) or self.state is not state:
                return
            kind = _take(state, self.block, end, data, len(data), state.at, time_ns, seq, ack)
            if not kind:
                return

    def give(self) -> None:
        """Gives all open streams to the receivers in Python, and brings the counters up to date."""
        state = self.state
        if state is None:
            return
        pairing = self._messages.pairing
        if state.has_answered:
            self.model.note_response(state.answered_ns, state.answered_seq)
            state.has_answered = 0
        while _lib.sf_usual_give(state):
            self._give(state.ended)
        pairing.resume(state.conn_seq)
        self._settle()

    def leave(self) -> None:
        """Gives the connection to the receivers in Python."""
        if self.state is None:
            return
        self.give()
        state, self.state = self.state, None
        del self._reading.readers[self]
        for number, receiver in enumerate(self._receivers):
            end, decoder = state.end[number], receiver.hpack
            assert isinstance(decoder, NativeHpackDecoder)  # _enter() has checked it
            decoder.entries = [self._entry(state, number, at) for at in range(decoder.state.count)]
            receiver.frame_bytes_max = end.frame_bytes_max
            receiver.resume(end.content_left, end.data_stream, bool(end.data_ends))
            if end.part_len:
                receiver.data(_ffi.buffer(end.part, end.part_len)[:], end.start_ns, end.seq, end.ack)
            if end.now_ns:
                receiver.note_time(end.now_ns)
        # as many more as entries had to be moved
        self._detour = DETOUR_SEGMENTS + sum(len(receiver.hpack.entries) for receiver in self._receivers)

    def _enter(self) -> None:
        client_end = self.model.client_end
        if client_end is None or not all(r.has_begun and r.is_between for r in self._receivers):
            return
        first, second = (receiver.hpack for receiver in self._receivers)
        assert isinstance(first, NativeHpackDecoder)  # they are of one kind, and this module has loaded the extension
        assert isinstance(second, NativeHpackDecoder)
        made = _lib.sf_usual_open(self._form.state, first.state, second.state)
        if not made:
            return
        state = _ffi.gc(made, _lib.sf_usual_close)
        for number, decoder in enumerate((first, second)):
            for name, value, _ in decoder.entries:
                flags = (name is None) * NO_NAME | (value is None) * NO_VALUE
                text = (name or b"") + (value or b"")
                if not _lib.sf_usual_add_text(state, number, text, len(name or b""), len(value or b""), flags):
                    return
            state.end[number].frame_bytes_max = self._receivers[number].frame_bytes_max
        first.entries, second.entries = [], []
        state.client_end, state.last_stream = client_end, self._messages.last_stream
        state.conn_seq = self._messages.pairing.number
        # the lines in C say nothing of TLS
        if not self.model.clocks_differ and self.model.tls is None:
            self._form.describe(state, self.model)
        self.state = state
        self._reading.readers[self] = self.give

    def _handle(self, kind: int, end: int, data: bytes, time_ns: int) -> None:
        """Handles an event that is not usual."""
        state, messages = self.state, self._messages
        pairing = messages.pairing
        if state.gives:
            self.give()
        pairing.resume(state.conn_seq)
        stream = state.stream
        if kind == HEAD:
            form = self._form.state
            fields = self._form.fields(_ffi.buffer(form.fields, form.fields_len)[:])
            block = Block(fields, state.block_size, bool(state.is_valid))
            place = state.seq, state.ack, stream
            messages.head(end, stream, block, place, state.start_ns, time_ns, bool(state.is_last))
        elif kind == DATA:
            if state.data_to > state.data_from:
                messages.data(end, stream, data[state.data_from : state.data_to], time_ns)
            if state.is_last:
                messages.end(end, stream, time_ns)
        elif kind == RESET:
            messages.reset(end, stream, state.value, time_ns)
        else:
            messages.go_away(end, state.value)
        state.conn_seq = pairing.number
        if self.model.clocks_differ:
            state.route_len = state.before_len = 0

    def _pair(self, stream: Any) -> None:
        """Makes an exchange of a stream that has ended."""
        made = STREAM.unpack(_ffi.buffer(stream))
        asked, answered, (number, conn_seq) = made[:16], made[16:32], made[32:34]
        halves, form = stream.half, self._form
        request_head = form.head(_ffi.buffer(halves[0].fields, asked[5])[:], True)
        response_head = form.head(_ffi.buffer(halves[1].fields, answered[5])[:], False)
        request = Request(request_head, asked[0], (asked[8], asked[9], number), asked[1])
        response = Response(response_head, answered[0], (answered[8], answered[9], number), answered[1])
        if asked[12]:
            request.body = self._body(halves[0], asked[2], is_coded=asked[13])
        if answered[12]:
            response.body = self._body(halves[1], answered[2], is_coded=answered[13])
        self._messages.pairing.pair(conn_seq, request, response)
        if self.model.clocks_differ and self.state is not None:
            self.state.route_len = self.state.before_len = 0

    def _body(self, half: Any, size: int, *, is_coded: int) -> Body:
        limit = self._context.policy.limit
        content = _ffi.buffer(half.body, min(size, limit))[:] if limit else b""
        return Body(size, None if is_coded else size, content)

    def _give(self, stream: Any) -> None:
        """Gives a stream that was read in C to the receivers in Python."""
        messages, client_end, number = self._messages, self.state.client_end, stream.stream
        messages.pairing.resume(stream.conn_seq - 1)
        for half, end in ((stream.half[0], client_end), (stream.half[1], 1 - client_end)):
            if not half.has_begun:
                break
            fields = self._form.fields(_ffi.buffer(half.fields, half.fields_len)[:])
            block = Block(fields, sum(map(size_of, fields)), True)
            place = half.seq, half.ack, number
            is_last = bool(half.has_ended and not half.has_data)
            messages.head(end, number, block, place, half.start_ns, half.end_ns, is_last)
            if not half.has_data:
                continue
            if self._context.policy.limit:
                messages.data(end, number, _ffi.buffer(half.body, half.wire_len)[:], half.end_ns)
            else:
                messages.count(end, number, half.wire_len)
            if half.has_ended:
                messages.end(end, number, half.end_ns)

    def _entry(self, state: Any, end: int, at: int) -> Field:
        """An entry of the table of an end, by its place from the oldest on."""
        text = _lib.sf_usual_text(state, end, at)
        if not text:
            return STATIC[0]
        data, name_len = _ffi.buffer(text.bytes, text.name_len + text.value_len)[:], text.name_len
        name, value = data[:name_len], data[name_len:]
        return Field(None if text.flags & NO_NAME else name, None if text.flags & NO_VALUE else value)

    def _settle(self) -> None:
        """Adds the counters in C to those of the capture."""
        counts, made = self._form.state.counts, self._context.counts
        if not any(counts.frames):
            return
        for kind in range(KINDS):
            if counts.frames[kind]:
                made.frames[NAMES[kind] if kind < len(NAMES) else "other"] += counts.frames[kind]
                counts.frames[kind] = 0
        made.header_blocks += counts.blocks
        counts.blocks = 0


class UsualReceiver:
    """Passes the bytes of an end to the reader in C, or to the receiver in Python.

    Args:
        reader: the reader of the connection.
        end: the end.
        receiver: the receiver in Python.

    Attributes:
        ignoring: 0: it needs all bytes, as the next frame may begin anywhere.
    """

    __slots__ = ("_end", "_model", "_reader", "_receiver", "ignoring")

    def __init__(self, reader: UsualReader, end: int, receiver: Http2Receiver) -> None:
        self._reader = reader
        self._model = reader.model
        self._end = end
        self._receiver = receiver
        self.ignoring = 0

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        reader = self._reader
        state = reader.state
        if state is None or type(time_ns) is not int or time_ns < 0:
            reader.detour(self._end, data, time_ns, seq, ack)
            return
        if self._model.hops:
            state.before_len = 0  # a line of JSON that is written in C has no path
        kind = _take(state, reader.block, self._end, data, len(data), 0, time_ns, seq, ack)
        if kind:
            reader.answer(kind, self._end, data, time_ns, seq, ack)

    def skip(self, size: int, time_ns: int) -> None:
        """Takes no bytes: it needs all of them, and ignores none."""

    def repeat(self, seq: int) -> None:
        """Notes a retransmission. It delays all streams that are open."""
        self._reader.give()
        self._receiver.repeat(seq)

    def pass_over(self, left_out: LeftOut) -> int:
        """Takes the size of content that was left out. Returns how many bytes of it were needed."""
        self._reader.leave()
        return self._receiver.pass_over(left_out)

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes. Returns how many were needed."""
        self._reader.leave()
        return self._receiver.missing(size, problem)

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow."""
        self._reader.leave()
        self._receiver.end(problem)
