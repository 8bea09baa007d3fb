"""What is malformed, and how it is read: docs/tolerance.md has the table, with what browsers, curl and tshark do."""

from __future__ import annotations

import gzip
import zlib

import pytest

from sockfilter.model.exchange import INFORMATIONAL_MAX
from sockfilter.model.problem import Problem
from tests.support.dialogues import CHUNKED, GET, OK, chunks
from tests.support.talk import CLIENT, SERVER, Dialogue, answer, facts, read

NEXT = [(CLIENT, GET.replace(b"/a", b"/next")), (SERVER, OK)]
BAD_HEAD, BAD_CHUNK, BAD_CODING = Problem.BAD_HEAD, Problem.BAD_CHUNK, Problem.BAD_CODING

STATUS_LINES = {
    b"HTTP/1.1 200ok": ("1.1", 200),
    b"HTTP/1.1 2000 OK": ("1.1", 2000),
    b"HTTP/1.1 20 OK": ("1.1", 20),
    b"HTTP/1.1 099 OK": ("1.1", 99),
    b"HTTP/1.1 000 OK": ("1.1", 0),
    b"HTTP/1.1": ("1.1", 0),
    b"HTTP/1.1 OK": ("1.1", 0),
    b"HTTP/1.1200 OK": ("", 0),
    b"HTTP/1. 200 OK": ("", 200),
    b"HTTP/2.0 200 OK": ("2.0", 200),
    b"HTTP/3 200 OK": ("3", 200),
    b"HTTP/9.9 200 OK": ("9.9", 200),
    b"HTTP 200 OK": ("", 200),
    b"Http/1.1 200 OK": ("1.1", 200),
    b"ICY 200 OK": ("", 200),
    b" HTTP/1.1 200 OK": ("1.1", 200),
    b"\0HTTP/1.1 200 OK": ("1.1", 200),
    b"junkHTTP/1.1 200 OK": ("1.1", 200),
    b"HTTP/1.1 200 O\0K": ("1.1", 200),
}


@pytest.mark.parametrize("line", STATUS_LINES)
def test_status_lines_that_are_not_quite_right(line: bytes):
    made = OK.replace(b"HTTP/1.1 200 OK", line)
    first, second = read((CLIENT, GET), (SERVER, made), *NEXT)
    assert (first.response.version, first.response.status) == STATUS_LINES[line]
    assert (first.response.body, first.complete, first.problems) == (b"hello", True, (BAD_HEAD,))
    assert first.response.raw == made[:-5]
    assert (second.request.target, second.complete, second.problems) == ("/next", True, ())


@pytest.mark.parametrize("line", STATUS_LINES)
def test_they_may_be_cut_anywhere(line: bytes):
    made = OK.replace(b"HTTP/1.1 200 OK", line)
    whole = facts(read((CLIENT, GET), (SERVER, made)))
    for at in range(1, len(made)):
        assert facts(read((CLIENT, GET), (SERVER, made[:at]), (SERVER, made[at:]))) == whole, at


@pytest.mark.parametrize(
    "answered",
    [b"junk before HTTP/1.1 200 OK\r\n\r\n", b"<html>no head at all</html>", b"SSH-2.0-x\r\n", b"x", b"\x15\3\1"],
)
def test_what_cannot_be_read_at_all_is_an_answer_nevertheless(answered: bytes):
    for said in (NEXT, []):
        first, *after = read((CLIENT, GET), (SERVER, answered), *said)
        assert (first.request.target, first.response.status) == ("/a", 0)
        assert first.response.raw + first.response.body == answered
        assert first.problems in ((BAD_HEAD,), (BAD_HEAD, Problem.CLOSED))
        assert [(exchange.request.target, exchange.problems) for exchange in after] == [("/next", ())][: len(said)]


