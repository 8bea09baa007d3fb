"""Ask, look: it is there, each time, without a pause anywhere. With a new capture each time, and with the same."""

from __future__ import annotations

import http.client

import pytest

import sockfilter
from tests.e2e.conftest import THOROUGH
from tests.support.servers import Site


@pytest.mark.parametrize("times", [20, pytest.param(1000, marks=getattr(pytest.mark, THOROUGH))])
def test_one_capture_one_request_one_exchange(loopback, times):
    site = loopback.get("nginx")
    for i in range(times):
        with sockfilter.capture("lo", ports=site.port) as capture:
            assert ask(site, f"/small?{i}") == 200
            capture.flush()
            (exchange,) = capture.exchanges
        assert (exchange.request.target, exchange.response.status) == (f"/small?{i}", 200)
        assert (exchange.complete, exchange.problems) == (True, ())
        assert capture.exchanges == [exchange]
        assert capture.ledger.is_balanced, capture.ledger.imbalance


@pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=getattr(pytest.mark, THOROUGH))])
def test_one_request_one_exchange(loopback, times):
    site = loopback.get("nginx")
    with sockfilter.capture("lo", ports=site.port) as capture:
        for i in range(times):
            since = capture.mark()
            assert ask(site, f"/small?{i}") == 200
            exchange = since.one(path="/small", status=200)
            assert (exchange.request.target, exchange.problems) == (f"/small?{i}", ())
            if not i % 1000:
                capture.clear()
    assert capture.ledger.messages.exchanges == times
    assert capture.ledger.losses() == {}


def ask(site: Site, target: str) -> int:
    connection = http.client.HTTPConnection(site.host, site.port, timeout=60)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
