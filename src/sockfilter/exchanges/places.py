"""What the places of messages on their connection say: who had received what by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request, Response


def had_received(response: Response, request: Request | None) -> bool:
    """Whether the server had received any of a request when it sent a response."""
    return request is not None and distance(request.seq, response.ack) > 0


def acknowledged(request: Request | None, response: Response) -> int:
    """How far beyond a response's first byte the client had received when it sent a request; negative: not so far."""
    assert request is not None  # those that are open have one
    return distance(response.seq, request.ack)


def is_resumed(message: Message | None) -> bool:
    """Whether messages may be missing before this one."""
    return message is not None and message.is_resumed


def is_answer(orphan: Exchange | None) -> bool:
    """Whether its response is there, to the last byte."""
    return orphan is not None and orphan.response is not None and orphan.response.end_ns is not None


def take_answer(exchange: Exchange, orphan: Exchange) -> None:
    """The responses that were noted without a request are this one's."""
    exchange.informational, exchange.response = orphan.informational, orphan.response
    exchange.informational_count = orphan.informational_count
