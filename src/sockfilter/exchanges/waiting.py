"""The state of a pairing in order, and how it stops waiting."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sockfilter.exchanges.ending import Ending, weight_of
from sockfilter.exchanges.places import is_resumed
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import MessageCounts
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange

# responses without a request that are remembered, for requests that come after them
ORPHANS_MAX = 16


class WaitingMessages(Ending):
    """The open exchanges of one connection."""

    __slots__ = (
        "_batch_ack",
        "_batch_first",
        "_batches",
        "_counted_from",
        "_given_up",
        "_has_answered",
        "_has_closed",
        "_is_aligned",
        "_is_sure",
        "_is_whole",
        "_isn",
        "_losses",
        "_lost",
        "_open",
        "_orphan",
        "_orphan_ack",
        "_orphans",
        "_overlaps",
        "_owed_from",
        "_unplaced",
        "_waits",
    )

    def __init__(
        self,
        connection: Connection,
        isn: tuple[int | None, int | None],
        counts: MessageCounts,
        emit: Callable[[Exchange], None],
    ) -> None:
        is_whole = None not in isn
        super().__init__(connection, counts, emit)
        self._isn = isn
        self._open: deque[Exchange] = deque()
        self._orphan: Exchange | None = None  # an exchange without a request; its final response may still come
        self._given_up: deque[Exchange] = deque()  # ended as the client had closed; their responses may come late
        self._has_answered = False  # a response was seen
        self._is_whole = is_whole  # both SYNs were seen
        self._is_sure = is_whole  # the next response answers the first open request
        self._is_aligned = is_whole  # the same, if no request is missing before that request
        self._losses = [0, 0]  # for each end, places where messages may be missing, since the last proven pair
        self._lost: Problem | None = None  # why messages may be missing
        self._owed_from = 0  # the number of the first request before which a request is certainly missing
        self._orphan_ack: int | None = None  # the acknowledgement number of the last response without a request
        # the sequence numbers of responses without a request, and the number of the last request at that time
        self._orphans: deque[tuple[int, int]] = deque(maxlen=ORPHANS_MAX)
        self._batches = 0  # times that the client has sent requests together
        self._has_closed = [False, False]  # for each end
        self._overlaps = False  # the client sends requests while it receives responses to others
        self._waits = 0  # requests in a row that the client has sent without an open one before
        self._batch_first: Exchange | None = None  # the first of the requests that were sent together last
        self._batch_ack: int | None = None  # the acknowledgement number of that request
        self._counted_from = 0  # the number of the first request after which no request is missing
        self._unplaced: deque[Exchange] = deque()  # responses that wait until their requests can be determined

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun but not ended, in their order."""
        return [*self._open, *([] if self._orphan is None else [self._orphan])]

    @property
    def current(self) -> Exchange | None:
        """The exchange of the response that began last, until the exchange ends."""
        return self._current

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""
        return bool(self._open) and self._open[-1].response is None

    def awaits(self, ack: int) -> bool:
        """Whether a request waits of which the server had received bytes when it acknowledged a number."""
        first = next((exchange for exchange in self._open if exchange.response is None), None)
        return first is not None and first.request is not None and distance(first.request.seq, ack) > 0

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is open, and the next response answers the next request."""
        return self._is_sure and not self._open and self._orphan is None

    @property
    def client_end(self) -> int:
        """The end that sends requests. It is known after the first message."""
        return self._connection.client_end or 0

    @client_end.setter
    def client_end(self, end: int) -> None:
        self._connection.client_end = end

    @property
    def weight(self) -> int:
        """Bytes of memory that the open exchanges take."""
        kept = (self._open, self._unplaced, self._given_up, () if self._orphan is None else (self._orphan,))
        return sum(map(weight_of, kept))

    @property
    def _is_undisturbed(self) -> bool:
        """Whether all messages so far were seen."""
        return self._is_whole and self._losses == [0, 0]

    def _has_all_responses(self) -> bool:
        """Whether no response is missing since the last response or the last proven pair."""
        is_known = self._is_whole or self._has_answered
        return is_known and not self._losses[1 - (self._connection.client_end or 0)]

    def _promote(self, exchange: Exchange) -> None:
        """Makes a 101 the final response, if it was the last response and the client sends another request."""
        if exchange.response is not None or not exchange.informational:
            return
        last = exchange.informational[-1]
        if last.head.status != 101:
            return
        self._counts.informational -= 1
        self._counts.responses += 1
        exchange.informational, exchange.response = exchange.informational[:-1], last
        exchange.informational_count -= 1
        has_ended = exchange.request is not None and exchange.request.end_ns is not None
        if has_ended and self._open and self._open[0] is exchange:
            self._complete(self._open.popleft())

    def _leave_unanswered(self, exchange: Exchange, problem: Problem | None) -> None:
        self._promote(exchange)
        if exchange.response is None:
            lost = None if self._is_sure else self._lost
            exchange.add_problems(*filter(None, (Problem.NO_RESPONSE, problem, lost)))
        if is_resumed(exchange.request) and not exchange.informational:
            self._losses[self._connection.client_end or 0] -= 1
        self._complete(exchange)

    def _close_orphan(self, problem: Problem | None) -> None:
        """Ends the exchange without a request: no final response follows its informational responses."""
        orphan, self._orphan = self._orphan, None
        if orphan is not None:
            self._leave_unanswered(orphan, problem)

    def _leave_unplaced(self) -> None:
        """Ends the exchanges whose requests can no longer be determined."""
        unplaced, self._unplaced = self._unplaced, deque()
        for exchange in unplaced:
            self._complete(exchange)
