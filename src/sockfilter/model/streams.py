"""The stream that an exchange has opened: its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model.stream_message import Close, StreamMessage


class WebSocket:
    """The WebSocket that an exchange has opened, as far as its messages were kept.

    Args:
        messages: the messages on the stream of the exchange.

    Attributes:
        messages: the messages of both ends, in the order in which they passed; empty if there is no WebSocket.
    """

    __slots__ = ("messages",)

    def __init__(self, messages: Iterable[StreamMessage]) -> None:
        self.messages = [message for message in messages if message.protocol == "websocket"]

    def __repr__(self) -> str:
        return f"<WebSocket of {len(self.messages)} messages>"

    @property
    def close(self) -> Close | None:
        """The code and the reason of the first close; None if none was seen."""
        return next((message.close for message in self.messages if message.close is not None), None)
