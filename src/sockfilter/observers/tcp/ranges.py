"""Which sequence numbers an exchange has, so that segments can be told to belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.sequence import MASK, distance

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Message

# a chunked body has its framing beside its bytes: at least a hundredth, and room for the last chunk
CHUNK_SHARE, CHUNK_BYTES = 100, 64


class SequenceRange(NamedTuple):
    """The sequence numbers of a message, from its first byte to the one after its last."""

    start: int
    end: int

    def common(self, seq: int, end_seq: int) -> int:
        """Returns how many bytes a segment has in common with the message."""
        first, last = distance(self.start, seq), distance(self.start, end_seq)
        return max(0, min(last, distance(self.start, self.end)) - max(first, 0))


class ExchangeSpan(NamedTuple):
    """What an exchange covers on its connection.

    Attributes:
        ranges: those of the request and the response; None: they are known by times alone, as streams share a
            connection in HTTP/2, and TLS has numbers of its own.
        start_ns, end_ns: from its first byte to its last.
    """

    ranges: tuple[SequenceRange | None, SequenceRange | None] | None
    start_ns: int
    end_ns: int

    def bytes_of(self, is_request: bool, seq: int, end_seq: int, time_ns: int) -> int:
        """Returns how many bytes of a segment belong to the exchange; is_request: the client has sent it."""
        if self.ranges is None:
            return distance(seq, end_seq) if self.start_ns <= time_ns <= self.end_ns else 0
        found = self.ranges[0 if is_request else 1]
        return 0 if found is None else found.common(seq, end_seq)


def span_of(exchange: Exchange, until_ns: int) -> ExchangeSpan:
    """Returns what an exchange covers. until_ns: when the last packet of its connection passed."""
    request, response = exchange.request, exchange.response
    start_ns = exchange.began_ns
    end_ns = until_ns if response is None or response.end_ns is None else response.end_ns
    if exchange.stream is not None or exchange.connection.tls is not None:
        return ExchangeSpan(None, start_ns, end_ns)
    asked = None if request is None else _range(request)
    answered = None if response is None else _range(response)
    return ExchangeSpan((asked, answered), start_ns, end_ns)


def request_end(exchange: Exchange) -> int | None:
    """Returns the sequence number after the request, as far as the server has to read it; None if not known."""
    request, response = exchange.request, exchange.response
    if request is None or exchange.stream is not None or exchange.connection.tls is not None:
        return None
    sure = request.seq + len(request.raw) + request.body.wire_len & MASK
    # of a chunked body only its bytes are sure; what the server had received when it answered is at its end
    if response is not None and _is_chunked(request) and 0 <= distance(sure, response.ack) <= _framing(request):
        return response.ack
    return sure


def _range(message: Message) -> SequenceRange:
    size = len(message.raw) + message.body.wire_len
    if _is_chunked(message):
        size += _framing(message)
    return SequenceRange(message.seq, message.seq + size & MASK)


def _is_chunked(message: Message) -> bool:
    return "chunked" in message.headers.get("transfer-encoding", "").lower()


def _framing(message: Message) -> int:
    return CHUNK_BYTES + message.body.wire_len // CHUNK_SHARE + len(message.body.trailer)
