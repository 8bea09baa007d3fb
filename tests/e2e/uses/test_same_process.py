"""A server and its clients in the test's own process, down to bare sockets."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable

import pytest

import sockfilter
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import ORDERS, TIMEOUT_S, Shop

THREADS = 4
EACH = 10


def test_a_connection_that_is_kept(wire: Wire, shop: Shop):
    connection = http.client.HTTPConnection(shop.authority, timeout=TIMEOUT_S)
    for method, target in (("HEAD", "/orders"), ("GET", "/stream"), ("DELETE", "/orders/7"), ("GET", "/packed")):
        connection.request(method, target)
        connection.getresponse().read()
        # while the connection is open
        wire.expect(shop.here, method=method, path=target).once()
    connection.close()
    found = wire.all(shop.here)
    assert [exchange.conn_seq for exchange in found] == [1, 2, 3, 4]
    assert [exchange.problems for exchange in found] == [()] * 4


def test_requests_before_the_first_answer(wire: Wire, shop: Shop):
    """As pipelining clients do it: all in one segment, and the answers in order."""
    asked = b"".join(
        b"%b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (line, more)
        for line, more in (
            (b"GET /orders?n=1", b""),
            (b"POST /orders?n=2", b"Content-Length: 3\r\n"),
            (b"abcGET /stream?n=3", b""),
            (b"GET /packed?n=4", b"Connection: close\r\n"),
        )
    )
    with socket.create_connection(("127.0.0.1", shop.port), timeout=TIMEOUT_S) as client:
        client.sendall(asked)
        while client.recv(65536):
            pass
    found = wire.expect(shop.here).times(4)
    assert [exchange.request.query["n"] for exchange in found] == [["1"], ["2"], ["3"], ["4"]]
    assert [exchange.response.status for exchange in found] == [200, 201, 200, 200]
    assert wire.one(shop.here, request_body=b"abc").request.method == "POST"
    assert len({exchange.client for exchange in found}) == 1


def test_threads_at_once(wire: Wire, shop: Shop):
    def work(number: int) -> None:
        connection = http.client.HTTPConnection(shop.authority, timeout=TIMEOUT_S)
        for i in range(EACH):
            connection.request("GET", f"/orders?thread={number}&i={i}", headers={"X-Thread": str(number)})
            connection.getresponse().read()
            wire.one(shop.here, query={"thread": str(number), "i": str(i)})
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(THREADS):
        found = wire.expect(shop.here, request_header={"x-thread": number}).times(EACH)
        assert [exchange.request.query["i"] for exchange in found] == [[str(i)] for i in range(EACH)]
    assert wire.losses() == {}


def test_an_interim_answer(wire: Wire, shop: Shop):
    with socket.create_connection(("127.0.0.1", shop.port), timeout=TIMEOUT_S) as client:
        client.sendall(
            b"POST /orders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")
        wire.none(shop.here)
        client.sendall(b"{}")
        while client.recv(65536):
            pass
    exchange = wire.one(shop.here, request_json={}, status=201)
    assert [response.status for response in exchange.informational] == [100]


def test_a_question_without_an_answer(wire: Wire, shop: Shop):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as client:
            client.sendall(b"GET /nobody HTTP/1.1\r\nHost: x\r\n\r\n")
            wire.none(port=port)
            server.accept()[0].close()
            # what was not read makes it a reset
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    exchange = wire.one(port=port, status=None, complete=False)
    assert exchange.request.path == "/nobody"
    assert exchange.problems == ("no-response", "reset")


def test_bytes_that_are_no_http_are_no_exchange(wire: Wire):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as client, server.accept()[0] as peer:
            client.sendall(b"SSH-2.0-x\r\n")
            peer.sendall(b"SSH-2.0-y\r\n")
            client.recv(100)
    wire.none(port=port)


@pytest.mark.wire(body=8)
def test_a_body_that_is_cut_says_so(wire: Wire, shop: Shop):
    connection = http.client.HTTPConnection(shop.authority, timeout=TIMEOUT_S)
    connection.request("GET", "/orders")
    whole = connection.getresponse().read()
    connection.close()
    exchange = wire.one(shop.here)
    assert exchange.response.body == whole[:8]
    assert exchange.response.body.is_cut
    with pytest.raises(sockfilter.BodyError, match=f"8 of {len(whole)} bytes were kept; body=None keeps all"):
        exchange.response.json()
    wire.none(shop.here, response_json=ORDERS)


def test_wires_beside_each_other(wire_factory: Callable[..., Wire], shop: Shop):
    mine, other = wire_factory(ports=shop.port), wire_factory(ports=1)
    anywhere = wire_factory("any", host="127.0.0.1", ports=[shop.port])
    connection = http.client.HTTPConnection(shop.authority, timeout=TIMEOUT_S)
    connection.request("GET", "/orders")
    connection.getresponse().read()
    connection.close()
    assert mine.one().response.json() == ORDERS
    assert anywhere.one().connection.interface == "lo"
    other.none()
