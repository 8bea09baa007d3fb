"""An exchange with its secrets masked, for forms that repeat it and would otherwise have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.json_dict import shown_body
from sockfilter.masking import mask_fields, mask_head, mask_reason, mask_target
from sockfilter.model import Body, Exchange, Headers, Request, Response
from sockfilter.model.head import Head

if TYPE_CHECKING:
    from typing import TypeVar

    Half = TypeVar("Half", Request, Response)


class MaskedHead(Head):
    """A head with its secrets masked.

    Args:
        head: the head as sent.
    """

    __slots__ = ("_head", "has_text", "lost", "raw", "scheme")

    def __init__(self, head: Head) -> None:
        fields = Headers(mask_fields(list(head.headers)))
        target, reason = mask_target(head.target), mask_reason(head.reason)
        super().__init__(head.version, head.method, target, head.status, reason, fields)
        self.has_text, self.lost, self.scheme = head.has_text, head.lost, head.scheme
        self.raw = mask_head(head.raw)
        self._head = head

    @property
    def authority(self) -> str:
        """The host and the port, if any; they are no secrets."""
        return self._head.authority


def masked(exchange: Exchange) -> Exchange:
    """A copy of an exchange with the secrets of both halves masked."""
    made = Exchange(exchange.connection, exchange.conn_seq, _half(exchange.request), _half(exchange.response))
    made.id, made.stream, made.clock_offset_ns = exchange.id, exchange.stream, exchange.clock_offset_ns
    return made


def _half(half: Half | None) -> Half | None:
    if half is None:
        return None
    made = type(half)(MaskedHead(half.head), half.start_ns, half.place, half.end_ns)
    made.complete, made.problems, made.grpc = half.complete, half.problems, half.grpc
    body, content = half.body, shown_body(half, False)
    if content is None or content == body:
        made.body = body
    else:
        length = len(content) if body.length is not None and not body.is_cut else body.length
        made.body = Body(body.wire_len, length, content)
    return made
