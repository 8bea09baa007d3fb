"""The messages of the streams of one connection: their heads, bodies, trailers and ends."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.exchange import StreamReset
from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.protocols.announcing import BULK_BYTES
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.contents import BodyStart, reader_of
from sockfilter.protocols.http2.frames import NO_ERROR, error_name
from sockfilter.protocols.http2.heads import UNKNOWN_CODING, BlockFields, Http2Head
from sockfilter.protocols.http2.tunnel import StreamTunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message
    from sockfilter.protocols.http2.hpack import Block
    from sockfilter.protocols.interface import ByStream, ContentReader, Context, Transport

# Messages of one direction that may be incomplete: as many as streams that the pairing keeps open.
HALVES_MAX = 10_000
# Streams that were reset and are remembered: what the other end had sent before it knew still comes (RFC 9113, 5.1).
RESETS_MAX = 256
# One in so many is given up at a time: to find the oldest key of a dict costs more, the more were removed before it.
EVICTED_PART = 128
# GOAWAY frames of one end that are taken: a server sends two, and each one looks at all open streams
GOAWAYS_MAX = 16
# of a message of which only the trailers have come, or a block that may be the trailers
UNKNOWN_BODY = Body(0, None, b"")


class Half:
    """A message that has begun and not ended.

    Attributes:
        message: the message.
        codings: the codings of its content.
        may_have_reader: whether its content may carry a protocol of its own.
        keeper: collects its body; None until the body begins.
        losses: how often bytes of its direction had been lost when it began, or when that was noted last: then it is
            the complement (~), which is negative.
    """

    __slots__ = ("codings", "keeper", "losses", "may_have_reader", "message")

    def __init__(self, message: Message, head: Http2Head, losses: int) -> None:
        self.message = message
        self.codings = head.codings
        self.may_have_reader = head.may_have_reader
        self.keeper: BodyKeeper | None = None
        self.losses = losses

    def conceal(self) -> None:
        """Forgets the head of a response if its status is not known: it may be that of an informational response."""
        if isinstance(self.message, Response) and not self.message.status:
            self.message.head = Http2Head(BlockFields(()), False)
            self.message.add_problem(Problem.HEADERS_LOST)
            self.codings, self.may_have_reader = (UNKNOWN_CODING,), False


class StreamMessages:
    """The messages of both directions.

    Args:
        transport: the connection.
        context: has the pairing, the policy and the budget.
        announce: tells the source that an end's content of a stream is not needed; of stream 0: that all is.

    Attributes:
        pairing: pairs the messages by their streams.
        last_stream: the largest number of a stream that has begun.
        client_end: the end that sends requests; None if not known.
    """

    __slots__ = (
        "_announce",
        "_context",
        "_goaways",
        "_halves",
        "_losses",
        "_lost_by",
        "_model",
        "_resets",
        "_transport",
        "_tunnels",
        "_unneeded",
        "last_stream",
        "pairing",
    )

    def __init__(self, transport: Transport, context: Context, announce: Callable[[int, int], None]) -> None:
        self._transport = transport
        self._announce = announce
        self._unneeded = [0, 0]  # the stream whose content is not needed
        self._model = transport.model
        self._tunnels: dict[int, StreamTunnel] = {}  # by stream
        self._context = context
        self.pairing: ByStream = context.by_stream(transport)
        self._halves: tuple[dict[int, Half], dict[int, Half]] = {}, {}
        self._losses = [0, 0]
        self._lost_by = [Problem.GAP, Problem.GAP]  # why bytes were lost last
        self._goaways = [0, 0]
        self._resets: dict[int, None] = {}  # the oldest first
        self.last_stream = 0

    @property
    def client_end(self) -> int | None:
        """The end that sends requests; None if not known."""
        return self._model.client_end

    @client_end.setter
    def client_end(self, end: int) -> None:
        if self._model.client_end is None:
            self._model.client_end = end

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept for incomplete messages and open exchanges."""
        keepers = (half.keeper for halves in self._halves for half in halves.values())
        return self.pairing.weight + sum(keeper.weight for keeper in keepers if keeper is not None)

    def adopt(self, exchange: Exchange) -> None:
        """Takes the exchange whose request asked for HTTP/2: its response comes on stream 1 (RFC 7540, 3.2)."""
        self.pairing.adopt(exchange, 1)

    def head(
        self, end: int, stream: int, block: Block, place: tuple[int, ...], start_ns: int, now_ns: int, is_last: bool
    ) -> None:
        """Takes the header block of a HEADERS frame and its continuations.

        Args:
            end: the end that sent it.
            stream: its stream.
            block: the decoded block.
            place: the place of the message, if it begins one.
            start_ns: when the first byte passed.
            now_ns: when the last byte passed.
            is_last: nothing follows on this stream from this end.
        """
        if stream > self.last_stream:
            self.last_stream = stream
        half = self._halves[end].get(stream)
        if half is None and stream in self._resets:
            return
        if half is None and block.made is not None:
            self._begin_again(end, stream, block.made, place, start_ns, now_ns, is_last)
            return
        fields = BlockFields(block.fields)
        if half is not None and self._continue(end, half, fields, (start_ns, now_ns), is_last):
            message = half.message
        else:
            half = None
            is_request = self._kind(end, fields)
            if is_request is None:
                self.pairing.lose(Problem.HEADERS_LOST)  # what it belongs to was missed
                return
            message = self._begin(end, fields, block, is_request, is_last, start_ns, place)
        if fields.has_lost or not fields.is_proper or not block.is_valid:
            _note_faults(message, fields, block)
        elif block.is_remembered and half is None and fields.pseudo:
            block.made = message.head
        if half is None:
            self._go_on(end, stream, message, now_ns, is_last)
        elif is_last:
            self._finish(end, stream, half, now_ns, True)

    def _begin_again(
        self,
        end: int,
        stream: int,
        head: object,
        place: tuple[int, ...],
        start_ns: int,
        now_ns: int,
        is_last: bool,
    ) -> None:
        """Begins a message with a head that came before."""
        assert isinstance(head, Http2Head)  # nothing else is made of a block
        head.is_shared = True
        self._end_earlier(stream, head.is_request)
        message = (Request if head.is_request else Response)(head, start_ns, place)
        self._pair(end, stream, message, is_last)
        self._go_on(end, stream, message, now_ns, is_last)

    def _go_on(self, end: int, stream: int, message: Message, now_ns: int, is_last: bool) -> None:
        """Ends a message that has no body, or waits for its body."""
        if is_last:
            message.end_ns, message.complete = now_ns, message.body is not UNKNOWN_BODY
            self.pairing.finish(message)
        elif not message.head.is_request and 100 <= message.head.status < 200:
            message.end_ns, message.complete = now_ns, True
        else:
            self._keep(end, stream, message, now_ns)

    def _continue(self, end: int, half: Half, fields: BlockFields, times: tuple[int, int], is_last: bool) -> bool:
        """Takes trailers, or what follows a head whose status was not known. Returns False if it is another head."""
        message = half.message
        if isinstance(message, Response) and not message.status and (fields.pseudo or half.keeper is None):
            return self._follow_unknown(half, fields, self._losses[end], times, is_last)
        if fields.pseudo:
            return False
        message.trailers = fields.headers
        return True

    def _follow_unknown(
        self, half: Half, fields: BlockFields, losses: int, times: tuple[int, int], is_last: bool
    ) -> bool:
        """Takes the block after a head whose status was not known, which may have been informational.

        Trailers have END_STREAM (RFC 9113, 8.1), so that a block without it is another head.
        """
        message = half.message
        if fields.is_trailers and is_last:
            if half.losses != losses:
                half.conceal()
            message.trailers = fields.headers
        elif fields.is_request:
            return False
        elif is_last and not fields.pseudo:
            half.conceal()  # the block may be trailers, or the final head
        else:
            head = Http2Head(fields, False)
            if 100 <= head.status < 200:
                half.conceal()
                self.pairing.interim(Response(head, times[0], message.place, times[1]))
            else:
                message.head, message.start_ns, half.losses = head, times[0], losses
                half.codings, half.may_have_reader = head.codings, head.may_have_reader
        return True

    def _kind(self, end: int, fields: BlockFields) -> bool | None:
        """Whether fields are of a request; None if not known, or if they are trailers of a request that was missed."""
        is_request, client_end = fields.is_request, self._model.client_end
        if is_request is None:
            if client_end is None or (end == client_end and fields.is_trailers):
                return None
            return end == client_end
        if client_end is None:
            self._model.client_end = end if is_request else 1 - end
        return is_request

    def _begin(
        self,
        end: int,
        fields: BlockFields,
        block: Block,
        is_request: bool,
        is_last: bool,
        start_ns: int,
        place: tuple[int, ...],
    ) -> Request | Response:
        trailers = None
        body = NO_BODY
        if not fields.pseudo:
            if fields.is_trailers:
                trailers, body = fields.headers, UNKNOWN_BODY
                fields.conceal()
            elif is_last:
                fields.conceal()  # it is not known whether this is a head
                body = UNKNOWN_BODY
        self._end_earlier(place[-1], is_request)
        message = (Request if is_request else Response)(Http2Head(fields, is_request), start_ns, place)
        message.body = body
        if trailers is not None:
            message.trailers = trailers
            message.add_problem(Problem.HEADERS_LOST)
        self._pair(end, place[-1], message, is_last)
        return message

    def _pair(self, end: int, stream: int, message: Message, is_last: bool) -> None:
        """Passes a message to the pairing. The response to an extended CONNECT opens a tunnel (RFC 8441, 5)."""
        request = self.pairing.begin(message, end)
        if request is not None and request.head.method == "CONNECT" and not is_last and message.head.status // 100 == 2:
            protocol = request.head.protocol if isinstance(request.head, Http2Head) else ""
            exchange = self.pairing.exchange(stream)
            if protocol and exchange is not None:
                self._tunnels[stream] = StreamTunnel(self._transport, self._context, exchange, protocol)
                asked = self._halves[1 - end].get(stream)
                if asked is not None:
                    asked.may_have_reader = True

    def _end_earlier(self, stream: int, is_request: bool) -> None:
        """Ends the exchange of a stream whose number is used again: its end was missed."""
        exchange = self.pairing.exchange(stream)
        if exchange is not None and (is_request or exchange.response is not None):
            self.leave(stream, Problem.RESYNCHRONISED)

    def _keep(self, end: int, stream: int, message: Message, now_ns: int) -> None:
        halves, head = self._halves[end], message.head
        assert isinstance(head, Http2Head)  # _begin() has made it
        if len(halves) >= HALVES_MAX:
            for oldest in list(islice(halves, 1 + HALVES_MAX // EVICTED_PART)):
                self._cut(end, oldest, halves[oldest], now_ns, Problem.EVICTED)
        half = halves[stream] = Half(message, head, self._losses[end])
        if stream in self._tunnels:
            half.may_have_reader = True

    def promise(self, end: int, stream: int, block: Block, place: tuple[int, ...], start_ns: int, now_ns: int) -> None:
        """Takes a promised request. stream: the stream of its response."""
        self.client_end = 1 - end
        fields = BlockFields(block.fields)
        request = Request(Http2Head(fields, True), start_ns, place)
        _note_faults(request, fields, block)
        self.pairing.begin(request, end)
        request.end_ns, request.complete = now_ns, block.is_valid
        exchange = self.pairing.exchange(stream)
        if exchange is not None:
            exchange.is_pushed = True
        self.pairing.finish(request)

    def data(self, end: int, stream: int, data: bytes, now_ns: int) -> None:
        """Takes bytes of a body. now_ns: when they passed."""
        half = self._halves[end].get(stream)
        if half is None:
            self.pairing.pass_by(len(data), is_opaque=False)
            return
        keeper = half.keeper or self._collect(end, stream, half)
        losses = self._losses[end]
        if half.losses != losses and half.losses != ~losses:
            self._note_loss(end, half, keeper)
        if keeper.wants:
            keeper.add(data, now_ns)
        else:
            keeper.wire_len += len(data)
            if stream != self._unneeded[end] and keeper.wire_len >= BULK_BYTES:
                self._note_unneeded(end, stream)

    def _note_unneeded(self, end: int, stream: int) -> None:
        """Announces that the content of a stream is not needed, or of none (0)."""
        self._unneeded[end] = stream
        self._announce(end, stream)

    def count(self, end: int, stream: int, size: int) -> None:
        """Notes bytes of a body that have passed, and of which nothing is kept."""
        half = self._halves[end].get(stream)
        if half is not None:
            keeper = half.keeper or self._collect(end, stream, half)
            keeper.wire_len += size

    def whole(self, end: int, stream: int, data: bytes, now_ns: int) -> None:
        """Takes a DATA frame with END_STREAM: most bodies have no other frame."""
        half = self._halves[end].get(stream)
        if half is None or half.keeper is not None or half.codings or half.may_have_reader or not data:
            if data:
                self.data(end, stream, data, now_ns)
            self.end(end, stream, now_ns)
            return
        half.message.body = Body(len(data), len(data), data[: self._context.policy.limit])
        self._finish(end, stream, half, now_ns, True)

    def miss_head(self, end: int, stream: int) -> None:
        """Notes a missing header block, which may be the final head after an informational one."""
        half = self._halves[end].get(stream)
        if half is not None and half.keeper is None:
            half.conceal()

    def miss(self, end: int, stream: int, size: int, problem: Problem) -> int:
        """Notes missing bytes of a body, of a known number. Returns how many of them were needed."""
        half = self._halves[end].get(stream)
        if half is None:
            return 0
        keeper = half.keeper or self._collect(end, stream, half)
        needed = size if keeper.wants else 0
        if problem is not Problem.TRUNCATED or needed:
            half.message.add_problem(problem)
            if 0 <= half.losses == self._losses[end]:
                half.losses = ~half.losses
        keeper.skip(size, problem)
        return needed

    def end(self, end: int, stream: int, now_ns: int) -> None:
        """Notes END_STREAM: nothing follows on this stream from this end."""
        half = self._halves[end].get(stream)
        if half is not None:
            self._finish(end, stream, half, now_ns, True)
            return
        exchange = self.pairing.exchange(stream)
        if exchange is not None and exchange.response is None and end != self.client_end:
            self.pairing.leave(stream, self._lost_by[end])  # the head of the response was missed

    def reset(self, end: int, stream: int, code: int, now_ns: int) -> None:
        """Takes RST_STREAM (RFC 9113, 6.4)."""
        exchange = self.pairing.exchange(stream)
        if exchange is not None:
            exchange.reset = StreamReset(code, error_name(code), end)
        for sender in (0, 1):
            half = self._halves[sender].get(stream)
            if half is not None:
                # a server that has answered may refuse the rest of the request (RFC 9113, 8.1)
                is_harmless = code == NO_ERROR and isinstance(half.message, Request)
                self._cut(sender, stream, half, now_ns, None if is_harmless else Problem.STREAM_RESET)
        if exchange is not None and self.pairing.exchange(stream) is exchange:
            self.pairing.leave(stream, Problem.STREAM_RESET)
        self._resets[stream] = None
        if stream > self.last_stream:
            self.last_stream = stream
        if len(self._resets) > RESETS_MAX:
            del self._resets[next(iter(self._resets))]

    def go_away(self, end: int, last_stream: int) -> None:
        """Takes GOAWAY (RFC 9113, 6.8): the end does not process later streams that the other end has opened."""
        self._goaways[end] += 1
        if self._goaways[end] > GOAWAYS_MAX or self.client_end is None:
            return
        is_odd = end != self.client_end
        for exchange in self.pairing.open:
            stream = exchange.stream
            if stream is not None and stream > last_stream and bool(stream & 1) is is_odd:
                self.leave(stream, Problem.GOING_AWAY)

    def leave(self, stream: int, problem: Problem) -> None:
        """Ends the exchange of a stream, and notes why."""
        for halves in self._halves:
            half = halves.pop(stream, None)
            if half is not None:
                if half.keeper is None:
                    half.conceal()
                half.message.add_problem(problem)
                half.message.body = NO_BODY if half.keeper is None else half.keeper.body(False)
        self._tunnels.pop(stream, None)
        self.pairing.leave(stream, problem)

    def lose(self, end: int, problem: Problem) -> None:
        """Notes that bytes of one direction are missing, and that it is not known of which streams."""
        self._losses[end] += 1
        self._lost_by[end] = problem
        self.pairing.lose(problem)

    def cut(self, end: int, now_ns: int, problem: Problem) -> None:
        """Ends all messages of one direction."""
        halves = self._halves[end]
        for stream, half in list(halves.items()):
            self._cut(end, stream, half, now_ns, problem)

    def _cut(self, end: int, stream: int, half: Half, now_ns: int, problem: Problem | None) -> None:
        if problem is not None:
            half.message.add_problem(problem)
        self._finish(end, stream, half, now_ns, False)

    def _collect(self, end: int, stream: int, half: Half) -> BodyKeeper:
        message, context, policy = half.message, self._context, self._context.policy
        if half.losses != self._losses[end]:
            half.conceal()  # the final head may be missing
        reader: ContentReader | None = None
        tunnel = self._tunnels.get(stream)
        if tunnel is not None:
            reader, policy = tunnel.reader(end), policy._replace(limit=0)
        elif half.may_have_reader:
            exchange = self.pairing.exchange(stream)
            request = None if exchange is None else exchange.request
            if isinstance(message, Request):
                request = message
            reader = reader_of(BodyStart(message, request, exchange, end, self._model), context)
        half.keeper = keeper = BodyKeeper(message, half.codings, policy, context.budget, reader)
        return keeper

    def _note_loss(self, end: int, half: Half, keeper: BodyKeeper) -> None:
        """Notes that bytes of a body may be missing here: bytes of its direction are, and not known of which stream."""
        half.message.add_problem(self._lost_by[end])
        half.losses = ~self._losses[end]
        keeper.lose(self._lost_by[end])

    def _finish(self, end: int, stream: int, half: Half, now_ns: int, is_whole: bool) -> None:
        self._halves[end].pop(stream, None)
        if stream == self._unneeded[end]:
            self._note_unneeded(end, 0)
        message = half.message
        losses = self._losses[end]
        if half.losses != losses:
            is_whole = False
            if half.losses != ~losses:
                message.add_problem(self._lost_by[end])
                if half.keeper is not None:
                    self._note_loss(end, half, half.keeper)
                else:
                    message.body = Body(message.body.wire_len, None, message.body)
        if not is_whole and half.keeper is None:
            half.conceal()
        message.complete = is_whole
        message.end_ns = now_ns
        if half.keeper is not None:
            message.body = half.keeper.body(is_whole)
        if stream in self._tunnels and stream not in self._halves[1 - end]:
            del self._tunnels[stream]
        self.pairing.finish(message)


def _note_faults(message: Message, fields: BlockFields, block: Block) -> None:
    """Adds the problems of a header block to its message."""
    if fields.has_lost:
        message.add_problem(Problem.HEADERS_LOST)
    if not block.is_valid or not fields.is_proper:
        message.add_problem(Problem.BAD_HEAD)
