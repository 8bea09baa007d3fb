"""Which response answers which request."""

from __future__ import annotations

import pytest

from sockfilter.exchanges import in_order
from sockfilter.exchanges.in_order import OrderedPairing
from sockfilter.ledger import MessageCounts
from sockfilter.model import Connection, Endpoint, Exchange, Problem, Request, Response
from sockfilter.model.message import Message
from tests.support.exchanges import answers, asks

CLIENT, SERVER = 0, 1
RESYNCHRONISED, GAP = Problem.RESYNCHRONISED, Problem.GAP


class Pair:
    """A pairing, and messages for it by their positions: seq where one begins, ack what its sender had received."""

    def __init__(self, *, whole: bool = True) -> None:
        self.exchanges: list[Exchange] = []
        self.counts = MessageCounts()
        self.now_ns = 0
        ends = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))
        self.connection = Connection(1, "test0", ends, syn_ns=1 if whole else None)
        self.pairing = OrderedPairing(
            self.connection, (0, 0) if whole else (None, None), self.counts, self.exchanges.append
        )

    def begin(self, message: Message, end: int, resumed: bool) -> Request | None:
        if resumed:
            message.is_resumed = True
            message.add_problem(RESYNCHRONISED)
        return self.pairing.begin(message, end)

    def finish(self, message: Message) -> None:
        self.now_ns += 1
        message.end_ns = self.now_ns
        message.complete = True
        self.pairing.finish(message)

    def request(self, target: str, seq: int, ack: int, *, resumed: bool = False, ends: bool = True) -> Request:
        made = Request(asks(target), self.now_ns, (seq, ack))
        self.begin(made, CLIENT, resumed)
        if ends:
            self.finish(made)
        return made

    def response(self, status: int, seq: int, ack: int, *, resumed: bool = False, ends: bool = True) -> Response:
        made = Response(answers(status), self.now_ns, (seq, ack))
        self.begin(made, SERVER, resumed)
        if ends:
            self.finish(made)
        return made

    def lose(self, end: int) -> None:
        self.pairing.lose(end, True, GAP)

    def close(self, problem: Problem = Problem.CLOSED) -> list[tuple[str | None, int | None]]:
        """Targets and statuses of all exchanges."""
        self.pairing.close(problem)
        assert not self.counts.open
        messages = self.counts.requests + self.counts.responses + self.counts.informational
        assert messages == self.counts.paired + sum(self.counts.unpaired.values())
        return [(e.request and e.request.target, e.response and e.response.status) for e in self.exchanges]


def test_in_turns():
    pair = Pair()
    for i in range(3):
        pair.request(f"/{i}", 1 + 10 * i, 1 + 20 * i)
        pair.response(200 + i, 1 + 20 * i, 11 + 10 * i)
    assert pair.close() == [("/0", 200), ("/1", 201), ("/2", 202)]
    assert [exchange.conn_seq for exchange in pair.exchanges] == [1, 2, 3]
    assert pair.counts.paired == 6


def test_pipelined():
    pair = Pair()
    for i in range(3):
        pair.request(f"/{i}", 1 + 10 * i, 1)
    for i in range(3):
        pair.response(200 + i, 1 + 20 * i, 31)
    assert pair.close() == [("/0", 200), ("/1", 201), ("/2", 202)]


def test_the_request_of_a_response_is_told():
    pair = Pair()
    request = pair.request("/", 1, 1)
    response = Response(answers(200), 0, (1, 11))
    assert pair.begin(response, SERVER, False) is request
    pair.finish(response)
    assert pair.begin(Response(answers(408), 0, (21, 11)), SERVER, False) is None


def test_who_asks_is_the_client():
    pair = Pair()
    assert pair.connection.client_end is None
    pair.request("/", 1, 1)
    assert pair.connection.client_end == CLIENT
    other = Pair()
    other.response(200, 1, 1)
    assert other.connection.client_end == CLIENT


def test_informational_responses_do_not_answer():
    pair = Pair()
    pair.request("/", 1, 1)
    pair.response(100, 1, 11)
    pair.response(103, 21, 11)
    pair.response(200, 41, 11)
    assert pair.close() == [("/", 200)]
    assert [message.status for message in pair.exchanges[0].informational] == [100, 103]
    assert pair.counts.informational == 2
    assert pair.counts.paired == 4


def test_switching_protocols_answers():
    pair = Pair()
    pair.request("/", 1, 1)
    pair.response(101, 1, 11)
    assert pair.close() == [("/", 101)]


def test_only_informational_responses_leave_a_request_unanswered():
    pair = Pair()
    pair.request("/", 1, 1)
    pair.response(100, 1, 11)
    assert pair.close(Problem.RESET) == [("/", None)]
    assert pair.exchanges[0].problems == (Problem.NO_RESPONSE, Problem.RESET)
    assert pair.counts.unpaired == {"reset": 2}


