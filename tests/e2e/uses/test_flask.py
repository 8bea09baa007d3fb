"""A Flask application under test, and the service that it asks: what it says to both is on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
import requests
from werkzeug.serving import make_server

from sockfilter import ExpectationFailed, Where
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import TIMEOUT_S, Shop, in_thread


def checkout(shop: Shop) -> flask.Flask:
    """Takes a cart, and orders what is in it from the shop."""
    app = flask.Flask(__name__)

    @app.post("/checkout")
    def pay() -> tuple[dict[str, object], int]:
        cart = flask.request.get_json()
        orders = [
            requests.post(
                shop.url("/orders"),
                json={"item": item},
                headers={"Idempotency-Key": f"{cart['cart']}-{i}"},
                timeout=TIMEOUT_S,
            ).json()["id"]
            for i, item in enumerate(cart["items"])
        ]
        return {"orders": orders}, 201

    @app.get("/report")
    def report() -> flask.Response:
        return flask.Response((f"row {i}\n" for i in range(3)), mimetype="text/csv")

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError

    return app


@pytest.fixture(scope="module")
def base(shop: Shop) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, checkout(shop), threaded=True)
    with in_thread(server):
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def app(base: str) -> Where:
    return Where(host=base.removeprefix("http://"))


def test_it_orders_each_item_once(wire: Wire, base: str, app: Where, shop: Shop):
    answer = requests.post(f"{base}/checkout", json={"cart": 5, "items": ["tea", "milk"]}, timeout=TIMEOUT_S)
    assert answer.json() == {"orders": [9, 9]}
    asked, tea, milk = wire.expect().in_order(
        Where(app, path="/checkout"),
        Where(shop.here, request_json={"item": "tea"}, request_header={"idempotency-key": "5-0"}),
        Where(shop.here, request_json={"item": "milk"}, request_header={"idempotency-key": "5-1"}),
    )
    wire.expect(shop.here, method="POST", status=201).times(2)
    # the answer waits for both orders
    assert asked.timing.total > tea.timing.total + milk.timing.total
    assert asked.response.status == 201


def test_it_orders_nothing_for_an_empty_cart(wire: Wire, base: str, shop: Shop):
    requests.post(f"{base}/checkout", json={"cart": 6, "items": []}, timeout=TIMEOUT_S)
    wire.none(shop.here)
    with pytest.raises(ExpectationFailed, match="at least once; there were none"):
        wire.expect(shop.here).at_least(1)


def test_a_report_is_streamed(wire: Wire, base: str, app: Where):
    requests.get(f"{base}/report", timeout=TIMEOUT_S)
    exchange = wire.one(app, path="/report", response_header={"content-type": "text/csv; charset=utf-8"})
    assert exchange.response.text == "row 0\nrow 1\nrow 2\n"


def test_what_is_broken_says_so(wire: Wire, base: str, app: Where, caplog: pytest.LogCaptureFixture):
    requests.get(f"{base}/broken", timeout=TIMEOUT_S)
    wire.expect(app, status=range(500, 600)).once()
    assert "RuntimeError" in caplog.text
