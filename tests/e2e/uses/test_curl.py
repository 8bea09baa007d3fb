"""curl in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess

from sockfilter import Where
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import LINES, ORDERS, SLOW_S, TIMEOUT_S, Shop
from tests.support.skips import need_tool


def curl(*words: str) -> str:
    command = [need_tool("curl"), "--disable", "-sS", "--noproxy", "*", "--max-time", str(TIMEOUT_S), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_question_and_its_answer(wire: Wire, shop: Shop):
    curl(shop.url("/orders?state=open&tag=a&tag=b%20c"))
    exchange = wire.one(shop.here, method="GET", path="/orders", query={"state": "open", "tag": ["a", "b c"]})
    assert exchange.request.headers["user-agent"].startswith("curl/")
    assert exchange.request.host == "127.0.0.1"
    assert exchange.response.status == 200
    assert exchange.response.json() == ORDERS
    assert exchange.complete


def test_an_order_is_sent_once(wire: Wire, shop: Shop):
    curl(shop.url("/orders"), "--json", '{"item": "tea"}', "-H", "Idempotency-Key: 42")
    exchange = wire.expect(
        shop.here,
        method="POST",
        path="/orders",
        host=shop.authority,
        request_header={"Content-Type": "application/json", "idempotency-key": re.compile(r"^\d+$")},
        request_json={"item": "tea"},
        status=201,
        response_header={"location": "/orders/9"},
        duration=lambda seconds: seconds < TIMEOUT_S,
        problems=[],
    ).once()
    assert exchange.response.json()["got"] == len(exchange.request.body)
    wire.none(shop.here, method={"PUT", "PATCH"})


def test_several_on_one_connection(wire: Wire, shop: Shop):
    curl(*(shop.url(f"/orders?page={i}") for i in range(3)))
    found = wire.expect(shop.here, path="/orders").times(3)
    assert [(exchange.conn_seq, exchange.request.query["page"]) for exchange in found] == [
        (i + 1, [str(i)]) for i in range(3)
    ]
    assert len({exchange.client for exchange in found}) == 1
    assert [exchange.timing.connect is None for exchange in found] == [False, True, True]


def test_following_a_redirect(wire: Wire, shop: Shop):
    curl("--location", "--cookie-jar", "-", shop.url("/login"))
    login, orders = wire.expect(shop.here).in_order(
        Where(path="/login", status=302, response_header={"location": "/orders"}),
        {"path": "/orders", "request_header": {"cookie": "session=s3cr3t"}},
    )
    assert login.began_ns < orders.began_ns
    assert "s3cr3t" not in str(login) + str(orders)


def test_chunks_in_and_out(wire: Wire, shop: Shop):
    curl(shop.url("/orders"), "-H", "Transfer-Encoding: chunked", "-d", "a=1")
    said = curl(shop.url("/stream"))
    assert wire.one(shop.here, request_body="a=1").request.headers["transfer-encoding"] == "chunked"
    streamed = wire.one(shop.here, path="/stream")
    assert streamed.response.body == b"".join(LINES) == said.encode()
    assert "content-length" not in streamed.response.headers


def test_a_packed_answer_is_unpacked(wire: Wire, shop: Shop):
    assert json.loads(curl("--compressed", shop.url("/packed"))) == ORDERS
    exchange = wire.one(shop.here, path="/packed", response_header={"content-encoding": "gzip"}, response_json=ORDERS)
    assert exchange.response.body.wire_len != len(exchange.response.body)


def test_an_answer_until_the_connection_closes(wire: Wire, shop: Shop):
    assert curl(shop.url("/old")) == "until I close"
    assert wire.one(shop.here, path="/old", response_body=b"until I close").complete


def test_a_head_alone(wire: Wire, shop: Shop):
    curl("--head", shop.url("/orders"))
    exchange = wire.one(shop.here, method="HEAD", status=200)
    assert int(exchange.response.headers["content-length"]) > 0
    assert exchange.response.body == b""


def test_how_long_it_took(wire: Wire, shop: Shop):
    said = curl("-o", "/dev/null", "-w", "%{time_total} %{local_port}", shop.url("/slow")).split()
    exchange = wire.wait_for(shop.here, path="/slow", duration=lambda seconds: seconds >= SLOW_S)
    timing = exchange.timing
    assert SLOW_S <= timing.wait <= timing.total <= float(said[0])
    assert timing.connect < timing.total
    assert exchange.client.port == int(said[1])


def test_nothing_listens(wire: Wire, shop: Shop):
    done = subprocess.run([need_tool("curl"), "-sS", "http://127.0.0.1:9/"], capture_output=True, check=False)
    assert done.returncode
    wire.none(port=9)


def test_what_came_before_is_behind_the_mark(wire: Wire, shop: Shop):
    curl(shop.url("/orders"))
    after = wire.mark()
    curl("-X", "DELETE", shop.url("/orders/7"))
    assert [exchange.request.method for exchange in after.all(shop.here)] == ["DELETE"]
    assert after.one(shop.here).response.status == 204
    assert wire.expect(shop.here).at_least(2)
