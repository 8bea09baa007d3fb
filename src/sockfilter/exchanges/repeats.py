"""Which of the open exchanges some bytes belong to, by the places where messages began."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model.exchange import Exchange


def asked_at(open_exchanges: Sequence[Exchange], seq: int) -> Exchange | None:
    """The exchange whose request has, or is the last before, what its client sent here.

    Args:
        open_exchanges: in their order; each has a request.
        seq: where the bytes begin.
    """
    if not open_exchanges:
        return None
    assert open_exchanges[0].request is not None
    oldest = open_exchanges[0].request.seq

    def place(exchange: Exchange) -> int:
        assert exchange.request is not None
        return distance(oldest, exchange.request.seq)

    # not one after the other: a client may have thousands under way, and send the same again and again
    count = bisect_right(open_exchanges, distance(oldest, seq), key=place)
    return open_exchanges[count - 1] if count else None


def answered_at(exchange: Exchange | None, seq: int) -> Exchange | None:
    """The exchange, if what its server sent here is of its responses; they are the last that came."""
    first = None if exchange is None else next(iter(exchange.informational), exchange.response)
    return exchange if first is not None and distance(first.seq, seq) >= 0 else None
