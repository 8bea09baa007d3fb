"""The conversation of HTTP/1: two parsers, and the state that they share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.protocols import contents
from sockfilter.protocols.http1.parser import Parser
from sockfilter.protocols.interface import Handover

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message
    from sockfilter.protocols.interface import ContentReader, Context, Make, Transport


class Http1Conversation:
    """Both directions of an HTTP/1 connection.

    Args:
        transport: carries the conversation.
        context: what it needs from its capture.
        before: what was read on the connection before, in another protocol; None if nothing.

    Attributes:
        sink: pairs its messages.
        is_whole: whether both SYNs were seen.
        policy: what to keep of bodies.
        budget: the memory for kept bytes.
        has_messages: whether a message has shown that the connection carries HTTP/1.
    """

    __slots__ = (
        "_context",
        "_receivers",
        "_transport",
        "_tunnel",
        "budget",
        "has_messages",
        "is_whole",
        "policy",
        "sink",
    )

    has_lane = True

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        self._transport = transport
        self._context = context
        self.sink = context.in_order(transport)
        if before is not None:
            self.sink.resume(before.number)
        self.is_whole = None not in transport.isn
        self.policy = context.policy
        self.budget = context.budget
        self.has_messages = False
        self._tunnel: Exchange | None = None  # opened the tunnel in which the parsers look for HTTP
        self._receivers: tuple[Parser, Parser] | None = None

    @property
    def receivers(self) -> tuple[Parser, Parser]:
        """One parser for each end; both are made when the first is needed."""
        if self._receivers is None:
            announce = self._transport.announce
            first, second = (Parser(self, self.sink, end, partial(announce, end)) for end in (0, 1))
            first.peer, second.peer = second, first
            self._receivers = (first, second)
        return self._receivers

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps: for messages that have begun, and for exchanges that wait."""
        kept = 0 if self._receivers is None else sum(receiver.weight for receiver in self._receivers)
        return kept + self.sink.weight

    def resume(self, client_end: int, boundaries: tuple[int, int]) -> None:
        """Continues after exchanges that took the lane.

        Args:
            client_end: the end that sends requests.
            boundaries: the acknowledgement numbers of the last request and of its response.
        """
        self.has_messages = True
        for kind, boundary, end in zip((Request, Response), boundaries, (client_end, 1 - client_end), strict=True):
            self.receivers[end].resume(kind, boundary)

    @property
    def is_at_rest(self) -> bool:
        """Whether no message is incomplete, and none is missing."""
        first, second = self.receivers
        return first.is_at_rest and second.is_at_rest

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is open, and the next message is a request."""
        return self.is_at_rest and self.sink.is_at_rest

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""
        return self.sink.open

    @property
    def count(self) -> int:
        """The number of exchanges that have begun."""
        return self.sink.number

    def abandon(self, end: int) -> None:
        """Notes that an end has closed, and that the response it waited for has not come in time."""
        self.sink.abandon(end)

    def close(self, problem: Problem) -> None:
        """Notes that the connection has ended. Both parsers have been told before."""
        self.sink.close(problem)

    def reject(self) -> None:
        """Rejects the connection: it carries neither HTTP nor another known protocol."""
        self._context.counts.rejected += 1
        self._transport.reject()

    def reader_of(self, message: Message, request: Request | None, end: int) -> ContentReader | None:
        """The reader of a body that begins; None if it carries no other protocol.

        Args:
            message: the message with the body.
            request: the request that it answers; None if not known, or if it is a request itself.
            end: the end that sends it.
        """
        if isinstance(message, Request):
            request, exchange = message, next(iter(self.sink.open[-1:]), None)
        else:
            exchange = self.sink.current
        start = contents.BodyStart(message, request, exchange, end, self._transport.model)
        return contents.reader_of(start, self._context)

    def tunnel(self, exchange: Exchange) -> None:
        """Notes that an exchange has opened a tunnel. The next bytes show whether it carries HTTP."""
        self._tunnel = exchange
        for receiver in self.receivers:
            receiver.tunnel()

    def upgrade(self, request: Request | None, response: Message, exchange: Exchange) -> None:
        """Changes the protocol after 101 to one that the response or the request names (RFC 9110, 7.8)."""
        names = response.headers.get_all("upgrade") or ([] if request is None else request.headers.get_all("upgrade"))
        make = self._context.choose.by_upgrade(", ".join(names))
        self._hand_over(make, exchange)

    def give_way(self, data: bytes) -> bool:
        """Looks for another protocol, because an end does not begin with HTTP/1. Returns whether one takes over.

        Args:
            data: the first bytes of the end, or the first bytes in a tunnel.

        Raises:
            TooFewBytes: more bytes are needed to recognise the protocol.
        """
        make = self._context.choose.by_first_bytes(data)
        if make is not None:
            self._hand_over(make, self._tunnel)
        return make is not None

    def _hand_over(self, make: Make, exchange: Exchange | None) -> None:
        """Hands over to another conversation. It gets the bytes of each end that follow the last message."""
        for receiver in self.receivers:
            receiver.leave()
        is_open = exchange is not None and self.sink.release(exchange)
        self.sink.close(Problem.CLOSED)
        before = Handover(self.sink.number, exchange, is_open) if self.has_messages else None
        successor = make(self._transport, self._context, before)
        self._transport.replace(successor)
        for mine, its in zip(self.receivers, successor.receivers, strict=True):
            mine.hand_over(its)
