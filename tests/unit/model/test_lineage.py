"""Links between the exchange that a process serves and those that it makes meanwhile: right, or absent."""

from __future__ import annotations

from sockfilter.model import Exchange
from sockfilter.model.connection import Connection, Endpoint
from sockfilter.model.lineage import link
from sockfilter.model.message import Request, Response
from sockfilter.model.process import Process
from sockfilter.protocols.http1 import head as heads

PROXY, APP, CLIENT = (Process(number, number, name) for number, name in ((10, "proxy"), (20, "app"), (30, "curl")))
_numbers = iter(range(1, 10_000))


def exchange(
    began: int, answered: int | None, client: Process | None, server: Process | None, fields: str = ""
) -> Exchange:
    number = next(_numbers)
    ends = (Endpoint("10.0.0.1", 10_000 + number), Endpoint("10.0.0.2", 80))
    request = Request(heads.read(f"GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode()), began, (0, 0), began)
    response = None
    if answered is not None:
        response = Response(heads.read(b"HTTP/1.1 204 No Content\r\n\r\n"), answered, (0, 0), answered)
    made = Exchange(Connection(number, "lo", ends, 0), 1, request, response)
    made.id = number
    made.processes = (client, server)
    return made


def test_the_only_exchange_that_the_process_served() -> None:
    outer, inner = exchange(0, 100, CLIENT, PROXY), exchange(10, 90, PROXY, APP)
    link([inner, outer])
    assert inner.parent == (outer, "process")
    assert outer.parent is None


def test_two_could_be_the_parent() -> None:
    outers = [exchange(0, 100, CLIENT, PROXY), exchange(5, 110, CLIENT, PROXY)]
    inner = exchange(10, 90, PROXY, APP)
    link([*outers, inner])
    assert inner.parent is None


def test_the_trace_tells_which() -> None:
    trace = "traceparent: 00-{}-00f067aa0ba902b7-01\r\n".format
    outers = [exchange(0, 100, CLIENT, PROXY, trace("a" * 32)), exchange(5, 110, CLIENT, PROXY, trace("b" * 32))]
    inner = exchange(10, 90, PROXY, APP, f"traceparent: 00-{'b' * 32}-1111111111111111-01\r\n")
    link([*outers, inner])
    assert inner.parent == (outers[1], "trace")


def test_another_trace_is_another_exchange() -> None:
    outer = exchange(0, 100, CLIENT, PROXY, "X-Request-Id: one\r\n")
    inner = exchange(10, 90, PROXY, APP, "X-Request-Id: two\r\n")
    link([outer, inner])
    assert inner.parent is None


def test_an_exchange_that_was_answered_before_is_no_parent() -> None:
    outer = exchange(0, 50, CLIENT, PROXY)
    for inner in (exchange(60, 90, PROXY, APP), exchange(40, 60, PROXY, APP), exchange(-5, 30, PROXY, APP)):
        link([outer, inner])
        assert inner.parent is None


def test_one_that_is_not_answered_may_be_the_parent() -> None:
    unanswered, outer = exchange(0, None, CLIENT, PROXY), exchange(5, 100, CLIENT, PROXY)
    inner = exchange(10, 90, PROXY, APP)
    link([unanswered, outer, inner])
    assert inner.parent is None


def test_without_processes_the_address_and_the_trace_together() -> None:
    outer = exchange(0, 100, None, None, "X-Request-Id: one\r\n")
    inner = exchange(10, 90, None, None, "X-Request-Id: one\r\n")
    inner.connection.ends = (Endpoint("10.0.0.2", 5000), Endpoint("10.0.0.3", 80))
    link([outer, inner])
    assert inner.parent == (outer, "trace")
    inner.connection.ends = (Endpoint("10.0.0.9", 5000), Endpoint("10.0.0.3", 80))
    link([outer, inner])
    assert inner.parent is None


def test_three_generations() -> None:
    first, second, third = exchange(0, 100, CLIENT, PROXY), exchange(1, 99, PROXY, APP), exchange(2, 98, APP, None)
    link([third, first, second])
    assert third.parent == (second, "process")
    assert second.parent == (first, "process")
