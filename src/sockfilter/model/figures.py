"""The interface of an output that needs only the numbers of most exchanges. The lane has them without the exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection


class Figures(Protocol):
    """An output that takes the numbers of an exchange."""

    def take_figures(
        self,
        connection: Connection,
        heads: bytes,
        request_at: int,
        response_at: int,
        asked_ns: int,
        sent_ns: int,
        answered_ns: int,
        received_ns: int,
        request_bytes: int,
        response_bytes: int,
    ) -> bool:
        """Takes a complete exchange of HTTP/1 without problems. Returns False if the exchange is needed for it.

        Args:
            connection: the connection that carried it.
            heads: has the heads as sent, and others.
            request_at, response_at: where in it the head of the request begins, and where it ends and that of the
                response begins.
            asked_ns, sent_ns, answered_ns, received_ns: the first and the last byte of the request and of the response,
                in nanoseconds since 1970, in order.
            request_bytes, response_bytes: bytes of the bodies, as sent.
        """
