"""Pairs the requests and responses of one connection by their stream numbers, as in HTTP/2.

A stream has one request and its responses, so that no proof is needed. A missing half is None, and the problems of the
exchange say why.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.exchanges.ending import Ending, weight_of
from sockfilter.model.exchange import Exchange
from sockfilter.model.message import Message, Request, Response
from sockfilter.model.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import MessageCounts
    from sockfilter.model.connection import Connection

# Streams that may be open on a connection. Servers allow some hundred at a time (RFC 9113, 6.5.2: no less than 100).
# Each takes 1 KiB plus its head.
OPEN_STREAMS_MAX = 10_000
# One in so many is given up at a time: to find the oldest key of a dict costs more, the more were removed before it.
EVICTED_PART = 128
# the index of the stream in Message.place
STREAM = 2


class StreamPairing(Ending):
    """The open exchanges of one connection, by stream.

    Args:
        connection: the connection.
        isn: the sequence number of each end's SYN, or None if it was not seen.
        counts: the counters of messages.
        emit: takes each exchange when it ends.
    """

    __slots__ = ("_is_whole", "_lost", "_open", "_repeats", "_repeats_before")

    def __init__(
        self,
        connection: Connection,
        isn: tuple[int | None, int | None],
        counts: MessageCounts,
        emit: Callable[[Exchange], None],
    ) -> None:
        super().__init__(connection, counts, emit)
        self._is_whole = None not in isn
        self._open: dict[int, Exchange] = {}  # by stream; those that were read in C came late, perhaps in another order
        self._lost: Problem | None = None  # why messages may be missing
        self._repeats = 0  # retransmissions so far
        self._repeats_before: dict[int, int] = {}  # when the exchange of a stream began; not in it: none

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun but not ended, in their order."""
        return sorted(self._open.values(), key=_place)

    @property
    def weight(self) -> int:
        """Bytes of memory that the open exchanges take."""
        return weight_of(self._open.values())

    @property
    def is_at_rest(self) -> bool:
        """Whether no exchange is open."""
        return not self._open

    def resume(self, number: int) -> None:
        """Continues the numbers of exchanges after those of another protocol on the same connection.

        Args:
            number: the number of the last exchange.
        """
        self._number = number

    def adopt(self, exchange: Exchange, stream: int) -> None:
        """Takes an exchange that began in another protocol: its response comes on a stream.

        Args:
            exchange: the exchange; another pairing has released it.
            stream: the number of the stream.
        """
        exchange.stream = stream
        self._open[stream] = exchange
        self._repeats_before[stream] = self._repeats

    def exchange(self, stream: int) -> Exchange | None:
        """Returns the open exchange of a stream, or None."""
        return self._open.get(stream)

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message when its head is complete.

        Args:
            message: the message.
            end: the end that sent it. The server sends a promised request.

        Returns, for a response, the request that it answers.
        """
        stream = message.place[STREAM]
        if isinstance(message, Request):
            self._note_client(end if stream & 1 else 1 - end)
            self._counts.requests += 1
            if stream in self._open:
                self.leave(stream, Problem.RESYNCHRONISED)  # the stream is used again: the end of the last was missed
            self._start(stream).request = message
            self._counts.open += 1
            return None
        assert isinstance(message, Response)  # there is no third kind
        self._note_client(1 - end)
        exchange = self._open.get(stream)
        if exchange is not None and exchange.response is not None:
            self.leave(stream, Problem.RESYNCHRONISED)  # as above
            exchange = None
        exchange = exchange or self._without_request(stream)
        self._counts.open += 1
        if message.is_final:
            self._counts.responses += 1
            exchange.response = message
        else:
            self._counts.informational += 1
            exchange.add_informational(message)
        return exchange.request

    def interim(self, response: Response) -> None:
        """Takes an informational response that shows that the response before it was informational too."""
        exchange = self._open.get(response.place[STREAM])
        if exchange is not None:
            self._counts.open += 1
            self._counts.informational += 1
            exchange.add_informational(response)

    def finish(self, message: Message) -> None:
        """Notes that a message has ended. The exchange ends when both halves have ended."""
        stream = message.place[STREAM]
        exchange = self._open.get(stream)
        if exchange is None or exchange.response is None or exchange.response.end_ns is None:
            return
        if exchange.request is None or exchange.request.end_ns is not None:
            del self._open[stream]
            self._complete(exchange)

    def repeat(self) -> None:
        """Notes a retransmission. It counts for all open exchanges, because it delays all streams."""
        self._repeats += 1

    def lose(self, problem: Problem) -> None:
        """Notes that messages may be missing, and why."""
        self._lost = problem

    def leave(self, stream: int, problem: Problem) -> None:
        """Ends the exchange of a stream, and notes why. Does nothing if none is open."""
        exchange = self._open.pop(stream, None)
        if exchange is None:
            return
        if exchange.response is None:
            exchange.add_problems(*filter(None, (Problem.NO_RESPONSE, problem, self._lost)))
        self._complete(exchange)

    def close(self, problem: Problem) -> None:
        """Ends all exchanges, as no more messages follow."""
        for exchange in self.open:
            assert exchange.stream is not None  # it is by its stream that it is open
            self.leave(exchange.stream, problem)

    def pair(self, number: int, request: Request, response: Response) -> None:
        """Takes both halves of an exchange that has ended.

        Args:
            number: the number of the exchange on its connection.
            request, response: the halves.
        """
        exchange = Exchange(self._connection, number, request, response)
        exchange.stream = request.place[STREAM]
        counts = self._counts
        counts.requests += 1
        counts.responses += 1
        counts.paired += 2
        counts.exchanges += 1
        self._emit(exchange)

    def _note_client(self, end: int) -> None:
        if self._connection.client_end is None:
            self._connection.client_end = end

    def _start(self, stream: int) -> Exchange:
        if len(self._open) >= OPEN_STREAMS_MAX:
            for oldest in list(islice(self._open, 1 + OPEN_STREAMS_MAX // EVICTED_PART)):
                self.leave(oldest, Problem.EVICTED)
        self._number += 1
        exchange = self._open[stream] = Exchange(self._connection, self._number, None, None)
        exchange.stream = stream
        if self._repeats:
            self._repeats_before[stream] = self._repeats
        return exchange

    def _complete(self, exchange: Exchange) -> None:
        if self._repeats and exchange.stream is not None:
            exchange.retransmissions += self._repeats - self._repeats_before.pop(exchange.stream, 0)
        super()._complete(exchange)

    def _without_request(self, stream: int) -> Exchange:
        exchange = self._start(stream)
        exchange.add_problems(Problem.NO_REQUEST)
        if self._lost is not None:
            exchange.add_problems(self._lost)
        elif not self._is_whole:
            exchange.add_problems(Problem.MID_STREAM)
        return exchange


def _place(exchange: Exchange) -> int:
    return exchange.conn_seq
