"""requests: sessions, and all that they add."""

from __future__ import annotations

import json

import pytest
import requests

from sockfilter import ExpectationFailed
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import LINES, ORDERS, SLOW_S, TIMEOUT_S, Shop


def test_json_with_a_query_and_a_token(wire: Wire, shop: Shop):
    answer = requests.post(
        shop.url("/orders"),
        params={"dry": "yes", "tag": ["a&b", "ü"]},
        json={"item": "tea", "sugar": None},
        headers={"Authorization": "Bearer t0ken"},
        timeout=TIMEOUT_S,
    )
    exchange = wire.expect(
        shop.here,
        method="POST",
        path="/orders",
        query={"dry": "yes", "tag": ["a&b", "ü"]},
        request_header={"authorization": "Bearer t0ken"},
        request_json={"item": "tea", "sugar": None},
        status=answer.status_code,
    ).once()
    assert exchange.response.json() == answer.json()
    assert exchange.request.target == "/orders?dry=yes&tag=a%26b&tag=%C3%BC"


def test_a_session_keeps_its_connection_and_its_cookie(wire: Wire, shop: Shop):
    with requests.Session() as session:
        session.get(shop.url("/login"), timeout=TIMEOUT_S)
        session.get(shop.url("/packed"), timeout=TIMEOUT_S)
    found = wire.expect(shop.here).in_order({"path": "/login"}, {"path": "/orders"}, {"path": "/packed"})
    assert [exchange.conn_seq for exchange in found] == [1, 2, 3]
    assert found[2].request.headers["cookie"] == "session=s3cr3t"
    assert found[2].response.json() == ORDERS


def test_a_file_in_parts(wire: Wire, shop: Shop):
    content = bytes(range(256)) * 8
    requests.post(shop.url("/orders"), files={"photo": ("tea.png", content, "image/png")}, timeout=TIMEOUT_S)
    exchange = wire.one(shop.here, method="POST", request_body=lambda body: content in body)
    assert exchange.request.headers["content-type"].startswith("multipart/form-data; boundary=")


def test_a_generator_goes_in_chunks(wire: Wire, shop: Shop):
    requests.post(shop.url("/orders"), data=iter([b"one ", b"two"]), timeout=TIMEOUT_S)
    wire.expect(
        shop.here, request_header={"transfer-encoding": "chunked", "content-length": None}, request_body=b"one two"
    ).once()


def test_a_stream_of_lines(wire: Wire, shop: Shop):
    with requests.get(shop.url("/stream"), stream=True, timeout=TIMEOUT_S) as answer:
        lines = [line + b"\n" for line in answer.iter_lines()]
    assert lines == LINES
    assert wire.one(shop.here, path="/stream").response.body == b"".join(LINES)


def test_patience(wire: Wire, shop: Shop):
    answer = requests.get(shop.url("/slow"), timeout=TIMEOUT_S)
    exchange = wire.one(shop.here, path="/slow", duration=lambda seconds: seconds >= SLOW_S)
    # requests measures from before it connects until the head has come
    assert exchange.timing.wait <= answer.elapsed.total_seconds()


def test_words_of_what_was_expected_in_vain(wire: Wire, shop: Shop):
    requests.post(
        shop.url("/orders"),
        json={"item": "coffee"},
        headers={"Cookie": "session=s3cr3t"},
        timeout=TIMEOUT_S,
    )
    with pytest.raises(ExpectationFailed) as failed:
        wire.one(shop.here, path="/orders", request_json={"item": "tea"}, request_header={"cookie": "session=other"})
    words = str(failed.value)
    assert "once; there were none" in words
    assert json.dumps("coffee").strip('"') in words
    assert "s3cr3t" not in words
