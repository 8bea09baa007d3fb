"""Which response answers which request where messages name their stream."""

from __future__ import annotations

import pytest

from sockfilter.exchanges import by_stream
from sockfilter.exchanges.by_stream import StreamPairing
from sockfilter.ledger import MessageCounts
from sockfilter.model import Connection, Endpoint, Exchange, Message, Problem, Request, Response
from tests.support.exchanges import answers, asks

CLIENT, SERVER = 0, 1
ENDS = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))


class Streams:
    """A pairing, and messages for it by their streams."""

    def __init__(self, *, whole: bool = True) -> None:
        self.exchanges: list[Exchange] = []
        self.counts = MessageCounts()
        self.now_ns = 0
        self.connection = Connection(1, "test0", ENDS)
        isn = (0, 0) if whole else (None, None)
        self.pairing = StreamPairing(self.connection, isn, self.counts, self.exchanges.append)

    def _say(self, message: Message, end: int, ends: bool) -> Request | None:
        asked = self.pairing.begin(message, end)
        if ends:
            self.finish(message)
        return asked

    def finish(self, message: Message) -> None:
        self.now_ns += 1
        message.end_ns = self.now_ns
        message.complete = True
        self.pairing.finish(message)

    def request(self, stream: int, *, ends: bool = True, end: int = CLIENT) -> Request:
        made = Request(asks(f"/{stream}", version="2"), self.now_ns, (1, 1, stream))
        assert self._say(made, end, ends) is None
        return made

    def response(self, stream: int, status: int = 200, *, ends: bool = True) -> Request | None:
        return self._say(self.made(stream, status), SERVER, ends)

    def made(self, stream: int, status: int = 200) -> Response:
        return Response(answers(status, version="2"), self.now_ns, (1, 1, stream))

    def close(self, problem: Problem = Problem.CLOSED) -> list[tuple[str | None, int | None]]:
        self.pairing.close(problem)
        counts = self.counts
        assert not counts.open
        assert counts.exchanges == len(self.exchanges)
        assert counts.requests + counts.responses + counts.informational == counts.paired + counts.unpaired.total()
        return [(e.request and e.request.target, e.response and e.response.status) for e in self.exchanges]

    def problems(self) -> list[tuple[Problem, ...]]:
        return [exchange.problems for exchange in self.exchanges]


def test_responses_come_in_any_order():
    streams = Streams()
    requests = {stream: streams.request(stream) for stream in (1, 3, 5)}
    for stream in (3, 5, 1):
        assert streams.response(stream, 200 + stream) is requests[stream]
    assert streams.close() == [("/3", 203), ("/5", 205), ("/1", 201)]
    assert [exchange.conn_seq for exchange in streams.exchanges] == [2, 3, 1]
    assert streams.connection.client_end == CLIENT
    assert all(exchange.complete and not exchange.problems for exchange in streams.exchanges)


def test_informational_responses_do_not_answer():
    streams = Streams()
    streams.request(1)
    streams.response(1, 103)
    assert streams.pairing.open[0].informational[0].status == 103
    streams.response(1)
    assert streams.close() == [("/1", 200)]
    assert (streams.counts.informational, streams.counts.paired) == (1, 3)


def test_an_answer_before_the_end_of_its_request():
    streams = Streams()
    request = streams.request(1, ends=False)
    streams.response(1)
    assert not streams.exchanges
    streams.finish(request)
    assert streams.close() == [("/1", 200)]
    assert streams.problems() == [()]  # the streams of HTTP/2 are open in both directions


def test_a_response_without_a_request():
    streams = Streams()
    assert streams.response(7) is None
    assert streams.close() == [(None, 200)]
    assert streams.problems() == [(Problem.NO_REQUEST,)]
    assert streams.connection.client_end == CLIENT


@pytest.mark.parametrize(("whole", "why"), [(False, Problem.MID_STREAM), (True, Problem.GAP)])
def test_why_a_request_may_be_missing(whole: bool, why: Problem):
    streams = Streams(whole=whole)
    if whole:
        streams.pairing.lose(Problem.GAP)
    streams.response(7)
    assert streams.close() == [(None, 200)]
    assert streams.problems() == [(Problem.NO_REQUEST, why)]
    assert streams.counts.unpaired == {why.value: 1}


def test_a_stream_that_is_left():
    streams = Streams()
    streams.request(1)
    streams.request(3)
    streams.pairing.leave(1, Problem.RESET)
    streams.pairing.leave(9, Problem.RESET)
    assert streams.problems() == [(Problem.NO_RESPONSE, Problem.RESET)]
    assert streams.pairing.exchange(1) is None
    assert streams.pairing.exchange(3) is streams.pairing.open[0]
    assert streams.close(Problem.IDLE) == [("/1", None), ("/3", None)]
    assert streams.problems()[1] == (Problem.NO_RESPONSE, Problem.IDLE)
    assert streams.pairing.is_at_rest


def test_a_response_that_ends_with_the_connection_is_told():
    streams = Streams()
    streams.request(1)
    streams.response(1, ends=False)
    assert streams.close() == [("/1", 200)]
    assert not streams.exchanges[0].complete


def test_a_promised_request_is_sent_by_the_server():
    streams = Streams()
    streams.request(2, end=SERVER)
    assert streams.connection.client_end == CLIENT
    streams.response(2)
    assert streams.close() == [("/2", 200)]


def test_a_number_that_is_used_again():
    streams = Streams()
    streams.request(1)
    streams.request(1)
    streams.response(1, ends=False)
    streams.response(1, 500)
    assert streams.close() == [("/1", None), ("/1", 200), (None, 500)]
    assert streams.problems()[0] == (Problem.NO_RESPONSE, Problem.RESYNCHRONISED)


def test_what_ends_after_its_exchange_is_let_pass():
    streams = Streams()
    request = streams.request(1, ends=False)
    streams.pairing.leave(1, Problem.RESET)
    streams.finish(request)
    assert streams.close() == [("/1", None)]


def test_no_more_are_open_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(by_stream, "OPEN_STREAMS_MAX", 2)
    streams = Streams()
    for stream in (1, 3, 5):
        streams.request(stream)
    assert streams.problems() == [(Problem.NO_RESPONSE, Problem.EVICTED)]
    assert [exchange.request.target for exchange in streams.pairing.open] == ["/3", "/5"]
    assert streams.pairing.weight > 2 * 1024
    streams.close()


def test_numbers_go_on_behind_another_protocol():
    streams = Streams()
    streams.pairing.resume(1)
    streams.request(1)
    streams.response(1)
    assert streams.exchanges[0].conn_seq == 2
    assert streams.pairing.number == 2
    streams.close()


def test_bytes_that_are_no_message_are_counted():
    streams = Streams()
    streams.pairing.pass_by(5, is_opaque=False)
    streams.pairing.pass_by(7, is_opaque=True)
    assert (streams.counts.unread_bytes, streams.counts.opaque_bytes) == (5, 7)
