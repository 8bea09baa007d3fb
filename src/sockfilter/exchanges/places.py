"""Compares the sequence and acknowledgement numbers of messages: what an end had received when it sent a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request, Response


def had_received(response: Response, request: Request | None) -> bool:
    """Whether the server had received bytes of a request when it sent a response."""
    return request is not None and distance(request.seq, response.ack) > 0


def acknowledged(request: Request | None, response: Response) -> int:
    """Returns how many bytes of a response the client had received when it sent a request.

    A negative number counts the bytes before the response that the client had not received.
    """
    assert request is not None  # every open exchange has one
    return distance(response.seq, request.ack)


def is_resumed(message: Message | None) -> bool:
    """Whether messages may be missing before a message."""
    return message is not None and message.is_resumed


def is_answer(orphan: Exchange | None) -> bool:
    """Whether an exchange has a complete response."""
    return orphan is not None and orphan.response is not None and orphan.response.end_ns is not None


def take_answer(exchange: Exchange, orphan: Exchange) -> None:
    """Moves the responses of an exchange without a request to the exchange that they answer."""
    exchange.informational, exchange.response = orphan.informational, orphan.response
    exchange.informational_count = orphan.informational_count
    exchange.id = orphan.id  # messages on its stream may refer to it