def test_odd_lines_of_a_head_are_named():
    for line in (b"Name : value", b"no colon", b"Name: a\0b", b"Name: a\rb"):
        exchange = answer(OK.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n"))
        assert (exchange.response.body, exchange.problems) == (b"hello", (BAD_HEAD,))
    for line in (b"Name: a\r\n folded", b": empty name", b"Name:", b"Name: a : b"):
        assert not answer(OK.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")).problems


@pytest.mark.parametrize(
    "sent",
    [
        b"5\r\nhello\r\n0005;x\r\nworld\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n\t5\r\nworld\r\n" + b"0" * 100 + b"\r\n\r\n",
    ],
)
def test_sizes_of_chunks_that_are_right(sent: bytes):
    exchange = answer(CHUNKED + sent)
    assert (exchange.response.body, exchange.complete, exchange.problems) == (b"helloworld", True, ())


@pytest.mark.parametrize(
    "sent",
    [
        b"5\r\nhello\r\n0x5\r\nworld\r\n0\r\n\r\n",
        b"5\r\nhello\r\n+5\r\nworld\r\n0\r\n\r\n",
        b"5\r\nhello\r\n5 junk\r\nworld\r\n0\r\n\r\n",
        b"5\r\nhello5\r\nworld\r\n0\r\n\r\n",
        b"5\r\nhello\r\n\r\n5\r\nworld\r\n0\r\n\r\n",
    ],
)
def test_chunks_that_some_clients_read(sent: bytes):
    (exchange,) = read((CLIENT, GET), (SERVER, CHUNKED + sent))
    assert (exchange.response.body, exchange.complete, exchange.problems) == (b"helloworld", True, (BAD_CHUNK,))
    for at in range(1, len(sent)):
        cut = read((CLIENT, GET), (SERVER, CHUNKED + sent[:at]), (SERVER, sent[at:]))
        assert facts(cut) == facts([exchange]), at


@pytest.mark.parametrize("sent", [b"plain text\n", b"5 is what I say\r\n", b"\r\n\r\nHTTP", b"{}"])
def test_said_to_be_chunked_and_is_not(sent: bytes):
    (exchange,) = read((CLIENT, GET), (SERVER, CHUNKED + sent), (SERVER, b"more"))
    assert (exchange.response.body, exchange.complete) == (sent + b"more", False)
    assert exchange.problems == (BAD_CHUNK,)
    first, second = read((CLIENT, GET), (SERVER, CHUNKED + sent), *NEXT)
    assert (first.response.body, first.problems) == (sent, (BAD_CHUNK,))
    assert (second.request.target, second.complete, second.problems) == ("/next", True, ())


@pytest.mark.parametrize("trailer", [b"", b"Sum: 1\r\n"])
@pytest.mark.parametrize("end", [CLIENT, SERVER])
def test_the_last_line_of_chunks_is_missing_and_the_connection_goes_on(end: int, trailer: bytes):
    asked = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" if end == CLIENT else GET
    answered = CHUNKED if end == SERVER else OK
    body = b"5\r\nhello\r\n0\r\n" + trailer
    said = [(CLIENT, asked + body * (end == CLIENT)), (SERVER, answered + body * (end == SERVER)), *NEXT]
    first, second = read(*said)
    message = first.request if end == CLIENT else first.response
    assert (message.body, message.complete, BAD_CHUNK in first.problems) == (b"hello", False, True)
    assert [*message.trailers] == [("Sum", "1")] * bool(trailer)
    assert (second.request.target, second.response.body) == ("/next", b"hello")
    assert (second.complete, second.problems) == (True, ())
    for place, (who, data) in enumerate(said):
        for at in range(1, len(data)):
            cut = [*said[:place], (who, data[:at]), (who, data[at:]), *said[place + 1 :]]
            assert [exchange.request.target for exchange in read(*cut)] == ["/a", "/next"]


def test_a_response_in_place_of_a_chunk():
    for sent in (b"5\r\nhello\r\n", b"5\r\nhello", b""):
        first, second = read((CLIENT, GET + NEXT[0][1]), (SERVER, CHUNKED + sent + OK))
        assert (first.response.complete, first.problems) == (False, (BAD_CHUNK,))
        assert (second.request.target, second.response.body, second.problems) == ("/next", b"hello", ())


TEXT = b"a text that is long enough to be worth it. " * 3
SENT = {
    "gzip called deflate": (b"deflate", gzip.compress(TEXT)),
    "zlib called gzip": (b"gzip", zlib.compress(TEXT)),
    "gzip called br": (b"br", gzip.compress(TEXT)),
    "two named, one applied": (b"gzip, gzip", gzip.compress(TEXT)),
    "two named, the other applied": (b"gzip, deflate", gzip.compress(TEXT)),
}


@pytest.mark.parametrize(("coding", "sent"), SENT.values(), ids=SENT.keys())
def test_codings_called_by_another_name(coding: bytes, sent: bytes):
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(sent))
    (exchange,) = read((CLIENT, GET), (SERVER, head + sent))
    assert (exchange.response.body, exchange.response.body.length) == (TEXT, len(TEXT))
    assert (exchange.complete, exchange.problems) == (True, (BAD_CODING,))
    for at in range(1, len(sent)):
        cut = read((CLIENT, GET), (SERVER, head + sent[:at]), (SERVER, sent[at:]))
        assert facts(cut) == facts([exchange]), at


@pytest.mark.parametrize("name", [b"x-deflate", b'"gzip"', b"gzip;q=1", b"gzipx", b"gzip, foo", b"none", b"utf-8"])
def test_names_that_nobody_knows_leave_the_body_as_sent(name: bytes):
    sent = gzip.compress(TEXT)
    exchange = answer(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (name, len(sent)) + sent
    )
    assert (exchange.response.body, exchange.problems) == (sent, (Problem.UNKNOWN_CODING,))


@pytest.mark.parametrize("value", [b"-5", b"0x5", b"5;q=1", b"5 5", b"", b"5, 6"])
def test_a_length_that_cannot_be_read_ends_with_the_connection_or_with_what_comes_next(value: bytes):
    odd = OK.replace(b"Length: 5", b"Length: " + value)
    (alone,) = read((CLIENT, GET), (SERVER, odd), (SERVER, b" world"))
    assert (alone.response.body, alone.complete, alone.problems) == (b"hello world", True, (Problem.BAD_LENGTH,))
    first, second = read((CLIENT, GET), (SERVER, odd), *NEXT)
    assert (first.response.body, first.problems) == (b"hello", (Problem.BAD_LENGTH,))
    assert (second.request.target, second.complete, second.problems) == ("/next", True, ())


def test_a_body_where_none_may_be_is_named():
    for status in (b"204", b"304", b"100"):
        made = OK.replace(b"200", status)
        dialogue = Dialogue().say(CLIENT, GET).say(SERVER, made).hear(NEXT)
        first = dialogue.close()[0]
        named = first.informational[0].problems if status == b"100" else first.problems
        assert named == (Problem.UNEXPECTED_BODY,)
    exchange = answer(OK.replace(b"200", b"205"))
    assert (exchange.response.body, exchange.problems) == (b"hello", (Problem.UNEXPECTED_BODY,))


def test_101_without_another_protocol_is_the_answer_if_the_client_goes_on():
    switching = b"HTTP/1.1 101 Switching\r\n\r\n"
    first, second = read((CLIENT, GET), (SERVER, switching), *NEXT)
    assert (first.response.status, first.informational, first.problems) == (101, (), (Problem.BAD_UPGRADE,))
    assert (second.request.target, second.complete) == ("/next", True)
    (only,) = read((CLIENT, GET), (SERVER, switching))
    assert (only.response.status, only.problems) == (101, (Problem.BAD_UPGRADE,))


def test_101_without_another_protocol_is_one_before_the_answer_if_the_server_goes_on():
    (exchange,) = read((CLIENT, GET), (SERVER, b"HTTP/1.1 101 Switching\r\n\r\n"), (SERVER, OK))
    assert [message.status for message in exchange.informational] == [101]
    assert (exchange.response.status, exchange.complete) == (200, True)


@pytest.mark.parametrize("more", [b"\r\n", b"\n", b"\r\n\r\n"])
def test_an_empty_line_too_many_behind_a_proxy_s_answer(more: bytes):
    connect = b"CONNECT shop.test:80 HTTP/1.1\r\n\r\n"
    established = b"HTTP/1.1 200 Established\r\n\r\n"
    for said in ([(SERVER, established + more)], [(SERVER, established), (SERVER, more)]):
        first, second = read((CLIENT, connect), *said, *NEXT)
        assert first.request.method == "CONNECT"
        assert (second.request.target, second.response.body, second.complete) == ("/next", b"hello", True)


def test_a_chunked_body_in_http_1_0_and_one_with_a_length_are_named():
    for made in (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"), CHUNKED[:-2] + b"Content-Length: 3\r\n\r\n"):
        exchange = answer(made + chunks(b"hello"))
        assert (exchange.response.body, exchange.complete) == (b"hello", True)
        assert exchange.problems == (Problem.BAD_FRAMING,)


@pytest.mark.parametrize("step", [1, 7, 50, 10_000])
def test_informational_responses_without_end_are_counted(step: int):
    more = b"HTTP/1.1 100 Continue\r\n\r\n"
    said = [(SERVER, more * step)] * (10_000 // step)
    dialogue = Dialogue().hear([(CLIENT, GET), *said, (SERVER, OK)])
    (exchange,) = dialogue.close()
    assert (exchange.informational_count, exchange.response.status) == (10_000 // step * step, 200)
    assert len(exchange.informational) <= INFORMATIONAL_MAX
    assert exchange.problems == (Problem.INTERIM_LIMIT,)
    assert dialogue.counts.open == 0
    assert dialogue.counts.paired == dialogue.counts.informational + 2
