"""HTTP/0.9 (RFC 1945, 4.1 and 6): a bare line asks, a bare body answers, and the end of the connection ends both.

The policy: `GET` and a path, or an http: URI, as the first line of a connection that was seen from its SYN on,
is a request of version 0.9. What answers it is a response with a head where one stands there, as younger servers
send it; else all that comes is the body of one that has no status, which is told as 0.
"""

from __future__ import annotations

import pytest

from sockfilter.model import Exchange, Problem
from tests.support.dialogues import GET, OK
from tests.support.talk import CLIENT, SERVER, Dialogue, facts, read
from tests.support.wire import Wire

ASK = b"GET /a\r\n"
PAGE = b"<html>\nHTTP/1.1 200 OK\r\n\r\n</html>"


def told(exchange: Exchange) -> tuple[object, ...]:
    request, response = exchange.request, exchange.response
    asked = request and (request.method, request.target, request.version, list(request.headers), request.raw)
    return asked, response and (response.status, response.version, response.reason, response.body)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET /a\r\n", "/a"),
        (b"GET /a\n", "/a"),
        (b"GET  /a \r\n", "/a"),
        (b"GET http://h/a?b\r\n", "http://h/a?b"),
        (b"\r\nGET /\xff\r\n", "/\udcff"),
    ],
)
def test_a_bare_line_asks_and_a_bare_body_answers(line: bytes, target: str):
    (exchange,) = read((CLIENT, line), (SERVER, PAGE))
    assert told(exchange) == (("GET", target, "0.9", [], line.lstrip()), (0, "0.9", "", PAGE))
    assert exchange.complete
    assert not exchange.problems
    assert exchange.response.is_final


def test_an_answer_with_a_head_has_one():
    refused = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
    (exchange,) = read((CLIENT, ASK), (SERVER, refused))
    assert told(exchange)[1] == (400, "1.1", "Bad Request", b"no")
    assert exchange.complete


@pytest.mark.parametrize("answer", [PAGE, OK, b"H", b"HTTP/1.", b"HTTP/1.1 is what I speak\n", b"HTTP/1.1 is", b"x"])
def test_cut_at_every_byte(answer: bytes):
    expected = read((CLIENT, ASK), (SERVER, answer))
    assert expected[0].response.body == (answer if answer != OK else b"hello")
    for at in range(1, len(ASK)):
        assert facts(read((CLIENT, ASK[:at]), (CLIENT, ASK[at:]), (SERVER, answer))) == facts(expected)
    for at in range(1, len(answer)):
        assert facts(read((CLIENT, ASK), (SERVER, answer[:at]), (SERVER, answer[at:]))) == facts(expected)


def test_what_the_client_says_after_its_line_is_not_read():
    for more in (b"\r\n", GET, b"Host: x\r\n\r\n"):
        for said in ([(CLIENT, ASK + more)], [(CLIENT, ASK), (CLIENT, more)]):
            dialogue = Dialogue().hear(said).say(SERVER, PAGE)
            (exchange,) = dialogue.close()
            assert told(exchange)[1] == (0, "0.9", "", PAGE)
            assert dialogue.counts.opaque_bytes == len(more)


def test_no_answer_is_none():
    (exchange,) = read((CLIENT, ASK))
    assert exchange.problems == (Problem.NO_RESPONSE, Problem.CLOSED)


def test_an_answer_that_is_cut_off_is_not_whole():
    (exchange,) = read((CLIENT, ASK), (SERVER, PAGE), problem=Problem.RESET)
    assert exchange.problems == (Problem.RESET,)
    assert exchange.response.body == PAGE


def test_an_answer_whose_beginning_is_lost_is_not_guessed():
    (exchange,) = Dialogue().say(CLIENT, ASK).lose(SERVER, 9).say(SERVER, PAGE).close()
    assert exchange.problems == (Problem.NO_RESPONSE, Problem.CLOSED, Problem.GAP)


def test_a_gap_in_an_answer():
    (exchange,) = Dialogue().say(CLIENT, ASK).say(SERVER, b"<html>").lose(SERVER, 9).say(SERVER, b"</html>").close()
    assert exchange.problems == (Problem.GAP,)
    assert exchange.response.body.wire_len == 22


@pytest.mark.parametrize(
    "line", [b"HEAD /\r\n", b"get /\r\n", b"GET a\r\n", b"GET /a b\r\n", b"GET /a HTTP\r\n", b"GET\r\n", b"POST /\r\n"]
)
def test_other_lines_are_no_request(line: bytes):
    assert Dialogue().say(CLIENT, line).say(SERVER, PAGE).rejected


def test_in_mid_stream_a_bare_line_proves_nothing():
    dialogue = Dialogue(whole=False).say(CLIENT, ASK).say(SERVER, PAGE)
    assert not dialogue.close()


def test_behind_other_messages_a_bare_line_proves_nothing():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, OK).say(CLIENT, ASK).say(SERVER, PAGE)
    assert len(dialogue.close()) == 1
    assert dialogue.counts.unread_bytes == len(ASK) + len(PAGE)


def test_behind_a_loss_a_bare_line_proves_nothing():
    assert not Dialogue().lose(CLIENT, 9).say(CLIENT, ASK).say(SERVER, PAGE).close()


def test_the_ledger_has_both_halves():
    wire = Wire()
    connection = wire.connection()
    connection.client(ASK)
    connection.server(PAGE)
    connection.close()
    (exchange,) = wire.read()
    assert exchange.complete
    assert (wire.ledger.messages.requests, wire.ledger.messages.responses) == (1, 1)
    assert wire.ledger.messages.paired == 2
    assert wire.ledger.is_balanced
