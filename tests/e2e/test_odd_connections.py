"""What happens to connections: resets, tunnels, pipelines, bytes one by one. Each exchange is what crossed the wire."""

from __future__ import annotations

import socket
import time

import pytest

import sockfilter
from tests.e2e.conversations import GET, OK, captured, captured_of, is_reset, problems
from tests.support.odd import answering, everything, head, reset, talking
from tests.support.servers import Site

pytestmark = pytest.mark.usefixtures("root")


METHODS = "GET HEAD POST PUT DELETE OPTIONS PATCH TRACE PROPFIND MKCOL M-SEARCH REPORT".split()


def test_every_method_and_the_shortest_messages():
    requests = [b"%b / HTTP/1.0\r\n\r\n" % method.encode() for method in METHODS]
    exchanges = captured(answering(*[b"HTTP/1.1 204 \r\n\r\n"] * len(METHODS)), *requests)
    assert [(e.request.method, e.response.status) for e in exchanges] == [(method, 204) for method in METHODS]
    assert all(e.complete for e in exchanges)


def test_a_reset_in_the_middle_of_a_body():
    def talk(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(OK[:-2])
        reset(connection)

    (exchange,) = captured_of(talk, is_reset)
    assert exchange.response.body == b"hel"
    assert (exchange.complete, problems(exchange)) == (False, ["reset"])


def test_a_reset_in_place_of_an_answer():
    def talk(connection: socket.socket) -> None:
        head(connection)
        reset(connection)

    (exchange,) = captured_of(talk, is_reset)
    assert exchange.response is None
    assert problems(exchange) == ["no-response", "reset"]


def test_a_client_that_goes_away_within_its_request():
    def leaves(site: Site) -> None:
        with site.connect() as connection:
            connection.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
            connection.shutdown(socket.SHUT_WR)
            everything(connection)

    (exchange,) = captured_of(everything, leaves)
    assert (exchange.request.target, exchange.request.body) == ("/a", b"half")
    assert "no-response" in problems(exchange)


def test_a_body_that_comes_in_drips():
    def talk(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(OK[:-5])
        for byte in b"hello":
            time.sleep(0.01)
            connection.sendall(bytes([byte]))

    (exchange,) = captured(talk, GET)
    assert exchange.response.body == b"hello"
    assert exchange.timing.receive >= 0.05


def test_a_request_that_comes_byte_by_byte():
    (exchange,) = captured(answering(OK), *(bytes([byte]) for byte in GET))
    assert exchange.request.raw == GET
    assert exchange.complete
    assert not problems(exchange)


def test_pipelined_requests_in_one_segment_and_answers_in_one():
    def talk(connection: socket.socket) -> None:
        for _ in range(3):
            head(connection)
        connection.sendall(b"".join(OK.replace(b"200", b"20%d" % i) for i in range(3)))

    exchanges = captured(talk, b"".join(GET.replace(b"/a", b"/%d" % i) for i in range(3)))
    assert [(e.request.target, e.response.status, e.conn_seq) for e in exchanges] == [
        ("/0", 200, 1),
        ("/1", 201, 2),
        ("/2", 202, 3),
    ]


def test_after_an_upgrade_nothing_is_read_as_http():
    def talk(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 this only looks so\r\n\r\n")

    exchanges = captured(talk, GET + b"GET not http at all\r\n\r\n")
    assert [(e.request.target, e.response.status) for e in exchanges] == [("/a", 101)]


def test_http_within_a_tunnel():
    def tunnels(site: Site) -> None:
        with site.connect() as connection:
            connection.sendall(b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n")
            head(connection)
            connection.sendall(GET)
            everything(connection)

    exchanges = captured_of(answering(b"HTTP/1.1 200 Connection established\r\n\r\n", OK), tunnels)
    assert [(e.request.method, e.response.status) for e in exchanges] == [("CONNECT", 200), ("GET", 200)]


@pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH_9.2\r\n", b"GETX /a RTSP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00"])
def test_what_is_not_http_is_not_reported(first):
    assert captured(lambda connection: connection.sendall(connection.recv(100)), first) == []


def test_a_connection_that_was_open_before():
    """A request before the capture: its answer stands alone. The next one is whole, but for the connect time."""
    with talking(answering(OK, OK)) as site, site.connect() as connection:
        connection.sendall(GET[:-1])
        with sockfilter.capture("lo", ports=site.port) as capture:
            connection.sendall(GET[-1:])
            connection.recv(len(OK), socket.MSG_WAITALL)
            connection.sendall(GET)
            connection.recv(len(OK), socket.MSG_WAITALL)
    alone, whole = capture.exchanges
    assert (alone.request, problems(alone)) == (None, ["no-request", "mid-stream"])
    assert (whole.request.target, whole.response.status, problems(whole)) == ("/a", 200, [])
    assert whole.timing.connect is None
