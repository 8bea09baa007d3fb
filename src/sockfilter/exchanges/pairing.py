"""Pairs the requests and responses of one connection by their position in it, never by time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sockfilter.exchanges.repeats import answered_at, asked_at
from sockfilter.model.budget import MESSAGE_BYTES
from sockfilter.model.exchange import INFORMATIONAL_MAX, Exchange
from sockfilter.model.message import Message, Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import HALF, MASK, distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import MessageCounts
    from sockfilter.model.connection import Connection

# requests in a row that a client has sent when all before were answered, for it to count as one that waits
WAITS_MIN = 3
# responses without a request that are remembered, for requests that come behind them
ORPHANS_MAX = 16
# Requests without a response that one connection may have: pipelining clients keep some hundred under way, and
# load generators a thousand. Each takes 1 KiB and its head.
OPEN_REQUESTS_MAX = 2_000


class Pairing:
    """The open exchanges of one connection.

    While nothing is missing, the order of messages is their pairing. Once some may be, only proof counts.
    A client that waits for its answers has received all before a response when it sends the request: so the
    response begins exactly where the request acknowledged. With the first such pair, order counts again.

    Args:
        connection: the connection.
        isn: the sequence number of each end's SYN; None: not seen.
        counts: accounts for its messages.
        emit: takes each exchange when it ends.
    """

    __slots__ = (
        "_batch_ack",
        "_batch_first",
        "_batches",
        "_connection",
        "_counted_from",
        "_counts",
        "_current",
        "_emit",
        "_given_up",
        "_has_answered",
        "_has_closed",
        "_is_aligned",
        "_is_sure",
        "_is_whole",
        "_isn",
        "_losses",
        "_lost",
        "_number",
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
        self._isn = isn
        self._connection = connection
        self._counts = counts
        self._emit = emit
        self._open: deque[Exchange] = deque()
        self._orphan: Exchange | None = None  # without a request; its final response may still come
        self._current: Exchange | None = None  # what the last response that began belongs to
        self._given_up: deque[Exchange] = deque()  # ended as the client had closed; their responses may come late
        self._number = 0
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

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message whose head is there, and which end sent it.

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
                    # once it is a habit, what the client did before counts no more
                    self._batches, self._overlaps = 0, False
            if self._orphan is None or not self._adopt(message):
                begun = Exchange(self._connection, self._number, message, None)
                open_exchanges.append(begun)
                if message.ack != self._batch_ack:
                    self._batch_first, self._batch_ack = begun, message.ack
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
            or not 0 < (message.ack - request.seq) & MASK < HALF  # distance(), without the call
        ):
            if self._given_up and (late := self._answered_late(message)) is not None:
                return late.request
            exchange = self._answered_by(message)
            request = exchange.request
        self._current = exchange
        self._has_answered = True
        # not before: exchanges may have ended on the way here, and what takes them may look at the ledger
        counts.open += 1
        status = message.head.status
        if 100 <= status < 200 and (status != 101 or not _is_upgrade(request, message)):
            counts.informational += 1
            exchange.add_informational(message)
            return request
        counts.responses += 1
        exchange.response = message
        if request is not None and request.end_ns is None:
            exchange.add_problems(Problem.EARLY_RESPONSE)
        return request

    def finish(self, message: Message) -> None:
        """Takes note that a message has ended."""
        exchange = self._current
        if exchange is not None and exchange.response is message:
            if exchange is self._orphan:
                if self._is_undisturbed and self._spoke_first(exchange):
                    return  # until it is known that nothing asks for it after all
                self._orphan = None
                if exchange.conn_seq == 0:
                    self._unplaced.append(exchange)
                    return
            elif exchange.request is not None and exchange.request.end_ns is None:
                return
            elif self._open and self._open[0] is exchange:
                self._open.popleft()
            else:
                return  # it was given up before
            self._complete(exchange)
        elif self._open and self._open[0].request is message:
            # answered before it had ended: only now the exchange is over
            exchange = self._open[0]
            if exchange.response is not None and exchange.response.end_ns is not None:
                self._complete(self._open.popleft())

    @property
    def current(self) -> Exchange | None:
        """The exchange of the response that began last, until it ends."""
        return self._current

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""
        return bool(self._open) and self._open[-1].response is None

    def pass_informational(self, count: int) -> bool:
        """Takes note of as many more as the last informational response. False: they are to be told one by one."""
        exchange = self._current
        if exchange is None or exchange.informational_count < INFORMATIONAL_MAX:
            return False
        if exchange is not self._orphan and not (self._open and self._open[0] is exchange):
            return False
        exchange.count_informational(count)
        self._counts.informational += count
        self._counts.open += count
        return True

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

    def pair(self, number: int, request: Request, response: Response) -> Exchange:
        """Takes a request and its response, both whole, while it is at rest.

        Returns the exchange, which has this number; emit is not called.
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

    @property
    def weight(self) -> int:
        """Bytes that its exchanges take, while they are open."""
        kept = (self._open, self._unplaced, self._given_up, () if self._orphan is None else (self._orphan,))
        messages = [m for exchanges in kept for x in exchanges for m in (x.request, *x.informational, x.response)]
        return sum(MESSAGE_BYTES + len(m.raw) + len(m.body) for m in messages if m is not None)

    @property
    def number(self) -> int:
        """Of the last exchange."""
        return self._number

    def note_pairs(self, number: int) -> None:
        """Takes note of exchanges up to this number, which were told and counted elsewhere while it was at rest."""
        if number > self._number:
            self._waits += number - self._number
            self._number = number
            self._has_answered = True

    def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
        """Takes note that messages may be missing.

        Args:
            end: whose messages.
            is_certain: there is one of which nothing can be told.
            problem: why; None: what was there is no message.
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
        """Takes note that an end has closed its direction: nothing of it is missing, and nothing follows."""
        self._has_closed[end] = True
        if end == 1 - self.client_end:
            self._leave_to_closed_server()

    def abandon(self, end: int) -> None:
        """Takes note that an end has closed, and that what it waited for has not come in time."""
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
        """The server has closed its end: whole requests that it has not answered by then will have no answer."""
        if self._merge_orphan():
            return
        while self._open and self._open[0].response is None:
            request = self._open[0].request
            if request is None or request.end_ns is None:
                return
            self._leave_unanswered(self._open.popleft(), Problem.CLOSED)

    def repeat(self, end: int, seq: int) -> None:
        """Takes note of bytes that were sent again, from a sequence number on: of an open exchange, or of none."""
        if end == self._connection.client_end:
            exchange = asked_at(self._open, seq)
        else:
            is_open = self._current is self._orphan or (bool(self._open) and self._current is self._open[0])
            exchange = answered_at(self._current, seq) if is_open else None
        if exchange is not None:
            exchange.retransmissions += 1

    def pass_by(self, size: int, is_opaque: bool) -> None:
        """Takes note of bytes that are no part of a message; is_opaque: nor are they meant to be."""
        if is_opaque:
            self._counts.opaque_bytes += size
        else:
            self._counts.unread_bytes += size

    def close(self, problem: Problem) -> None:
        """No more messages follow."""
        self._merge_orphan()
        self._close_orphan(problem)
        self._leave_unplaced()
        while self._open:
            self._leave_unanswered(self._open.popleft(), problem)

    def _answered_by(self, response: Response) -> Exchange:
        """The exchange that a response belongs to: by order where that is sure, else by proof."""
        open_exchanges = self._open
        if _is_answer(self._orphan):
            self._close_orphan(None)
        while open_exchanges and open_exchanges[0].response is not None:
            # its response is there, and another begins: the rest of its request will not come
            self._complete(open_exchanges.popleft())
        first = open_exchanges[0] if open_exchanges else None
        if first is None or not (self._is_aligned and self._is_next(first, response)):
            first = self._proven(response)
        if first is None:
            return self._without_request(response)
        self._close_orphan(None)
        return first

    def _is_next(self, exchange: Exchange, response: Response) -> bool:
        """Whether no request is missing before this one, or it was proven, and the server had received any of it."""
        is_known = bool(exchange.informational) or not _is_resumed(exchange.request)
        return is_known and _had_received(response, exchange.request)

    def _proven(self, response: Response) -> Exchange | None:
        """The exchange whose request acknowledged all before a response, and nothing of it."""
        if self._overlaps or self._batches == 1:
            # several are under way, and each acknowledges up to where the response of another begins
            return None
        if self._batches:
            return self._proven_of_batch(response)
        open_exchanges = self._open
        while open_exchanges and _acknowledged(open_exchanges[0].request, response) < 0:
            # its response would have begun before this one, where it is missing
            if self._has_all_responses() and not self._was_late(open_exchanges[0]):
                # none is: the client does not wait
                self._overlaps = True
                return None
            self._leave_unanswered(open_exchanges.popleft(), None)
        if not open_exchanges or not self._is_proven(open_exchanges[0], response):
            return None
        self._settle(open_exchanges[0])
        return open_exchanges[0]

    def _was_late(self, exchange: Exchange) -> bool:
        """Whether a request came only after its response had been taken for one without a request."""
        request, number = exchange.request, exchange.conn_seq
        return request is not None and any(seq == request.ack and number > last for seq, last in self._orphans)

    def _proven_of_batch(self, response: Response) -> Exchange | None:
        """The first of the requests that were sent together last, if it is the one: all before it were answered."""
        first = self._batch_first
        if first is None or not self._is_proven(first, response):
            return None
        before = []
        while self._open and self._open[0] is not first:
            before.append(self._open.popleft())
        if not self._open:  # it has been evicted
            self._open.extend(before)
            return None
        self._place(before)
        self._settle(first)
        return first

    def _is_proven(self, exchange: Exchange, response: Response) -> bool:
        if _acknowledged(exchange.request, response) or not _had_received(response, exchange.request):
            return False
        return not 0 < self._owed_from <= exchange.conn_seq or self._is_paid(exchange, response)

    def _place(self, requests: list[Exchange]) -> None:
        """All up to here were answered: the last request by the last response, and so on back to where one is missing.

        Args:
            requests: those that were open until here, in their order.
        """
        responses = self._unplaced
        pairs: deque[tuple[Exchange, Exchange]] = deque()
        while requests and responses and requests[-1].conn_seq >= self._counted_from:
            asked, answered = requests[-1], responses[-1]
            assert answered.response is not None  # it is whole
            if (
                not _had_received(answered.response, asked.request)
                or _acknowledged(asked.request, answered.response) > 0
            ):
                break
            pairs.appendleft((requests.pop(), responses.pop()))
        for exchange in requests:
            self._leave_unanswered(exchange, None)
        self._leave_unplaced()
        for asked, answered in pairs:
            _take_answer(asked, answered)
            self._losses[self.client_end] -= _is_resumed(asked.request)
            self._complete(asked)

    def _leave_unplaced(self) -> None:
        """Nothing will say which requests these responses answer."""
        unplaced, self._unplaced = self._unplaced, deque()
        for exchange in unplaced:
            self._complete(exchange)

    def _has_all_responses(self) -> bool:
        """Whether none is missing since the last that came, or the last pair that was proven."""
        is_known = self._is_whole or self._has_answered
        return is_known and not self._losses[1 - (self._connection.client_end or 0)]

    def _is_paid(self, exchange: Exchange, response: Response) -> bool:
        """Whether the requests that are missing before one have been answered, or may have been.

        Else they were sent together with it, and the response that begins where it acknowledged is theirs.
        """
        if _is_resumed(response) or not (self._has_answered or self._is_whole):
            return True
        request, ack = exchange.request, self._orphan_ack
        return request is not None and ack is not None and distance(request.seq, ack) >= 0

    def _settle(self, exchange: Exchange) -> None:
        """A pair is proven: from here on order counts again, unless requests are missing further on."""
        client_end = self._connection.client_end or 0
        self._losses[1 - client_end] = 0
        self._losses[client_end] -= _is_resumed(exchange.request)
        self._is_aligned = True
        self._is_sure = not self._losses[client_end]
        if self._owed_from <= exchange.conn_seq:
            self._owed_from = 0
        if self._is_sure:
            self._lost = None

    def _without_request(self, response: Response) -> Exchange:
        if _is_resumed(response):
            # between this and the informational ones before, messages may be missing
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

    @property
    def _is_undisturbed(self) -> bool:
        """Whether all messages so far were seen."""
        return self._is_whole and self._losses == [0, 0]

    def _spoke_first(self, exchange: Exchange) -> bool:
        """Whether an exchange is the connection's first, and the server had received nothing when it answered."""
        isn = self._isn[self.client_end]
        response = exchange.response
        return exchange.conn_seq == 1 and isn is not None and response is not None and response.ack == (isn + 1) & MASK

    def _adopt(self, request: Request) -> bool:
        """A request for the response that is there already: the server spoke first, and has closed.

        Its client takes the one for the answer to the other, as there will be none else.
        """
        orphan = self._orphan
        if orphan is None:
            return False
        if not _is_answer(orphan):
            return self._catch_up(orphan, request)
        if not (self._is_undisturbed and self._spoke_first(orphan)):
            self._close_orphan(None)
            return False
        if not self._has_closed[1 - self.client_end]:
            return False  # another response may come: until then it may be the answer
        self._orphan = None
        self._number = orphan.conn_seq
        orphan.request = request
        orphan.replace_problems(Problem.EARLY_RESPONSE)
        self._open.append(orphan)
        return True

    def _catch_up(self, orphan: Exchange, request: Request) -> bool:
        """A request that comes late, while its response, or an informational one, is under way."""
        first = next(iter(orphan.informational), orphan.response)
        if first is None or self._overlaps or self._batches or _acknowledged(request, first):
            return False
        if not _had_received(first, request):
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
        """The response that came before the first request is the only one of the connection: it is its answer."""
        orphan, first = self._orphan, self._open[0] if self._open else None
        if orphan is None or first is None or first.response is not None or not _is_answer(orphan):
            return False
        if not (self._is_undisturbed and self._spoke_first(orphan)):
            return False
        self._orphan = None
        self._open.popleft()
        first.conn_seq = orphan.conn_seq
        _take_answer(first, orphan)
        first.add_problems(Problem.EARLY_RESPONSE)
        self._complete(first)
        return True

    def _answered_late(self, response: Response) -> Exchange | None:
        """The exchange that was given up, and that a response belongs to, which is noted on it."""
        if self._open or not self._is_sure:
            return None
        counts, exchange = self._counts, self._given_up[0]
        if not _had_received(response, exchange.request):
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

    def _note_pipelining(self, request: Request) -> None:
        """A request has come while others are open: what does that say of the client?"""
        last = self._open[-1].request
        self._waits = 0
        if last is not None and last.ack == request.ack:
            # before any of the last answer was there
            self._batches += (self._is_sure and len(self._open) == 1) or not self._batches
        elif self._batches and self._is_sure:
            self._overlaps = True
        if len(self._open) >= OPEN_REQUESTS_MAX:
            self._evict()

    def _evict(self) -> None:
        """The oldest request that has no response is not waited for any longer; which response is its own is open."""
        self._is_sure = self._is_aligned = False
        self._overlaps = True
        answered = self._open.popleft() if self._open[0].response is not None else None
        self._leave_unanswered(self._open.popleft(), Problem.EVICTED)
        if answered is not None:
            self._open.appendleft(answered)

    def _close_orphan(self, problem: Problem | None) -> None:
        """No final response follows the informational ones without a request."""
        orphan, self._orphan = self._orphan, None
        if orphan is not None:
            self._leave_unanswered(orphan, problem)

    def _leave_unanswered(self, exchange: Exchange, problem: Problem | None) -> None:
        self._promote(exchange)
        if exchange.response is None:
            lost = None if self._is_sure else self._lost
            exchange.add_problems(*filter(None, (Problem.NO_RESPONSE, problem, lost)))
        if _is_resumed(exchange.request) and not exchange.informational:
            self._losses[self._connection.client_end or 0] -= 1
        self._complete(exchange)

    def _complete(self, exchange: Exchange) -> None:
        counts = self._counts
        if exchange is self._current:
            self._current = None  # whose body may be large, and the connection's next message far off
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


