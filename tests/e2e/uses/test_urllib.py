"""urllib in the test's own process: a connection for each request."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import pytest

import sockfilter
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import ORDERS, TIMEOUT_S, Shop


def ask(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return answer.read()


def test_as_a_context_manager(shop: Shop):
    with sockfilter.capture("lo", ports=shop.port) as capture:
        assert json.loads(ask(shop.url("/orders"))) == ORDERS
        exchange = capture.one(path="/orders")
    assert exchange.request.headers["connection"] == "close"
    assert exchange.response.headers["content-type"] == "application/json"
    assert 0 < exchange.timing.wait < TIMEOUT_S
    assert capture.ledger.is_balanced


def test_a_form(wire: Wire, shop: Shop):
    ask(urllib.request.Request(shop.url("/orders"), data=b"item=tea&milk=no"))
    exchange = wire.expect(shop.here, method="POST", request_body="item=tea&milk=no", status=201).once()
    assert exchange.request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_an_error_is_an_answer_too(wire: Wire, shop: Shop):
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(shop.url("/nowhere"))
    # the error comes with the head: the body may still be on its way
    with error.value as answer:
        answer.read()
    assert wire.one(shop.here, status=404).response.json() == {"error": "not here"}


def test_each_has_a_connection_of_its_own(wire: Wire, shop: Shop):
    for _ in range(5):
        ask(shop.url("/orders"))
    found = wire.expect(shop.here, path="/orders", status=200).times(5)
    assert len({exchange.connection.number for exchange in found}) == 5


def test_waiting_for_what_another_thread_does(wire: Wire, shop: Shop):
    asking = threading.Thread(target=ask, args=(shop.url("/slow?by=thread"),))
    asking.start()
    exchange = wire.wait_for(shop.here, path="/slow", query={"by": "thread"})
    asking.join()
    assert exchange.response.json() == ORDERS


def test_one_after_the_other_as_they_end(shop: Shop):
    with sockfilter.capture("lo", ports=shop.port) as capture:
        asking = threading.Thread(target=lambda: [ask(shop.url(f"/orders?n={i}")) for i in range(5)])
        asking.start()
        found = []
        for exchange in capture:
            found.append(exchange.request.target)
            if len(found) == 5:
                break
        asking.join()
    assert found == [f"/orders?n={i}" for i in range(5)]
