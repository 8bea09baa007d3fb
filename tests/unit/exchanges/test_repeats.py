"""Which exchange a retransmission is counted on."""

from __future__ import annotations

import time
from collections import deque

import pytest

from sockfilter.exchanges.repeats import answered_at, asked_at
from sockfilter.model import Connection, Endpoint, Exchange, Request, Response
from tests.support.exchanges import answers, asks

CONNECTION = Connection(1, "test0", (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80)))
HIGH = (1 << 32) - 10


def asked(seq: int) -> Exchange:
    return Exchange(CONNECTION, 1, Request(asks("/"), 0, (seq & 0xFFFFFFFF, 1)), None)


def response(seq: int, status: int = 200) -> Response:
    return Response(answers(status), 0, (seq & 0xFFFFFFFF, 1))


@pytest.mark.parametrize("base", [0, 1000, HIGH])
@pytest.mark.parametrize(
    ("at", "expected"), [(-1, None), (0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (29, 2), (999_999, 2)]
)
def test_the_last_request_that_began_before(base: int, at: int, expected: int | None):
    exchanges = [asked(base + 10 * i) for i in range(3)]
    found = asked_at(exchanges, (base + at) & 0xFFFFFFFF)
    assert found is (None if expected is None else exchanges[expected])


def test_no_request_is_open():
    assert asked_at([], 5) is None


def test_thousands_of_requests_are_not_gone_through():
    exchanges = deque(asked(10 * i) for i in range(10_000))
    began = time.perf_counter()
    for i in range(1000):
        assert asked_at(exchanges, 10 * i + 50_000) is exchanges[i + 5000]
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("base", [0, 1000, HIGH])
def test_responses_from_their_first_byte_on(base: int):
    exchange = asked(1)
    exchange.informational = (response(base + 10, 100), response(base + 20, 103))
    exchange.response = response(base + 30)
    for at, is_its in [(9, False), (10, True), (25, True), (35, True)]:
        assert (answered_at(exchange, (base + at) & 0xFFFFFFFF) is exchange) == is_its
    exchange.informational = ()
    assert answered_at(exchange, (base + 29) & 0xFFFFFFFF) is None


def test_no_response_has_begun():
    assert answered_at(None, 5) is None
    assert answered_at(asked(1), 5) is None
