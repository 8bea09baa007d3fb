"""What begins like HTTP is followed, and nothing else is."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from sockfilter.protocols.http1.head import METHODS
from tests.support.frames import RESPONSE, Talk, over_ipv4, over_ipv6

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cable import Cable

# PRI is the beginning of HTTP/2 and of nothing else (RFC 9113, 3.4)
HTTP1_METHODS = sorted(set(METHODS.values()) - {"PRI"})
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
# HEADERS of stream 1: GET / over http; 200
GET_2 = b"\0\0\3\1\5\0\0\0\1\x82\x84\x86"
OK_2 = b"\0\0\1\1\5\0\0\0\1\x88"
# no registry has them: any token may be a method (RFC 9110, 9.1)
OTHER_METHODS = ["FROBNICATE", "BREW", "GETX", "GE", "Get", "get", "a", "FIFTEEN-LETTERS"]
NOT_HTTP = {
    "method and a tab": b"GET\t/ HTTP/1.1\r\n\r\n",
    "method and an end of line": b"GET\r\n",
    "space in front": b" GET / HTTP/1.1\r\n\r\n",
    "sixteen letters": b"SIXTEEN-LETTERS- / HTTP/1.1\r\n\r\n",
    "word without a space": b"EHLO",
    "word and a byte of no ASCII": b"G\xc9T / HTTP/1.1\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303"),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "redis": b"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n",
    "zeros": bytes(64),
    "one byte": b"\xff",
}
# a word and a space, which is all that the kernel looks for at the beginning of a connection
WORDS_OF_OTHERS = {
    "lower case": b"get key\r\n",
    "command of chat": b"PRIVMSG someone :hello\r\n",
    "response of version 2": b"HTTP/2 200\r\n\r\n",
    "response of another protocol": b"HTTPS/1.1 200\r\n\r\n",
    "smtp": b"EHLO host.example\r\n",
    "smtp server": b"220 mail.example ESMTP\r\n",
    "pop3 server": b"+OK ready\r\n",
    "redis by hand": b"SET key value\r\n",
    "rtsp": b"DESCRIBE rtsp://host.example/film RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "sip": b"INVITE sip:someone@host.example SIP/2.0\r\n\r\n",
}


def talks(envelope: object = over_ipv4) -> Iterator[Talk]:
    """Connections, each from a port of its own."""
    return (Talk(envelope, (port, 8000)) for port in count(40000))


@pytest.mark.parametrize("from_syn", [True, False], ids=["from SYN", "mid-stream"])
@pytest.mark.parametrize("envelope", [over_ipv4, over_ipv6])
def test_every_registered_method(cable: Cable, from_syn: bool, envelope: object) -> None:
    frames: list[bytes] = []
    for method, talk in zip(HTTP1_METHODS, talks(envelope), strict=False):
        opening = talk.opening()
        frames += opening if from_syn else []
        frames += [talk.client(f"{method} /{method} HTTP/1.1\r\n\r\n".encode()), talk.server(NO_CONTENT)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        exchanges = capture.exchanges
    assert sorted(exchange.request.method for exchange in exchanges) == HTTP1_METHODS
    assert all(exchange.request.target == f"/{exchange.request.method}" for exchange in exchanges)
    assert all(exchange.complete for exchange in exchanges)


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_stays_in_the_kernel(cable: Cable, data: bytes) -> None:
    """From the SYN on and in mid-stream, whichever end sends it first."""
    frames: list[bytes] = []
    for first, talk in zip((0, 1, 0, 1), talks(), strict=False):
        opening = talk.opening()
        frames += opening if talk.ports[0] % 4 < 2 else []
        frames += [talk.frame(first, data), talk.frame(1 - first, data), *talk.closing()]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
    packets = capture.ledger.packets
    assert packets["not_http"] == 8
    assert packets["sent"] == packets["followed"] == 0
    assert not capture.exchanges


@pytest.mark.parametrize("data", WORDS_OF_OTHERS.values(), ids=WORDS_OF_OTHERS.keys())
@pytest.mark.parametrize("end", [0, 1], ids=["client first", "server first"])
def test_word_that_is_no_method_is_let_go_with_the_first_line(cable: Cable, end: int, data: bytes) -> None:
    talk = Talk()
    with cable.capture() as capture:
        cable.pass_by(capture, *talk.opening(), talk.frame(end, data))
        assert capture.ledger.messages.rejected == 1
        sent = capture.ledger.packets["sent"]
        cable.pass_by(capture, talk.frame(1 - end, data), talk.frame(end, data))
    assert capture.ledger.packets["sent"] == sent
    assert capture.ledger.packets["not_http"] == 2
    assert not capture.exchanges


@pytest.mark.parametrize("data", WORDS_OF_OTHERS.values(), ids=WORDS_OF_OTHERS.keys())
def test_word_in_mid_stream_proves_nothing(cable: Cable, data: bytes) -> None:
    talk = Talk()
    with cable.capture() as capture:
        cable.pass_by(capture, talk.client(data), talk.server(data))
    assert capture.ledger.packets["not_http"] == 2
    assert not capture.exchanges


@pytest.mark.parametrize("method", OTHER_METHODS)
@pytest.mark.parametrize("heard", [(0, 1), (0,), (1,)], ids=["both ends", "client alone", "server alone"])
def test_method_of_no_registry_begins_a_connection(cable: Cable, heard: tuple[int, ...], method: str) -> None:
    talk = Talk()
    syn, answer, ack = talk.opening()
    request = talk.client(f"{method} /pot HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    sent = [(0, syn), (1, answer), (0, ack), (0, request), (1, talk.server(NO_CONTENT))]
    with cable.capture() as capture:
        cable.pass_by(capture, *(frame for end, frame in sent if end in heard))
    (exchange,) = capture.exchanges
    assert (exchange.request and exchange.request.method) == (method if 0 in heard else None)
    assert (exchange.response and exchange.response.status) == (204 if 1 in heard else None)
    assert exchange.complete == (heard == (0, 1))


@pytest.mark.parametrize("method", ["GET", "PATCH", "OPTIONS", "VERSION-CONTROL", "UPDATEREDIRECTREF"])
def test_method_cut_anywhere(cable: Cable, method: str) -> None:
    request = f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    cuts = range(1, len(method) + 2)
    frames: list[bytes] = []
    for cut, talk in zip(cuts, talks(), strict=False):
        frames += [*talk.opening(), talk.client(request[:cut]), talk.client(request[cut:]), talk.server()]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        exchanges = capture.exchanges
    assert [exchange.request.method for exchange in exchanges] == [method] * len(cuts)
    assert all(exchange.complete and not exchange.problems for exchange in exchanges)


def test_response_cut_anywhere_where_the_request_was_not_seen(cable: Cable) -> None:
    frames: list[bytes] = []
    cuts = range(1, len("HTTP/1.") + 1)
    for cut, talk in zip(cuts, talks(), strict=False):
        opening = talk.opening()
        talk.client()
        frames += [*opening, talk.server(RESPONSE[:cut]), talk.server(RESPONSE[cut:])]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        assert [exchange.response.status for exchange in capture.exchanges] == [200] * len(cuts)


@pytest.mark.parametrize(("first", "second"), [(b"GE", b"XX\r\n"), (b"GET", b"S nothing\r\n"), (b"P", b"\x00\x01\x02")])
def test_beginning_that_was_not_one_after_all(cable: Cable, first: bytes, second: bytes) -> None:
    talk = Talk()
    with cable.capture() as capture:
        cable.pass_by(capture, *talk.opening(), talk.client(first), talk.client(second))
        assert capture.ledger.messages.rejected == 1
        sent = capture.ledger.packets["sent"]
        cable.pass_by(capture, *(talk.client(b"more of it") for _ in range(5)), talk.server(b"and back"))
    assert capture.ledger.packets["sent"] == sent
    assert capture.ledger.packets["not_http"] == 6
    assert not capture.exchanges


def test_cut_method_in_mid_stream_proves_nothing(cable: Cable) -> None:
    talk = Talk()
    with cable.capture() as capture:
        cable.pass_by(capture, talk.client(b"GE"), talk.client(b"T / HTTP/1.1\r\n\r\n"))
    assert capture.ledger.packets["not_http"] == 2


@pytest.mark.parametrize("from_syn", [True, False], ids=["from SYN", "mid-stream"])
def test_http2_is_followed_from_its_preface_on(cable: Cable, from_syn: bool) -> None:
    talk = Talk()
    opening = talk.opening() if from_syn else []
    with cable.capture() as capture:
        cable.pass_by(capture, *opening, talk.client(PREFACE + SETTINGS), talk.server(SETTINGS))
        assert capture.ledger.messages.http2 == 1
        cable.pass_by(capture, talk.client(GET_2), talk.server(OK_2))
        (exchange,) = capture.exchanges
    assert (exchange.request.method, exchange.response.status, exchange.stream) == ("GET", 200, 1)
    assert capture.ledger.packets["not_http"] == 0


def test_server_of_http2_that_speaks_first(cable: Cable) -> None:
    talk = Talk()
    with cable.capture() as capture:
        cable.pass_by(capture, *talk.opening(), talk.server(SETTINGS), talk.client(PREFACE + GET_2), talk.server(OK_2))
        (exchange,) = capture.exchanges
    assert (exchange.request.method, exchange.response.status, exchange.complete) == ("GET", 200, True)
