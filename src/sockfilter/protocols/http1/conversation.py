"""A connection that speaks HTTP/1: its two parsers, and what they know in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.protocols.http1.parser import Parser
from sockfilter.protocols.interface import Handover

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message
    from sockfilter.protocols.interface import Context, Make, Transport


class Http1Conversation:
    """Both directions of an HTTP/1 connection.

    Args:
        transport: carries it.
        context: what it is made with.
        before: what was read on the connection before, in another protocol; None: nothing.

    Attributes:
        sink: pairs its messages.
        is_whole: whether it was seen from its SYN on.
        policy: what to keep of bodies.
        budget: has the memory for what is kept of them.
        has_messages: whether it was seen that this is HTTP/1.
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

    has_short_road = True

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        self._transport = transport
        self._context = context
        self.sink = context.in_order(transport)
        self.is_whole = None not in transport.isn
        self.policy = context.policy
        self.budget = context.budget
        self.has_messages = False
        self._tunnel: Exchange | None = None  # has opened the tunnel in which HTTP is looked for
        self._receivers: tuple[Parser, Parser] | None = None

    @property
    def receivers(self) -> tuple[Parser, Parser]:
        """One for each end; made when the first is needed."""
        if self._receivers is None:
            announce = self._transport.announce
            first, second = (Parser(self, self.sink, end, partial(announce, end)) for end in (0, 1))
            first.peer, second.peer = second, first
            self._receivers = (first, second)
        return self._receivers

    @property
    def weight(self) -> int:
        """Bytes that it keeps: of messages that have begun, and of those that wait for others."""
        kept = 0 if self._receivers is None else sum(receiver.weight for receiver in self._receivers)
        return kept + self.sink.weight

    def resume(self, client_end: int, boundaries: tuple[int, int]) -> None:
        """Goes on after exchanges that took the short road.

        Args:
            client_end: which end asks.
            boundaries: what the last request and its response acknowledged.
        """
        self.has_messages = True
        for kind, boundary, end in zip((Request, Response), boundaries, (client_end, 1 - client_end), strict=True):
            self.receivers[end].resume(kind, boundary)

    @property
    def is_at_rest(self) -> bool:
        """Whether no message has begun, and none is missing."""
        first, second = self.receivers
        return first.is_at_rest and second.is_at_rest

    @property
    def is_idle(self) -> bool:
        """Whether nothing is open, and the next message is a request."""
        return self.is_at_rest and self.sink.is_at_rest

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""
        return self.sink.open

    @property
    def count(self) -> int:
        """How many exchanges have begun."""
        return self.sink.number

    def abandon(self, end: int) -> None:
        """An end has closed, and what it waited for has not come in time."""
        self.sink.abandon(end)

    def close(self, problem: Problem) -> None:
        """The connection has ended; both parsers know."""
        self.sink.close(problem)

    def reject(self) -> None:
        """The connection is not HTTP, nor any protocol that is known."""
        self._context.counts.rejected += 1
        self._transport.reject()

    def tunnel(self, exchange: Exchange) -> None:
        """An exchange has opened a tunnel: whether HTTP is spoken in it, what comes has to show."""
        self._tunnel = exchange
        for receiver in self.receivers:
            receiver.tunnel()

    def upgrade(self, request: Request | None, response: Message, exchange: Exchange) -> None:
        """101 has changed the protocol to one that either side names (RFC 9110, 7.8)."""
        names = response.headers.get_all("upgrade") or ([] if request is None else request.headers.get_all("upgrade"))
        make = self._context.choose.by_upgrade(", ".join(names))
        self._hand_over(make, exchange)

    def give_way(self, data: bytes) -> bool:
        """What an end begins with is no HTTP/1. Returns whether another protocol, which begins so, goes on.

        Args:
            data: its first bytes, or those in a tunnel.

        Raises:
            TooFewBytes: more of them are needed to say so.
        """
        make = self._context.choose.by_first_bytes(data)
        if make is not None:
            self._hand_over(make, self._tunnel)
        return make is not None

    def _hand_over(self, make: Make, exchange: Exchange | None) -> None:
        """Another conversation goes on, with the first byte of either end that is no part of a message here."""
        for receiver in self.receivers:
            receiver.leave()
        self.sink.close(Problem.CLOSED)
        before = Handover(self.sink.number, exchange) if self.has_messages else None
        successor = make(self._transport, self._context, before)
        self._transport.replace(successor)
        for mine, its in zip(self.receivers, successor.receivers, strict=True):
            mine.hand_over(its)
