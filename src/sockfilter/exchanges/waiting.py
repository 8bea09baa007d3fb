"""What a pairing in order keeps, and how it stops waiting."""

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

# responses without a request that are remembered, for requests that come behind them
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
        self._orphan: Exchange | None = None  # without a request; its final response may still come
        self._given_up: deque[Exchange] = deque()  # ended as the client had closed; their responses may come late
        self._has_answered = False  # a response was seen
        self._is_whole = is_whole
        self._is_sure = is_whole  # the next response answers the first open request
        self._is_aligned = is_whole  # it does, where no request is missing before that one
        self._losses = [0, 0]  # for each end, places where messages may be missing, and no pair was proven since
        self._lost: Problem | None = None  # why
        self._owed_from = 0  # the first request before which one is missing for certain
        self._orphan_ack: int | None = None  # what the server had received when it last answered such a one
        # where responses without a request began, and the last request by then
        self._orphans: deque[tuple[int, int]] = deque(maxlen=ORPHANS_MAX)
        self._batches = 0  # times that the client has sent requests together
        self._has_closed = [False, False]  # each end
        self._overlaps = False  # it sends some while answers to others come in
        self._waits = 0  # requests in a row that it has sent when all before were answered
        self._batch_first: Exchange | None = None  # the first of those that were sent together last
        self._batch_ack: int | None = None  # what its client had received then
        self._counted_from = 0  # the first request of which it is certain that none is missing between it and the last
        self._unplaced: deque[Exchange] = deque()  # responses whose requests can be told once all have been answered

    @property
    def open(self) -> list[Exchange]:
        """Those that have begun and not ended, in their order."""
        return [*self._open, *([] if self._orphan is None else [self._orphan])]

    @property
    def current(self) -> Exchange | None:
        """The exchange of the response that began last, until it ends."""
        return self._current

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""
        return bool(self._open) and self._open[-1].response is None

    def awaits(self, ack: int) -> bool:
        """Whether one does of which the server had received some, with all up to a sequence number."""
        first = next((exchange for exchange in self._open if exchange.response is None), None)
        return first is not None and first.request is not None and distance(first.request.seq, ack) > 0

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is open, and the next response answers the next request."""
        return self._is_sure and not self._open and self._orphan is None

    @property
    def client_end(self) -> int:
        """Which end asks; known once there has been a message."""
        return self._connection.client_end or 0

    @client_end.setter
    def client_end(self, end: int) -> None:
        self._connection.client_end = end

    @property
    def weight(self) -> int:
        """Bytes that its exchanges take, while they are open."""
        kept = (self._open, self._unplaced, self._given_up, () if self._orphan is None else (self._orphan,))
        return sum(map(weight_of, kept))

    @property
    def _is_undisturbed(self) -> bool:
        """Whether all messages so far were seen."""
        return self._is_whole and self._losses == [0, 0]

    def _has_all_responses(self) -> bool:
        """Whether none is missing since the last that came, or the last pair that was proven."""
        is_known = self._is_whole or self._has_answered
        return is_known and not self._losses[1 - (self._connection.client_end or 0)]

    def _promote(self, exchange: Exchange) -> None:
        """Where 101 was the last that a request was answered with, and the client goes on, 101 was the answer."""
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
        """No final response follows the informational ones without a request."""
        orphan, self._orphan = self._orphan, None
        if orphan is not None:
            self._leave_unanswered(orphan, problem)

    def _leave_unplaced(self) -> None:
        """Nothing will say which requests these responses answer."""
        unplaced, self._unplaced = self._unplaced, deque()
        for exchange in unplaced:
            self._complete(exchange)
