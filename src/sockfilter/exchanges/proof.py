"""Finds the request that a response answers when messages may be missing, by the sequence numbers of both.

A client that waits for each response has received everything before a response when it sends the request. So the
response begins exactly at the acknowledgement number of the request. Such a pair is proven. After the first proven
pair, the order of the messages counts again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sockfilter.exchanges.places import acknowledged, had_received, is_resumed, take_answer
from sockfilter.exchanges.waiting import WaitingMessages
from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Response


class Proof(WaitingMessages):
    """Pairs messages by their sequence and acknowledgement numbers."""

    __slots__ = ()

    def _proven(self, response: Response) -> Exchange | None:
        """Returns the exchange whose request acknowledged everything before a response, and nothing of it."""
        if self._overlaps or self._batches == 1:
            # several requests are open, and each may acknowledge up to the response of another
            return None
        if self._batches:
            return self._proven_of_batch(response)
        open_exchanges = self._open
        while open_exchanges and acknowledged(open_exchanges[0].request, response) < 0:
            # the response to this request would have begun before this response, so it is missing
            if self._has_all_responses() and not self._was_late(open_exchanges[0]):
                # no response is missing: the client does not wait for responses
                self._overlaps = True
                return None
            self._leave_unanswered(open_exchanges.popleft(), None)
        if not open_exchanges or not self._is_proven(open_exchanges[0], response):
            return None
        self._settle(open_exchanges[0])
        return open_exchanges[0]

    def _was_late(self, exchange: Exchange) -> bool:
        """Whether a request came after its response had been treated as a response without a request."""
        request, number = exchange.request, exchange.conn_seq
        return request is not None and any(seq == request.ack and number > last for seq, last in self._orphans)

    def _proven_of_batch(self, response: Response) -> Exchange | None:
        """Returns the exchange of the first request of the last batch, if a response proves it, or None.

        The requests before it are known to be answered then.
        """
        first = self._batch_first
        if first is None or not self._is_proven(first, response):
            return None
        before = []
        while self._open and self._open[0] is not first:
            before.append(self._open.popleft())
        if not self._open:  # the first request of the batch has been evicted
            self._open.extend(before)
            return None
        self._place(before)
        self._settle(first)
        return first

    def _is_proven(self, exchange: Exchange, response: Response) -> bool:
        if acknowledged(exchange.request, response) or not had_received(response, exchange.request):
            return False
        return not 0 < self._owed_from <= exchange.conn_seq or self._is_paid(exchange, response)

    def _place(self, requests: list[Exchange]) -> None:
        """Pairs requests that are known to be answered with the responses so far, from the last pair backwards.

        It stops where a message is missing.

        Args:
            requests: the open requests before the proven one, in their order.
        """
        responses = self._unplaced
        pairs: deque[tuple[Exchange, Exchange]] = deque()
        while requests and responses and requests[-1].conn_seq >= self._counted_from:
            asked, answered = requests[-1], responses[-1]
            assert answered.response is not None  # only complete responses are in _unplaced
            if not had_received(answered.response, asked.request) or acknowledged(asked.request, answered.response) > 0:
                break
            pairs.appendleft((requests.pop(), responses.pop()))
        for exchange in requests:
            self._leave_unanswered(exchange, None)
        self._leave_unplaced()
        for asked, answered in pairs:
            take_answer(asked, answered)
            self._losses[self.client_end] -= is_resumed(asked.request)
            self._complete(asked)

    def _is_paid(self, exchange: Exchange, response: Response) -> bool:
        """Whether the requests that are missing before an exchange have been answered, or may have been.

        If not, the client sent them together with the request of this exchange, and the response that begins at its
        acknowledgement number answers them.
        """
        if is_resumed(response) or not (self._has_answered or self._is_whole):
            return True
        request, ack = exchange.request, self._orphan_ack
        return request is not None and ack is not None and distance(request.seq, ack) >= 0

    def _settle(self, exchange: Exchange) -> None:
        """Notes a proven pair. From here on order counts again, unless requests after it are missing."""
        client_end = self._connection.client_end or 0
        self._losses[1 - client_end] = 0
        self._losses[client_end] -= is_resumed(exchange.request)
        self._is_aligned = True
        self._is_sure = not self._losses[client_end]
        if self._owed_from <= exchange.conn_seq:
            self._owed_from = 0
        if self._is_sure:
            self._lost = None