def _take_answer(exchange: Exchange, orphan: Exchange) -> None:
    """The responses that were noted without a request are this one's."""
    exchange.informational, exchange.response = orphan.informational, orphan.response
    exchange.informational_count = orphan.informational_count


def _is_upgrade(request: Request | None, response: Response) -> bool:
    """Whether 101 changes the protocol: one of both sides names another (RFC 9110, 7.8). If not, that is odd."""
    if "upgrade" in response.headers or (request is not None and "upgrade" in request.headers):
        return True
    response.add_problem(Problem.BAD_UPGRADE)
    return False


def _is_answer(orphan: Exchange | None) -> bool:
    """Whether its response is there, to the last byte."""
    return orphan is not None and orphan.response is not None and orphan.response.end_ns is not None


def _had_received(response: Response, request: Request | None) -> bool:
    """Whether the server had received any of a request when it sent a response."""
    return request is not None and distance(request.seq, response.ack) > 0


def _acknowledged(request: Request | None, response: Response) -> int:
    """How far beyond a response's first byte the client had received when it sent a request; negative: not so far."""
    assert request is not None  # those that are open have one
    return distance(response.seq, request.ack)


def _is_resumed(message: Message | None) -> bool:
    """Whether messages may be missing before this one."""
    return message is not None and message.is_resumed
