"""What follows the head of a message: its body, the next head, or another protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.head import BY_LENGTH, NO_BODY
from sockfilter.protocols.http1.states import (
    ASKED_SIMPLY,
    BODY_BY_LENGTH,
    BODY_IN_CHUNKS,
    BODY_IN_DOUBT,
    BODY_UNTIL_CLOSE,
    CHUNK_SIZE,
    LENGTH,
    OVER,
)
from sockfilter.protocols.http1.telling import Telling

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message

# indexed by framing, from BY_LENGTH on
BODIES = (BODY_BY_LENGTH, BODY_IN_CHUNKS, BODY_UNTIL_CLOSE)


class MessageStart(Telling):
    """Begins a message whose head is complete."""

    __slots__ = ()

    peer: MessageStart

    def _begin(self, kind: type[Message], head: heads.HttpHead, data: bytes, offset: int, end: int) -> int:
        """Begins a message whose head is data[offset:end]. Finishes it if the whole body is in data."""
        if self._is_early:
            assert self._message is not None
            message, request, self._is_early = self._message, None, False
            message.head, self._message = head, None
            self._note_oddities(message, head)
        else:
            message = kind(head, self._start_ns, ((self._seq + offset) & MASK, self._ack))
            if self._doubted is not None:
                self._let_go_of_doubted()
            if self._is_lost or head.problems:
                self._note_oddities(message, head)
            peer = self.peer
            if peer._buffer or peer._message is not None or peer._doubted is not None:
                self._before(kind)
            self.boundary = self._ack
            request = self._sink.begin(message, self._end)
        self._is_cut = False
        framing = head.framing
        if request is not None and framing != NO_BODY and self._is_bodiless(request, head):
            framing = NO_BODY
        if request is not None and request.end_ns is None and not 100 <= head.status < 200:
            self.peer.refuse_body(request, message)
        if framing == NO_BODY:
            if kind is Response:
                return self._finish_bodiless(request, message, head, data, end)
            message.end_ns = self._now
            message.complete = True
            self._sink.finish(message)
            if head.problems and head.is_badly_framed:  # it may have a body all the same
                self._lose(False, Problem.BAD_FRAMING)
            return end
        if head.status == 205 and framing == BY_LENGTH:  # RFC 9110, 15.3.6
            message.add_problem(Problem.UNEXPECTED_BODY)
        policy = self._conversation.policy
        is_certain = request is not None or kind is Request
        is_whole = framing == BY_LENGTH and end + head.length <= len(data)
        if is_whole and is_certain and not head.may_have_reader and (not head.codings or not policy.decodes):
            message.body = heads.whole_body(head, head.length, data[end : end + min(head.length, policy.limit)])
            message.end_ns = self._now
            message.complete = True
            self._sink.finish(message)
            return end + head.length
        self._begin_body(message, request, framing, is_certain)
        return end

    def _finish_bodiless(
        self, request: Request | None, response: Message, head: heads.HttpHead, data: bytes, end: int
    ) -> int:
        """Finishes a response without a body. HTTP may end here too, if the response opens a tunnel or upgrades."""
        tunnel = self._sink.current if self._is_tunnel(request, head) else None
        if tunnel is None and self._has_forbidden_body(data, end):
            response.add_problem(Problem.UNEXPECTED_BODY)
        response.end_ns = self._now
        response.complete = True
        self._sink.finish(response)
        if tunnel is not None:
            self._begin_tunnel(request, response, tunnel)
        if data.startswith(head.raw, end) and 100 <= head.status < 200:
            return self._pass_repeated(head.raw, data, end)
        return end

    def _begin_body(self, message: Message, request: Request | None, framing: int, is_certain: bool) -> None:
        """Begins a body of which bytes are still to come. is_certain: it is certain that the message has a body."""
        conversation, head = self._conversation, message.head
        assert isinstance(head, heads.HttpHead)  # as all heads here
        self._message = message
        reader = conversation.reader_of(message, request, self._end) if head.may_have_reader else None
        self._keeper = BodyKeeper(message, head.codings, conversation.policy, conversation.budget, reader)
        if head.has_bad_length and isinstance(message, Response):
            self._begin_unframed(message, Problem.BAD_LENGTH)
            self._is_cut = False  # the body is complete if the server closes
            return
        self._remaining = head.length
        self._state = BODIES[framing - BY_LENGTH][self._state]
        if not is_certain:
            self._state = BODY_IN_DOUBT[self._state]

    def refuse_body(self, request: Request, response: Message) -> None:
        """Notes a final response to a request with Expect: 100-continue whose body has not begun (RFC 9110, 10.1.1)."""
        is_waiting = self._message is request and self._keeper is not None and not self._keeper.wire_len
        if is_waiting and self._state in (LENGTH, CHUNK_SIZE) and not self._buffer and heads.expects(request.head):
            self._refused_at = response.seq
            self._state = BODY_IN_DOUBT[self._state]

    def _is_bodiless(self, request: Request, response: heads.HttpHead) -> bool:
        """Whether a response has no body because of the method of its request (RFC 9112, 6.3)."""
        method = request.head.method
        return method == "HEAD" or (method == "CONNECT" and response.status < 300)

    def _pass_repeated(self, raw: bytes, data: bytes, offset: int) -> int:
        """Skips copies of an informational response. Once more have come than are kept, they are only counted."""
        end = offset
        while data.startswith(raw, end):
            end += len(raw)
        return end if self._sink.pass_informational((end - offset) // len(raw)) else offset

    def _is_tunnel(self, request: Request | None, response: heads.HttpHead) -> bool:
        """Whether the bytes after a response may be in another protocol."""
        is_connect = request is None or request.head.method == "CONNECT"
        return response.status == 101 or (is_connect and 200 <= response.status < 300)

    def _has_forbidden_body(self, data: bytes, end: int) -> bool:
        """Whether a response that cannot have a body is followed by bytes that do not begin the next response."""
        rest = data[end : end + heads.RESPONSE_START_BYTES].lstrip(b"\r\n")
        return bool(rest) and not heads.may_begin_response(rest, 0)

    def _begin_tunnel(self, request: Request | None, response: Message, exchange: Exchange) -> None:
        """Changes the protocol after 101 or CONNECT. The tunnel of CONNECT may carry HTTP again."""
        if response.head.status != 101:
            if request is not None:
                self._conversation.tunnel(exchange)
        elif Problem.BAD_UPGRADE not in response.problems:
            self._conversation.upgrade(request, response, exchange)

    def _begin_simple(self, head: heads.HttpHead, offset: int) -> int:
        """Reads a request of HTTP/0.9. It is the last request (RFC 1945, 4.1), and its response may have no head."""
        self._may_send(Request)
        self._tell(Request(head, self._start_ns, ((self._seq + offset) & MASK, self._ack), self._now))
        self._state = OVER[self._state]
        self.peer.asked_simply()
        return offset + len(head.raw)

    def asked_simply(self) -> None:
        """Notes that the other end sent a request of HTTP/0.9. This matters only if no message has begun here."""
        self._state = ASKED_SIMPLY[self._state]
