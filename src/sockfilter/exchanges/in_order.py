"""Pairs the requests and responses of one connection by their position in it, never by time.

The classes build on one another, one file each: Ending, WaitingMessages, Proof, Orphans, OrderedPairing.
"""

from __future__ import annotations

from sockfilter.exchanges.orphans import OPEN_REQUESTS_MAX, Orphans
from sockfilter.exchanges.places import had_received, is_answer, is_resumed
from sockfilter.exchanges.repeats import answered_at, asked_at
from sockfilter.model.exchange import INFORMATIONAL_MAX, Exchange
from sockfilter.model.message import Message, Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import HALF, MASK

# A client counts as one that waits for responses after this many requests in a row without an open one before.
WAITS_MIN = 3


class OrderedPairing(Orphans):
    """The open exchanges of one connection.

    While no message is missing, the messages pair in their order. Once messages may be missing, a pair needs proof: the
    response begins exactly at the acknowledgement number of the request. After the first proven pair, order counts
    again. See Proof.

    Args:
        connection: the connection.
        isn: the sequence number of each end's SYN, or None if it was not seen.
        counts: the counters of messages.
        emit: takes each exchange when it ends.
    """

    __slots__ = ()

    def resume(self, number: int) -> None:
        """Continues the numbers of exchanges after those of another protocol on the same connection."""
        self._number = number

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message when its head is complete.

        Args:
            message: the message.
            end: the end that sent it.

        Returns, for a response, the request that it answers.
        """
        counts, open_exchanges = self._counts, self._open
        if isinstance(message, Request):
            counts.open += 1
            if self._connection.client_end is None:
                self._connection.client_end = end
            counts.requests += 1
            if open_exchanges:
                self._promote(open_exchanges[0])
            self._number += 1
            if open_exchanges:
                self._note_pipelining(message)
            else:
                self._waits += 1
                if self._waits >= WAITS_MIN and self._is_sure:
                    # the client waits for responses now: its earlier pipelining no longer matters
                    self._batches, self._overlaps = 0, False
            if self._orphan is None or not self._adopt(message):
                begun = Exchange(self._connection, self._number, message, None)
                open_exchanges.append(begun)
                if message.place[1] != self._batch_ack:
                    self._batch_first, self._batch_ack = begun, message.place[1]
            return None
        assert isinstance(message, Response)  # there is no third kind
        if self._connection.client_end is None:
            self._connection.client_end = 1 - end
        exchange = open_exchanges[0] if self._is_sure and open_exchanges else None
        request = None if exchange is None else exchange.request
        if (
            exchange is None
            or request is None
            or exchange.response is not None
            or not 0 < (message.place[1] - request.place[0]) & MASK < HALF  # distance(), without the call
        ):
            if self._given_up and (late := self._answered_late(message)) is not None:
                return late.request
            exchange = self._answered_by(message)
            request = exchange.request
        self._current = exchange
        self._has_answered = True
        # counted this late because exchanges may have ended above, and their receiver may read the ledger
        counts.open += 1
        status = message.head.status
        if 100 <= status < 200 and (status != 101 or not _is_final_upgrade(request, message)):
            counts.informational += 1
            exchange.add_informational(message)
            return request
        counts.responses += 1
        exchange.response = message
        if request is not None and request.end_ns is None:
            exchange.add_problems(Problem.EARLY_RESPONSE)
        return request

    def finish(self, message: Message) -> None:
        """Notes that a message has ended."""
        exchange = self._current
        if exchange is not None and exchange.response is message:
            if exchange is self._orphan:
                if self._is_undisturbed and self._spoke_first(exchange):
                    return  # a request for it may still come
                self._orphan = None
                if exchange.conn_seq == 0:
                    self._unplaced.append(exchange)
                    return
            elif exchange.request is not None and exchange.request.end_ns is None:
                return
            elif self._open and self._open[0] is exchange:
                self._open.popleft()
            else:
                return  # the exchange was given up before
            self._complete(exchange)
        elif self._open and self._open[0].request is message:
            # the response ended before the request: the exchange ends now
            exchange = self._open[0]
            if exchange.response is not None and exchange.response.end_ns is not None:
                self._complete(self._open.popleft())

    def release(self, exchange: Exchange) -> bool:
        """Gives an open exchange to another pairing. Returns False if it is not open, or has a final response."""
        if exchange.response is not None or not self._open or self._open[0] is not exchange:
            return False
        self._open.popleft()
        self._current = None
        return True

    def pass_informational(self, count: int) -> bool:
        """Counts more informational responses like the last one. Returns False if the caller must pass each of them."""
        exchange = self._current
        if exchange is None or exchange.informational_count < INFORMATIONAL_MAX:
            return False
        if exchange is not self._orphan and not (self._open and self._open[0] is exchange):
            return False
        exchange.count_informational(count)
        self._counts.informational += count
        self._counts.open += count
        return True

    def pair(self, number: int, request: Request, response: Response) -> Exchange:
        """Takes a complete request and its complete response while nothing is open.

        Returns the exchange with this number. It does not call emit.
        """
        counts = self._counts
        counts.requests += 1
        counts.responses += 1
        counts.paired += 2
        counts.exchanges += 1
        self._number = number
        self._has_answered = True
        self._current = None
        return Exchange(self._connection, self._number, request, response)

    def note_pairs(self, number: int) -> None:
        """Notes exchanges up to this number, which the lane has emitted and counted while nothing was open here."""
        if number > self._number:
            self._waits += number - self._number
            self._number = number
            self._has_answered = True

    def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
        """Notes that messages may be missing.

        Args:
            end: the end that sent them.
            is_certain: whether a message is certainly missing.
            problem: why. None: the bytes were not a message.
        """
        client_end = self._connection.client_end
        self._is_sure = False
        self._lost = problem or self._lost
        self._losses[end] += 1
        if end == client_end:
            self._counted_from = self._number + 1
        else:
            self._is_aligned = False
            self._leave_unplaced()
        if is_certain and client_end in (end, None):
            self._owed_from = self._owed_from or self._number + 1

    def ended(self, end: int) -> None:
        """Notes that an end has closed its direction: all its bytes have come."""
        self._has_closed[end] = True
        if end == 1 - self.client_end:
            self._leave_to_closed_server()

    def abandon(self, end: int) -> None:
        """Notes that an end has closed, and that the answer to it has not come in time."""
        if end != self.client_end:
            self._leave_to_closed_server()
            return
        if self._merge_orphan() or not self._open or self._open[0].response is not None:
            return
        while self._open and self._open[0].request is not None and self._open[0].request.end_ns is not None:
            exchange = self._open.popleft()
            self._leave_unanswered(exchange, Problem.CLIENT_CLOSED)
            if self._is_sure and len(self._given_up) < OPEN_REQUESTS_MAX:
                self._given_up.append(exchange)

    def _leave_to_closed_server(self) -> None:
        """Ends the exchanges of complete requests that the server had not answered when it closed its end."""
        if self._merge_orphan():
            return
        while self._open and self._open[0].response is None:
            request = self._open[0].request
            if request is None or request.end_ns is None:
                return
            self._leave_unanswered(self._open.popleft(), Problem.CLOSED)

    def repeat(self, end: int, seq: int) -> None:
        """Counts a retransmission from a sequence number on, if the bytes belong to an open exchange."""
        if end == self._connection.client_end:
            exchange = asked_at(self._open, seq)
        else:
            is_open = self._current is self._orphan or (bool(self._open) and self._current is self._open[0])
            exchange = answered_at(self._current, seq) if is_open else None
        if exchange is not None:
            exchange.retransmissions += 1

    def close(self, problem: Problem) -> None:
        """Ends all exchanges, as no more messages follow."""
        self._merge_orphan()
        self._close_orphan(problem)
        self._leave_unplaced()
        while self._open:
            self._leave_unanswered(self._open.popleft(), problem)

    def _answered_by(self, response: Response) -> Exchange:
        """Returns the exchange that a response belongs to: by order if that is sure, otherwise by proof."""
        open_exchanges = self._open
        if is_answer(self._orphan):
            self._close_orphan(None)
        while open_exchanges and open_exchanges[0].response is not None:
            # it has a response, and another response begins: the rest of its request will not come
            self._complete(open_exchanges.popleft())
        first = open_exchanges[0] if open_exchanges else None
        if first is None or not (self._is_aligned and self._is_next(first, response)):
            first = self._proven(response)
        if first is None:
            return self._without_request(response)
        self._close_orphan(None)
        return first

    def _is_next(self, exchange: Exchange, response: Response) -> bool:
        """Whether a response answers an exchange by order.

        No request may be missing before it, unless it is proven, and the server must have received bytes of it.
        """
        is_known = bool(exchange.informational) or not is_resumed(exchange.request)
        return is_known and had_received(response, exchange.request)

    def _note_pipelining(self, request: Request) -> None:
        """Notes that a request came while others are open: whether the client sends batches, or does not wait."""
        last = self._open[-1].request
        self._waits = 0
        if last is not None and last.ack == request.ack:
            # the client has received nothing between the two requests
            self._batches += (self._is_sure and len(self._open) == 1) or not self._batches
        elif self._batches and self._is_sure:
            self._overlaps = True
        if len(self._open) >= OPEN_REQUESTS_MAX:
            self._evict()

    def _evict(self) -> None:
        """Gives up the oldest request without a response. After this, order no longer tells which response is whose."""
        self._is_sure = self._is_aligned = False
        self._overlaps = True
        answered = self._open.popleft() if self._open[0].response is not None else None
        self._leave_unanswered(self._open.popleft(), Problem.EVICTED)
        if answered is not None:
            self._open.appendleft(answered)


def _is_final_upgrade(request: Request | None, response: Response) -> bool:
    """Whether a 101 is the answer: the request or the response has an Upgrade field (RFC 9110, 7.8).

    Without one, the response gets a problem. After an upgrade to HTTP/2, the answer comes on stream 1 (RFC 7540, 3.2).
    """
    if response.headers.get("upgrade", "").strip().lower() == "h2c" and request is not None:
        return False
    if "upgrade" in response.headers or (request is not None and "upgrade" in request.headers):
        return True
    response.add_problem(Problem.BAD_UPGRADE)
    return False
