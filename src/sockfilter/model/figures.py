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
        clock_offset_ns: int,
        request_head: bytes,
        response_head: bytes,
        times_ns: tuple[int, int, int, int],
        sizes: tuple[int, int],
    ) -> bool:
        """Takes a complete exchange of HTTP/1 without problems. Returns False if the exchange is needed for it.

        Args:
            connection: the connection that carried it.
            clock_offset_ns: nanoseconds to add to the source's clock for the wall clock.
            request_head, response_head: the heads as sent.
            times_ns: the first and the last byte of the request and of the response, in the source's clock, in order.
            sizes: bytes of the bodies of the request and of the response, as sent.
        """