def test_an_early_response_waits_for_its_request():
    pair = Pair()
    request = pair.request("/", 1, 1, ends=False)
    pair.response(413, 1, 5)
    assert not pair.exchanges
    pair.finish(request)
    assert pair.close() == [("/", 413)]
    assert pair.exchanges[0].problems == (Problem.EARLY_RESPONSE,)


def test_an_early_response_that_goes_on_longer_than_its_request():
    pair = Pair()
    request = pair.request("/", 1, 1, ends=False)
    response = pair.response(413, 1, 5, ends=False)
    pair.finish(request)
    assert not pair.exchanges
    pair.finish(response)
    assert pair.close() == [("/", 413)]


def test_an_early_response_whose_request_never_ends():
    pair = Pair()
    pair.request("/", 1, 1, ends=False)
    pair.response(413, 1, 5)
    assert pair.close() == [("/", 413)]
    assert not pair.exchanges[0].complete


def test_the_next_response_ends_the_wait_for_the_rest_of_a_request():
    pair = Pair()
    pair.request("/0", 1, 1, ends=False)
    pair.response(413, 1, 5)
    pair.request("/1", 50, 21)
    pair.response(201, 21, 60)
    assert pair.close() == [("/0", 413), ("/1", 201)]


def test_a_request_without_a_response():
    pair = Pair()
    pair.request("/", 1, 1)
    assert pair.close(Problem.IDLE) == [("/", None)]
    assert pair.exchanges[0].problems == (Problem.NO_RESPONSE, Problem.IDLE)
    assert pair.exchanges[0].reason is Problem.IDLE
    assert pair.counts.unpaired == {"idle": 1}


def test_a_response_without_a_request():
    pair = Pair()
    pair.response(200, 1, 1)
    assert pair.close() == [(None, 200)]
    assert pair.exchanges[0].problems == (Problem.NO_REQUEST,)


def test_a_response_whose_request_was_before_the_capture():
    pair = Pair(whole=False)
    pair.response(200, 1, 1)
    pair.request("/", 1, 21)
    pair.response(201, 21, 11)
    pair.response(202, 41, 11)
    assert pair.close() == [(None, 200), ("/", 201), (None, 202)]
    assert pair.exchanges[0].problems == (Problem.NO_REQUEST, Problem.MID_STREAM)
    assert pair.exchanges[2].problems == (Problem.NO_REQUEST,)


def test_informational_and_final_response_without_a_request():
    pair = Pair()
    pair.response(100, 1, 1)
    pair.response(200, 21, 1)
    assert pair.close() == [(None, 200)]
    assert len(pair.exchanges[0].informational) == 1


def test_informational_responses_alone():
    pair = Pair()
    pair.response(100, 1, 1)
    assert pair.close() == [(None, None)]
    assert pair.exchanges[0].problems == (Problem.NO_REQUEST, Problem.NO_RESPONSE, Problem.CLOSED)
    assert pair.exchanges[0].start_ns == 0


def test_a_response_from_before_the_request_came_is_not_its_own():
    """A server that tires of waiting says 408, and a request is under way."""
    pair = Pair()
    pair.request("/0", 1, 1)
    pair.response(200, 1, 11)
    pair.request("/1", 11, 21)
    pair.response(408, 21, 11)
    assert pair.close(Problem.RESET) == [("/0", 200), (None, 408), ("/1", None)]


def test_numbers_wrap():
    high = (1 << 32) - 5
    pair = Pair()
    pair.request("/0", high, high)
    pair.response(200, high, 5)
    pair.request("/1", 5, 15)
    pair.response(201, 15, 15)
    assert pair.close() == [("/0", 200), ("/1", 201)]


def test_so_many_requests_may_be_open(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(in_order, "OPEN_REQUESTS_MAX", 3)
    pair = Pair()
    for i in range(5):
        pair.request(f"/{i}", 1 + 10 * i, 1)
    assert [exchange.problems for exchange in pair.exchanges] == [(Problem.NO_RESPONSE, Problem.EVICTED)] * 2
    # whose this is cannot be said any more
    pair.response(200, 1, 51)
    assert pair.close()[2:] == [(None, 200), ("/2", None), ("/3", None), ("/4", None)]


def test_a_request_whose_response_has_begun_is_not_put_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(in_order, "OPEN_REQUESTS_MAX", 2)
    pair = Pair()
    pair.request("/0", 1, 1)
    response = pair.response(200, 1, 11, ends=False)
    for i in range(1, 4):
        pair.request(f"/{i}", 1 + 10 * i, 5)
    pair.finish(response)
    assert ("/0", 200) in pair.close()
    assert len(pair.exchanges) == 4
