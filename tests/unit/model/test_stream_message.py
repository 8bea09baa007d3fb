"""Messages without an answer."""

from __future__ import annotations

from sockfilter.model import Body, Connection, Endpoint, Problem, StreamMessage
from tests.support.exchanges import exchange

ENDS = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))


def test_it_knows_who_sent_it_and_when():
    found = exchange()
    message = StreamMessage(Connection(3, "lo", ENDS, 1), "websocket", 1, "text", 17, Body(2, 2, b"hi"), found)
    assert message.is_from_client
    assert (message.source, message.destination) == (ENDS[1], ENDS[0])
    message.clock_offset_ns = 1000
    assert message.start_ns == 1017
    assert (message.exchange, message.body, message.number) == (found, b"hi", 0)
    assert repr(message) == "<StreamMessage websocket text 10.0.0.1:80 > 10.0.0.2:40000>"


def test_what_is_odd_is_noted_once():
    message = StreamMessage(Connection(3, "lo", ENDS, 0), "sse", 1, "message", 17)
    message.add_problem(Problem.GAP)
    message.add_problem(Problem.GAP)
    assert message.problems == (Problem.GAP,)
    assert not message.is_from_client
