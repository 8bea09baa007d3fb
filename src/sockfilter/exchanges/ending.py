"""Ends and counts exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.budget import MESSAGE_BYTES, body_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.ledger import MessageCounts
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange


class Ending:
    """The base class of all pairings.

    Args:
        connection: the connection.
        counts: the counters of messages.
        emit: takes each exchange when it ends.
    """

    __slots__ = ("_connection", "_counts", "_current", "_emit", "_number")

    def __init__(self, connection: Connection, counts: MessageCounts, emit: Callable[[Exchange], None]) -> None:
        self._connection = connection
        self._counts = counts
        self._emit = emit
        self._current: Exchange | None = None  # the exchange of the response that began last
        self._number = 0

    @property
    def number(self) -> int:
        """The number of the last exchange on its connection, from 1; 0 if there was none."""
        return self._number

    def pass_by(self, size: int, is_opaque: bool) -> None:
        """Counts bytes outside messages. is_opaque: they are not meant to be parsed, as in a tunnel."""
        if is_opaque:
            self._counts.opaque_bytes += size
        else:
            self._counts.unread_bytes += size

    def _complete(self, exchange: Exchange) -> None:
        counts = self._counts
        if exchange is self._current:
            self._current = None  # frees a body that may be large: the next message may come much later
        if not exchange.conn_seq:
            self._number += 1
            exchange.conn_seq = self._number
        messages = (exchange.request is not None) + (exchange.response is not None) + exchange.informational_count
        counts.open -= messages
        counts.exchanges += 1
        if exchange.request is not None and exchange.response is not None:
            counts.paired += messages
        else:
            counts.unpaired[exchange.reason.value] += messages
        self._emit(exchange)


def weight_of(exchanges: Iterable[Exchange]) -> int:
    """Returns the bytes of memory that exchanges take."""
    messages = [m for x in exchanges for m in (x.request, *x.informational, x.response)]
    return sum(MESSAGE_BYTES + m.head.size + body_weight(len(m.body)) for m in messages if m is not None)
