"""Finds the open exchange that retransmitted bytes belong to, by the sequence numbers of its messages."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model.exchange import Exchange


def asked_at(open_exchanges: Sequence[Exchange], seq: int) -> Exchange | None:
    """Returns the last exchange whose request begins at or before a sequence number, or None.

    Args:
        open_exchanges: the open exchanges in their order; each has a request.
        seq: the sequence number of the bytes.
    """
    if not open_exchanges:
        return None
    assert open_exchanges[0].request is not None
    oldest = open_exchanges[0].request.seq

    def place(exchange: Exchange) -> int:
        assert exchange.request is not None
        return distance(oldest, exchange.request.seq)

    # a binary search, as a client may have thousands of open requests and many retransmissions
    count = bisect_right(open_exchanges, distance(oldest, seq), key=place)
    return open_exchanges[count - 1] if count else None


def answered_at(exchange: Exchange | None, seq: int) -> Exchange | None:
    """Returns the exchange if a sequence number lies in its responses, which are the last that came. Otherwise None."""
    first = None if exchange is None else next(iter(exchange.informational), exchange.response)
    return exchange if first is not None and distance(first.seq, seq) >= 0 else None
