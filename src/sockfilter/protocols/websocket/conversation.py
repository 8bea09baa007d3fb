"""The conversation of a WebSocket: the receivers of both directions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.protocols.websocket.extensions import extensions_of
from sockfilter.protocols.websocket.receiver import FrameReceiver
from sockfilter.protocols.without_exchanges import WithoutExchanges

if TYPE_CHECKING:
    from sockfilter.protocols.interface import Context, Handover, Transport


class WebSocketConversation(WithoutExchanges):
    """Both directions of a WebSocket. It needs nothing of TCP, so that a stream of HTTP/2 may carry it (RFC 8441).

    Args:
        transport: carries the conversation.
        context: takes the messages, and says what to keep of them.
        before: has the exchange that opened the WebSocket; None if that was not seen.
    """

    __slots__ = ("_receivers",)

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        super().__init__(before)
        exchange = None if before is None else before.exchange
        extensions = extensions_of(exchange)
        first, second = (
            FrameReceiver(end, transport.model, exchange, extensions, context, partial(transport.announce, end))
            for end in (0, 1)
        )
        self._receivers = (first, second)

    @property
    def receivers(self) -> tuple[FrameReceiver, FrameReceiver]:
        """One receiver for each end."""
        return self._receivers

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return self._receivers[0].weight + self._receivers[1].weight

    @property
    def is_idle(self) -> bool:
        """Whether both ends may begin a new message."""
        return self._receivers[0].is_between and self._receivers[1].is_between
