"""How a message goes on behind its head: its body, the end of HTTP on the connection, or the next head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.body import BodyKeeper, whole_body
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

# by how the body is framed, from BY_LENGTH on
BODIES = (BODY_BY_LENGTH, BODY_IN_CHUNKS, BODY_UNTIL_CLOSE)


class MessageStart(Telling):
    """Messages whose heads are there."""

    __slots__ = ()

    peer: MessageStart

    def _begin(self, kind: type[Message], head: heads.HttpHead, data: bytes, offset: int, end: int) -> int:
        """A message whose head stands in data from offset to end. Its body too, where all of it is there."""
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
            if head.problems and head.is_badly_framed:  # it may have a body nevertheless
                self._lose(False, Problem.BAD_FRAMING)
            return end
        if head.status == 205 and framing == BY_LENGTH:  # RFC 9110, 15.3.6
            message.add_problem(Problem.UNEXPECTED_BODY)
        policy = self._conversation.policy
        is_certain = request is not None or kind is Request
        is_whole = framing == BY_LENGTH and end + head.length <= len(data)
        if is_whole and is_certain and (not head.codings or not policy.decodes):
            message.body = whole_body(head, head.length, data[end : end + min(head.length, policy.limit)])
            message.end_ns = self._now
            message.complete = True
            self._sink.finish(message)
            return end + head.length
        self._begin_body(message, head, framing, is_certain)
        return end

    def _finish_bodiless(
        self, request: Request | None, response: Message, head: heads.HttpHead, data: bytes, end: int
    ) -> int:
        """A response without a body ends with its head, and HTTP on the connection perhaps with it."""
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

    def _begin_body(self, message: Message, head: heads.HttpHead, framing: int, is_certain: bool) -> None:
        """A body follows that is not all there; is_certain: unless it is one that may not come at all."""
        self._message = message
        self._keeper = BodyKeeper(message, head.codings, self._conversation.policy, self._conversation.budget)
        if head.has_bad_length and isinstance(message, Response):
            self._begin_unframed(message, Problem.BAD_LENGTH)
            self._is_cut = False  # it is whole if the server closes
            return
        self._remaining = head.length
        self._state = BODIES[framing - BY_LENGTH][self._state]
        if not is_certain:
            self._state = BODY_IN_DOUBT[self._state]

    def refuse_body(self, request: Request, response: Message) -> None:
        """A final response has come before the first byte of a body that waits to be asked for (RFC 9110, 10.1.1)."""
        is_waiting = self._message is request and self._keeper is not None and not self._keeper.wire_len
        if is_waiting and self._state in (LENGTH, CHUNK_SIZE) and not self._buffer and heads.expects(request.head):
            self._refused_at = response.seq
            self._state = BODY_IN_DOUBT[self._state]

    def _is_bodiless(self, request: Request, response: heads.HttpHead) -> bool:
        """Responses that have no body because of what was asked (RFC 9112, 6.3)."""
        method = request.head.method
        return method == "HEAD" or (method == "CONNECT" and response.status < 300)

    def _pass_repeated(self, raw: bytes, data: bytes, offset: int) -> int:
        """The same informational response, over and over: once there are more than are kept, their number is enough."""
        end = offset
        while data.startswith(raw, end):
            end += len(raw)
        return end if self._sink.pass_informational((end - offset) // len(raw)) else offset

    def _is_tunnel(self, request: Request | None, response: heads.HttpHead) -> bool:
        """Whether what follows a response is not HTTP any more, or need not be."""
        is_connect = request is None or request.head.method == "CONNECT"
        return response.status == 101 or (is_connect and 200 <= response.status < 300)

    def _has_forbidden_body(self, data: bytes, end: int) -> bool:
        """Whether bytes follow a response that may have none, and do not begin the next."""
        rest = data[end : end + heads.RESPONSE_START_BYTES].lstrip(b"\r\n")
        return bool(rest) and not heads.may_begin_response(rest, 0)

    def _begin_tunnel(self, request: Request | None, response: Message, exchange: Exchange) -> None:
        """After 101, and after CONNECT, the connection is something else; in a proxy's tunnel HTTP again, perhaps."""
        if response.head.status != 101:
            if request is not None:
                self._conversation.tunnel(exchange)
        elif Problem.BAD_UPGRADE not in response.problems:
            self._conversation.upgrade(request, response, exchange)

    def _begin_simple(self, head: heads.HttpHead, offset: int) -> int:
        """A request of HTTP/0.9. Nothing follows it (RFC 1945, 4.1), and what answers it need not have a head."""
        self._may_send(Request)
        self._tell(Request(head, self._start_ns, ((self._seq + offset) & MASK, self._ack), self._now))
        self._state = OVER[self._state]
        self.peer.asked_simply()
        return offset + len(head.raw)

    def asked_simply(self) -> None:
        """The other end has asked in HTTP/0.9. It is known where the answer begins if no message has begun here."""
        self._state = ASKED_SIMPLY[self._state]
