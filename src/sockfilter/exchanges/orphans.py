"""Responses without requests: the request is missing, late, or was given up before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.exchanges.places import acknowledged, had_received, is_answer, is_resumed, take_answer
from sockfilter.exchanges.proof import Proof
from sockfilter.model.exchange import Exchange
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK

if TYPE_CHECKING:
    from sockfilter.model.message import Request, Response

# Requests without a response that one connection may have. Pipelining clients keep some hundred open, and load
# generators a thousand. Each takes 1 KiB plus its head.
OPEN_REQUESTS_MAX = 2_000


class Orphans(Proof):
    """Handles responses without requests, and requests that come after their responses."""

    __slots__ = ()

    def _without_request(self, response: Response) -> Exchange:
        if is_resumed(response):
            # messages may be missing between this response and the informational responses before it
            self._close_orphan(None)
        if self._orphan is None:
            may_be_placed = self._batches > 1 and not self._overlaps and len(self._unplaced) < OPEN_REQUESTS_MAX
            if not may_be_placed:
                self._number += 1
            self._orphan = Exchange(self._connection, 0 if may_be_placed else self._number, None, None)
            self._orphan.add_problems(Problem.NO_REQUEST)
            if self._lost is not None:
                self._orphan.add_problems(self._lost)
            elif self._number == 1 and self._connection.syn_ns is None and not self._is_whole:
                self._orphan.add_problems(Problem.MID_STREAM)
        self._is_sure = self._is_aligned = False
        self._orphan_ack = response.ack
        self._orphans.append((response.seq, self._number))
        return self._orphan

    def _spoke_first(self, exchange: Exchange) -> bool:
        """Whether an exchange is the first of its connection, and the server had received nothing when it answered."""
        isn = self._isn[self.client_end]
        response = exchange.response
        return exchange.conn_seq == 1 and isn is not None and response is not None and response.ack == (isn + 1) & MASK

    def _adopt(self, request: Request) -> bool:
        """Takes a request whose response came before it. Returns whether it found one.

        If the server sends a response first and closes, the client takes this response as the answer to its request.
        """
        orphan = self._orphan
        if orphan is None:
            return False
        if not is_answer(orphan):
            return self._catch_up(orphan, request)
        if not (self._is_undisturbed and self._spoke_first(orphan)):
            self._close_orphan(None)
            return False
        if not self._has_closed[1 - self.client_end]:
            return False  # another response may still come, which would be the answer
        self._orphan = None
        self._number = orphan.conn_seq
        orphan.request = request
        orphan.replace_problems(Problem.EARLY_RESPONSE)
        self._open.append(orphan)
        return True

    def _catch_up(self, orphan: Exchange, request: Request) -> bool:
        """Takes a request that comes late, after its response or an informational response has begun."""
        first = next(iter(orphan.informational), orphan.response)
        if first is None or self._overlaps or self._batches or acknowledged(request, first):
            return False
        if not had_received(first, request):
            return False
        self._orphan = None
        while self._open:
            self._leave_unanswered(self._open.popleft(), None)
        orphan.request = request
        orphan.replace_problems()
        self._number = orphan.conn_seq = orphan.conn_seq or self._number
        self._open.append(orphan)
        self._settle(orphan)
        return True

    def _merge_orphan(self) -> bool:
        """Pairs the first request with a response that came before it, if this is the connection's only response."""
        orphan, first = self._orphan, self._open[0] if self._open else None
        if orphan is None or first is None or first.response is not None or not is_answer(orphan):
            return False
        if not (self._is_undisturbed and self._spoke_first(orphan)):
            return False
        self._orphan = None
        self._open.popleft()
        first.conn_seq = orphan.conn_seq
        take_answer(first, orphan)
        first.add_problems(Problem.EARLY_RESPONSE)
        self._complete(first)
        return True

    def _answered_late(self, response: Response) -> Exchange | None:
        """Adds a late response to the exchange that was given up without it. Returns the exchange, or None."""
        if self._open or not self._is_sure:
            return None
        counts, exchange = self._counts, self._given_up[0]
        if not had_received(response, exchange.request):
            return None
        counts.unpaired[Problem.LATE_RESPONSE.value] += 1
        if response.is_final:
            counts.responses += 1
            exchange.response = response
            self._given_up.popleft()
        else:
            counts.informational += 1
            exchange.add_informational(response)
        exchange.add_problems(Problem.LATE_RESPONSE)
        self._current = exchange
        return exchange
