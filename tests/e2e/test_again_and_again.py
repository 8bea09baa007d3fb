"""Start a capture, ask once, flush: it is there, each time, without a pause anywhere."""

from __future__ import annotations

import http.client

import pytest

import sockfilter
from tests.e2e.conftest import THOROUGH
from tests.support.servers import Site


@pytest.mark.parametrize("times", [200, pytest.param(1000, marks=getattr(pytest.mark, THOROUGH))])
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


def ask(site: Site, target: str) -> int:
    connection = http.client.HTTPConnection(site.host, site.port, timeout=10)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
