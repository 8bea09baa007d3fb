"""The conversation of HTTP/2: two receivers, and the messages of their streams."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from sockfilter.errors import LibbpfMissing
from sockfilter.protocols.http2 import frames
from sockfilter.protocols.http2.messages import StreamMessages
from sockfilter.protocols.http2.receiver import Http2Receiver

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.http2.usual import UsualReader, UsualReceiver
    from sockfilter.protocols.interface import Context, Handover, Transport

# frames of this size are the largest that SETTINGS can allow (RFC 9113, 6.5.2)
FRAME_BYTES_MAX = (1 << 24) - 1


class Http2Conversation:
    """Both directions of an HTTP/2 connection.

    Args:
        transport: carries the conversation.
        context: what it needs from its capture.
        before: what was read on the connection before, in another protocol; None if nothing.

    Attributes:
        messages: the messages of its streams.
        counts: the counters of messages.
        receivers: one for each end.
    """

    __slots__ = ("_reader", "_receivers", "_transport", "counts", "messages", "receivers")

    has_lane = False

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        self.counts = context.counts
        self.counts.http2 += 1
        self._transport = transport
        self.messages = StreamMessages(transport, context, self._announce)
        whole = [before is not None or isn is not None for isn in transport.isn]
        self._receivers = Http2Receiver(self, 0, whole[0]), Http2Receiver(self, 1, whole[1])
        self.receivers: tuple[Http2Receiver | UsualReceiver, Http2Receiver | UsualReceiver] = self._receivers
        self._reader: UsualReader | None = None
        if context.reading is not None:
            self._read_in_c(transport, context)
        if before is not None:
            self.messages.pairing.resume(before.number)
            if before.is_open and before.exchange is not None:
                self._continue(before.exchange)

    def _read_in_c(self, transport: Transport, context: Context) -> None:
        try:
            from sockfilter.protocols.http2 import usual  # imported late: it needs C
        except LibbpfMissing:
            return
        self._reader = reader = usual.UsualReader(transport, context, self.messages, self._receivers)
        first, second = self._receivers
        self.receivers = usual.UsualReceiver(reader, 0, first), usual.UsualReceiver(reader, 1, second)

    def _continue(self, exchange: Exchange) -> None:
        """Takes the exchange that asked for HTTP/2 (RFC 7540, 3.2)."""
        self.messages.adopt(exchange)
        request = exchange.request
        words = "" if request is None else request.headers.get("http2-settings", "")
        try:
            payload = base64.urlsafe_b64decode(words + "=" * (-len(words) % 4))
        except (binascii.Error, ValueError):
            return
        self.take_settings(exchange.connection.client_end or 0, frames.settings(payload))

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        read = 0 if self._reader is None else self._reader.weight
        return read + self.messages.weight + sum(receiver.weight for receiver in self._receivers)

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""
        self._settle()
        return self.messages.pairing.open

    @property
    def count(self) -> int:
        """The number of exchanges that have begun."""
        self._settle()
        return self.messages.pairing.number

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is open, and both ends may begin a new frame."""
        if self._reader is not None and not self._reader.is_at_rest:
            return False
        return self.messages.pairing.is_at_rest and all(receiver.is_between for receiver in self._receivers)

    def _settle(self) -> None:
        """Takes the open exchanges from the reader in C."""
        if self._reader is not None:
            self._reader.give()

    def take_settings(self, end: int, settings: dict[int, int]) -> None:
        """Takes the SETTINGS of an end: they bound what the other end sends (RFC 9113, 6.5)."""
        other = self._receivers[1 - end]
        if frames.HEADER_TABLE_SIZE in settings:
            other.hpack.allow(settings[frames.HEADER_TABLE_SIZE])
        size = settings.get(frames.MAX_FRAME_SIZE, 0)
        if frames.FRAME_BYTES_USUAL <= size <= FRAME_BYTES_MAX:
            other.frame_bytes_max = size

    def _announce(self, end: int, stream: int) -> None:
        self._transport.leave_out(end, stream, self.receivers[end].pass_over)

    def abandon(self, end: int) -> None:
        """Ignores that an end has closed: a stream ends by a frame, or with the connection."""

    def close(self, problem: Problem) -> None:
        """Notes that the connection has ended, and why. Both receivers have ended before."""
        self.messages.pairing.close(problem)
