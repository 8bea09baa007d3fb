"""Statistics: routes, percentiles within their error, bounds, and the same from numbers and from exchanges."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.errors import InvalidArgument
from sockfilter.model import Body
from sockfilter.statistics.as_dict import statistics_line
from sockfilter.statistics.collector import Collector
from sockfilter.statistics.keys import KEYS, names_of
from sockfilter.statistics.output import StatisticsOutput
from sockfilter.statistics.routes import folded, router
from sockfilter.statistics.spread import ERROR, SHORTEST_NS, Spread
from sockfilter.statistics.table import table
from tests.support.exchanges import Collected, exchange

MS = 1_000_000


def asked(target: str, status: int = 200, size: int = 5, method: str = "GET"):
    request = f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    response = f"HTTP/1.1 {status} X\r\n\r\n".encode()
    return exchange(request, response, Body(size, size, b""))


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/", "/"),
        ("/users/17", "/users/{id}"),
        ("/users/17/orders/4?page=2", "/users/{id}/orders/{id}"),
        ("/f/6fa459ea-ee8a-3ca4-894e-db77e160355e", "/f/{uuid}"),
        ("/blob/d41d8cd98f00b204e9800998ecf8427e", "/blob/{hash}"),
        ("/commit/1a2b3c4", "/commit/{hash}"),
        ("/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/{hash}"),
        ("/v1/facade/decade", "/v1/facade/decade"),  # letters that are hexadecimal digits
        ("/2024/report.pdf", "/{id}/report.pdf"),
        ("/temperature/-3.5", "/temperature/{id}"),
        ("http://other:80/a/1", "/a/{id}"),
        ("/static/app.3f2a9c.js", "/static/app.3f2a9c.js"),
        ("*", "*"),
        ("proxy.example:443", "proxy.example:443"),
    ],
)
def test_a_path_is_folded(target: str, route: str):
    assert folded(target) == route


def test_routes_have_the_names_that_they_are_given():
    route = router(["/users/{name}/orders", "/files/**", "/a/*.json"])
    assert route("/users/ann/orders") == "/users/{name}/orders"
    assert route("/users/ann/orders/7") == "/users/ann/orders/{id}"
    assert route("/files/x/y/z") == "/files/**"
    assert route("/files") == "/files/**"
    assert route("/a/b.json?q") == "/a/*.json"


@pytest.mark.parametrize("template", ["users", "", "/a?b", "/a/{b", "/a/}b", "/**/x", "/a**", "/{a{b}}"])
def test_a_bad_route_is_refused(template: str):
    with pytest.raises(InvalidArgument):
        router([template])


@given(
    st.lists(st.integers(SHORTEST_NS, 10**13), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0])
)
def test_percentiles_are_within_their_error(values: list[int], quantile: float):
    spread = Spread()
    for value in values:
        spread.add(value)
    exact = sorted(values)[max(1, math.ceil(quantile * len(values))) - 1]
    found = spread.quantile_ns(quantile)
    assert found is not None
    assert abs(found - exact) <= ERROR * exact + 1


def test_memory_is_bounded():
    spread = Spread()
    chance = random.Random(1)
    for _ in range(20_000):
        spread.add(int(chance.lognormvariate(15, 9)))
    assert spread.count == 20_000
    assert len(spread.waiting) + len(spread._buckets) < 1300
    collector = Collector(limit=3)
    for number in range(10):
        collector.add(asked(f"/page{number}x"))
    assert len(collector.groups.by_name) == 3
    assert collector.groups.other is not None
    assert collector.groups.other.count == 7
    assert "(other): groups after the first 3, counted together" in table(collector)


def test_errors_and_bytes_are_counted():
    collector = Collector()
    for made in (asked("/a", 200), asked("/a", 404), asked("/a", 503, 7), exchange(b"GET /a HTTP/1.1\r\n\r\n", None)):
        collector.add(made)
    found = json.loads(statistics_line(collector))
    (group,) = found["groups"]
    assert (group["name"], group["count"], group["errors"]) == ("GET /a", 4, 3)
    assert group["statuses"] == {"none": 1, "2xx": 1, "4xx": 1, "5xx": 1}
    assert group["bytes"] == {"request": 0, "response": 17}
    assert group["duration"]["count"] == 3
    assert group["duration"]["max"] == 3e-6
    assert found["largest"][0]["name"] == "GET /a 503"


def test_numbers_alone_say_the_same():
    """As the lane gives them."""
    slow, quick = Collector(), Collector()
    for number in range(50):
        made = asked(f"/users/{number}?key=abcdefgh{number}", 500 if number % 7 == 0 else 200, number)
        slow.add(made)
        request, response = made.request, made.response
        assert request is not None
        assert response is not None
        times = (request.start_ns, request.end_ns or 0, response.start_ns, response.end_ns or 0)
        heads, end = b"before" + request.raw + response.raw, 6 + len(request.raw)
        assert quick.take_figures(made.connection, heads, 6, end, *times, 0, response.body.wire_len)
    assert statistics_line(quick) == statistics_line(slow)
    assert "abcdefgh" not in statistics_line(quick)
    assert quick.figures_taken == 50


@pytest.mark.parametrize(
    ("request_head", "response_head"),
    [
        (b"GET /a b HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"GET /a HTTP/1.1\r\n\r\n", b"HTTP/1.1  200 OK\r\n\r\n"),
        (b"POST /a HTTP/1.1\r\nContent-Type: application/grpc-web\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
)
def test_what_is_unusual_needs_the_exchange(request_head: bytes, response_head: bytes):
    made = exchange()
    heads = request_head + response_head
    assert not Collector().take_figures(made.connection, heads, 0, len(request_head), 1, 2, 3, 4, 0, 0)


@pytest.mark.parametrize("name", ["route", *KEYS])
def test_every_key_names_a_group(name: str):
    collector = Collector((name,))
    collector.add(exchange())
    collector.add(exchange(request=None))
    collector.add(exchange(response=None))
    assert collector.groups.count == 3
    assert all(collector.groups.by_name)


def test_several_keys_at_once():
    collector = Collector(("host", "status"))
    collector.add(exchange())
    assert list(collector.groups.by_name) == ["x  200"]


def test_an_unknown_key_is_refused():
    with pytest.raises(InvalidArgument, match="did you mean status"):
        names_of("stauts")


def test_a_live_table_replaces_itself():
    sink = Collected()
    output = StatisticsOutput(sink, Collector(), screen=lambda: (60, 24))
    output.write(exchange())
    output.flush()
    first = sink.data
    output.close()
    assert sink.data.startswith(first)
    assert sink.data[len(first) :].startswith(b"\x1b[%dA\r\x1b[J" % first.count(b"\n"))
    assert all(len(line) <= 60 for line in first.decode().splitlines())


def test_a_short_terminal():
    sink = Collected()
    output = StatisticsOutput(sink, Collector(), screen=lambda: (60, 8))
    for number in range(30):
        output.write(asked(f"/page{number}x"))
    output.flush()
    assert sink.data.count(b"\n") <= 6


def test_nothing_seen():
    assert table(Collector()) == "no exchanges\n"
