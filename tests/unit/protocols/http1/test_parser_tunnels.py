"""Connections that become something else: CONNECT, Upgrade, HTTP/2, and what was never HTTP."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from tests.support.dialogues import (
    CLIENT_HELLO,
    CONNECT,
    ESTABLISHED,
    GET,
    OK,
    SERVER_HELLO,
    SWITCHING,
    UPGRADE,
    request,
    response,
)
from tests.support.talk import CLIENT, SERVER, Dialogue, facts, read

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
# HEADERS with END_STREAM and END_HEADERS of stream 1, by entries of the static table: GET / over http; 200
GET_2 = b"\0\0\3\1\5\0\0\0\1\x82\x84\x86"
OK_2 = b"\0\0\1\1\5\0\0\0\1\x88"


def test_http_in_a_tunnel_is_read():
    tunnel, inner = read((CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET), (SERVER, OK))
    assert (tunnel.request.method, tunnel.response.status) == ("CONNECT", 200)
    assert (inner.request.target, inner.response.body) == ("/a", b"hello")
    assert (tunnel.conn_seq, inner.conn_seq) == (1, 2)
    assert not tunnel.problems
    assert not inner.problems


def test_tls_in_a_tunnel_is_not_read():
    dialogue = Dialogue().hear(
        [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, CLIENT_HELLO), (SERVER, SERVER_HELLO)]
    )
    dialogue.hear([(CLIENT, GET), (SERVER, OK)])
    (tunnel,) = dialogue.close()
    assert tunnel.complete
    assert not tunnel.problems


def test_a_tunnel_of_something_else_is_not_asked_for():
    dialogue = Dialogue().hear(
        [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, CLIENT_HELLO), (SERVER, SERVER_HELLO)]
    )
    assert {end for end, size in dialogue.announced if size > 1 << 60} == {CLIENT, SERVER}


def test_the_length_of_a_connect_does_not_count():
    """RFC 9110, 9.3.6: a client ignores it."""
    established = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchanges = read((CLIENT, CONNECT), (SERVER, established), (CLIENT, GET), (SERVER, OK))
    assert [exchange.complete for exchange in exchanges] == [True, True]


def test_a_tunnel_that_is_refused_is_none():
    refused = response(b"who are you", start=b"HTTP/1.1 407 No")
    first, second = read((CLIENT, CONNECT), (SERVER, refused), (CLIENT, CONNECT), (SERVER, ESTABLISHED))
    assert first.response.body == b"who are you"
    assert second.response.status == 200


def test_a_tunnel_in_a_tunnel():
    said = [(CLIENT, CONNECT), (SERVER, ESTABLISHED)] * 2
    assert len(read(*said, (CLIENT, GET), (SERVER, OK))) == 3


def test_bytes_behind_an_upgrade_are_not_read():
    dialogue = Dialogue().hear([(CLIENT, UPGRADE), (SERVER, SWITCHING + b"\x81\x05hello"), (CLIENT, GET), (SERVER, OK)])
    (exchange,) = dialogue.close()
    assert exchange.response.status == 101
    assert not exchange.informational
    assert exchange.complete
    assert not exchange.problems


def test_an_upgrade_that_is_refused_is_none():
    exchanges = read((CLIENT, UPGRADE), (SERVER, OK), (CLIENT, GET), (SERVER, OK))
    assert [exchange.response.status for exchange in exchanges] == [200, 200]


def test_an_upgrade_whose_request_was_not_seen():
    dialogue = Dialogue(whole=False).say(SERVER, SWITCHING).say(SERVER, b"\x81\x05HTTP/1.1 200 OK\r\n\r\n")
    (exchange,) = dialogue.close()
    assert exchange.problems == (Problem.NO_REQUEST, Problem.MID_STREAM)


@pytest.mark.parametrize("at", range(1, len(PREFACE + SETTINGS + GET_2)))
def test_http2_by_its_preface_cut_at_every_byte(at: int):
    begins = PREFACE + SETTINGS + GET_2
    dialogue = Dialogue().say(CLIENT, begins[:at]).say(CLIENT, begins[at:]).say(SERVER, SETTINGS + OK_2)
    (exchange,) = dialogue.close()
    assert (exchange.request.method, exchange.request.target, exchange.request.version) == ("GET", "/", "2")
    assert (exchange.response.status, exchange.complete, exchange.problems) == (200, True, ())
    assert not dialogue.rejected
    assert not dialogue.counts.unread_bytes


def test_http2_in_a_tunnel_is_read():
    said = [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, PREFACE + GET_2), (SERVER, SETTINGS + OK_2)]
    tunnel, inner = read(*said)
    assert (tunnel.request.method, tunnel.stream, tunnel.conn_seq) == ("CONNECT", None, 1)
    assert (inner.request.target, inner.response.status, inner.stream, inner.conn_seq) == ("/", 200, 1, 2)
    assert not inner.problems


def test_http2_behind_a_request_leaves_none_out():
    dialogue = Dialogue().say(CLIENT, GET).say(CLIENT, PREFACE).say(SERVER, b"\0\0\x12\4\0\0\0\0\0")
    (exchange,) = dialogue.close()
    assert (exchange.response.raw, exchange.problems) == (b"\0\0\x12\4\0\0\0\0\0", (Problem.BAD_HEAD,))
    assert not dialogue.rejected


@pytest.mark.parametrize(
    "raw", [b"GET me out of here\r\n", b"POST \r\n", b"HTTP/3 is another thing\r\n", b"GET nothing\r\n"]
)
def test_what_only_looks_like_http_is_rejected(raw: bytes):
    dialogue = Dialogue().say(CLIENT, raw).say(SERVER, b"+OK\r\n")
    assert dialogue.rejected
    assert not dialogue.close()


def test_what_only_looks_like_http_later_on_is_not_rejected():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, OK).say(CLIENT, b"GET me out of here\r\n")
    assert not dialogue.rejected


# what a segment that was too short to tell goes on with
NOT_AFTER_ALL = [
    (b"GE", b"X(X"),
    (b"GET", b"S nothing\r\n"),
    (b"P", b"\0\1\2"),
    (b"HTTP/", b"2 200"),
    (b"H", b"ELO x\r\n"),
]


@pytest.mark.parametrize("whole", [True, False], ids=["from SYN", "mid-stream"])
@pytest.mark.parametrize(("first", "second"), NOT_AFTER_ALL)
def test_what_began_like_http_is_rejected_with_the_first_byte_that_does_not(first: bytes, second: bytes, whole: bool):
    dialogue = Dialogue(whole=whole).say(CLIENT, first)
    assert not dialogue.rejected
    assert dialogue.say(CLIENT, second).rejected == ["not HTTP"]


def test_what_was_overtaken_by_what_looks_like_http_is_rejected():
    """Of a connection seen from its SYN on, its source sends what overtook the first bytes, whatever these are."""
    assert Dialogue().say(CLIENT, b"\x16\x03\x01").rejected == ["not HTTP"]


def test_what_is_lost_is_no_reason_to_reject():
    dialogue = Dialogue().lose(CLIENT, 9).say(CLIENT, b"\0").say(CLIENT, GET).say(SERVER, OK)
    assert not dialogue.rejected
    assert [exchange.request is None for exchange in dialogue.close()] == [True, False]


@pytest.mark.parametrize("method", ["FROB", "G", "GETX"])
def test_any_method_may_come_in_pieces_once_this_is_known_to_be_http(method: str):
    said = [(CLIENT, byte) for byte in map(bytes, zip(f"{method} /b HTTP/1.1\r\n\r\n".encode(), strict=True))]
    _, exchange = read((CLIENT, GET), (SERVER, OK), *said, (SERVER, OK))
    assert exchange.request.method == method
    assert not exchange.problems


def test_what_does_not_look_like_http_in_mid_stream_is_waited_out():
    dialogue = Dialogue(whole=False).say(SERVER, b"220 mail.test ESMTP\r\n").say(CLIENT, GET).say(SERVER, OK)
    assert not dialogue.rejected
    (exchange,) = dialogue.close()
    assert exchange.response.body == b"hello"


def test_a_body_behind_connect_is_the_clients_own_matter():
    said = [
        (CLIENT, request(b"odd", start=b"CONNECT h:1 HTTP/1.1")),
        (SERVER, ESTABLISHED),
        (CLIENT, GET),
        (SERVER, OK),
    ]
    assert [exchange.complete for exchange in read(*said)] == [True, True]


@pytest.mark.parametrize("bytes_", [b"TIONS+\0" + OK, b"H\0", b"HTTP/2", b"GETTING", b"G"])
def test_what_begins_like_http_in_a_tunnel_is_told_alike_byte_by_byte(bytes_: bytes):
    opened = [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET)]
    cut = [(SERVER, bytes_[i : i + 1]) for i in range(len(bytes_))]
    assert facts(read(*opened, *cut)) == facts(read(*opened, (SERVER, bytes_)))


def test_a_gap_in_a_tunnel_behind_part_of_a_first_line():
    dialogue = Dialogue().say(CLIENT, CONNECT).say(SERVER, ESTABLISHED).say(CLIENT, b"GE").lose(CLIENT, 30)
    exchange = dialogue.say(CLIENT, GET).say(SERVER, OK).close()[-1]
    assert exchange.request.target == "/a"
