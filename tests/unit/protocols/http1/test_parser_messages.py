"""What the messages of undisturbed connections are read as."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.framing import CHUNK_LINE_BYTES_MAX
from tests.support.dialogues import CASES, CHUNKED, CONTINUE, EMPTY, GET, HEAD, OK, chunks, request, response
from tests.support.talk import CLIENT, SERVER, Dialogue, answer, read


def case(name: str):
    return read(*CASES[name].said)


@pytest.mark.parametrize("method", [*heads.METHODS, b"FROB", b"patch", b"M-SEARCH"])
def test_any_method(method: bytes):
    raw = b"%s /a HTTP/1.1\r\nHost: x\r\n\r\n" % method
    said = (EMPTY if method == b"HEAD" else OK) if method != b"CONNECT" else EMPTY
    exchange = answer(said, raw)
    assert (exchange.request.method, exchange.request.target) == (method.decode(), "/a")
    assert exchange.complete


def test_fields_are_as_sent():
    exchange = answer(b"HTTP/1.1 200 OK\r\nsEt-cOOkie: a\r\nSet-Cookie:  b \r\nContent-Length: 0\r\n\r\n")
    assert list(exchange.response.headers) == [("sEt-cOOkie", "a"), ("Set-Cookie", "b"), ("Content-Length", "0")]
    assert exchange.response.raw.startswith(b"HTTP/1.1 200 OK\r\nsEt-cOOkie: a\r\nSet-Cookie:  b \r\n")


def test_a_folded_field_goes_on():
    assert case("obs-fold")[0].request.headers["x"] == "a b c"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("absolute target", "http://h:81/p?q=1"),
        ("asterisk target", "*"),
        ("tunnel of HTTP", "h:443"),
        ("target with spaces", "/a b  c"),
        ("target of any bytes", "/\u00e4\u20ac\udcff\udcfe"),
    ],
)
def test_targets_are_as_sent(name: str, target: str):
    assert case(name)[0].request.target == target


def test_trailers():
    response_ = case("trailers")[0].response
    assert list(response_.trailers) == [("Sum", "1"), ("T", "2")]
    assert response_.body == b"hi"


def test_chunk_extensions_are_let_pass():
    assert case("chunk extensions")[0].response.body == b"helloyou"


def test_until_close():
    body = case("until close")[0].response.body
    assert body == b"all of it\r\n\r\nHTTP/1.1 "
    assert body.wire_len == body.length == 22


def test_until_close_of_nothing():
    exchange = answer(b"HTTP/1.1 200 OK\r\n\r\n")
    assert exchange.complete
    assert exchange.response.body.wire_len == 0


def test_until_reset_is_not_whole():
    (exchange,) = read((CLIENT, GET), (SERVER, b"HTTP/1.1 200 OK\r\n\r\nsome"), problem=Problem.RESET)
    assert not exchange.complete
    assert exchange.problems == (Problem.RESET,)
    assert exchange.response.body == b"some"


def test_head_has_no_body():
    first, second = case("head")
    assert (first.request.method, first.response.body.wire_len) == ("HEAD", 0)
    assert second.response.body == b"hello"


@pytest.mark.parametrize("name", ["no content", "not modified"])
def test_statuses_without_body(name: str):
    first, second = case(name)
    assert first.response.body.wire_len == 0
    assert second.response.body == b"hello"


def test_informational_responses_stand_beside_the_final_one():
    exchange = case("several informational")[0]
    assert [message.status for message in exchange.informational] == [100, 103, 100]
    assert exchange.informational[1].headers["link"] == "</a>"
    assert exchange.response.status == 200


def test_the_expected_continue():
    exchange = case("100-continue")[0]
    assert exchange.request.body == b"body"
    assert not exchange.problems


def test_pipelined_requests_get_their_own_responses():
    said = [(CLIENT, b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % i for i in range(50)))]
    said += [(SERVER, b"".join(response(b"%d" % i) for i in range(50)))]
    exchanges = read(*said)
    assert [exchange.request.target for exchange in exchanges] == [f"/{i}" for i in range(50)]
    assert [exchange.response.body for exchange in exchanges] == [b"%d" % i for i in range(50)]


def test_empty_lines_in_front_are_let_pass_however_many():
    exchange = answer(b"\r\n" * 100_000 + OK, b"\n" * 100_000 + GET)
    assert exchange.complete
    assert exchange.request.raw == GET


def test_an_early_response():
    """RFC 9112, 7.5: the client stops sending, or goes on to the end."""
    said = [(CLIENT, request(b"x" * 10)[:-5]), (SERVER, response(b"no", start=b"HTTP/1.1 413 No"))]
    whole, broken = read(*said, (CLIENT, b"x" * 5)), read(*said)
    assert [exchange.problems for exchange in whole] == [(Problem.EARLY_RESPONSE,)]
    assert whole[0].complete
    assert [exchange.problems for exchange in broken] == [(Problem.EARLY_RESPONSE, Problem.CLOSED)]
    assert (whole[0].response.status, broken[0].response.status) == (413, 413)


def test_an_early_response_of_a_request_that_is_read_on():
    said = [(CLIENT, request(b"x" * 10)[:-5]), (SERVER, OK), (CLIENT, b"x" * 5 + GET), (SERVER, EMPTY)]
    first, second = read(*said)
    assert (first.response.body, second.response.body) == (b"hello", b"")
    assert first.problems == (Problem.EARLY_RESPONSE,)
    assert not second.problems


@pytest.mark.parametrize("value", [b"5, 6", b"x", b"-1"])
def test_a_bad_length_is_named_and_read_until_close(value: bytes):
    exchange = answer(b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nhello" % value)
    assert exchange.problems == (Problem.BAD_LENGTH,)
    assert exchange.response.body == b"hello"


def test_a_head_of_the_largest_size():
    exchange = answer(OK, GET[:-2] + b"X: " + b"x" * (heads.HEAD_BYTES_MAX - len(GET) - 5) + b"\r\n\r\n")
    assert exchange.complete
    assert len(exchange.request.raw) == heads.HEAD_BYTES_MAX
    assert not exchange.problems


@pytest.mark.parametrize("size", [1448, 65536, 1 << 20])
def test_a_head_that_is_too_long(size: int):
    raw = GET[:-2] + b"X: " + b"x" * heads.HEAD_BYTES_MAX + b"\r\n\r\n"
    said = [(CLIENT, raw[i : i + size]) for i in range(0, len(raw), size)]
    first, second = read(*said, (SERVER, OK), (CLIENT, GET), (SERVER, EMPTY))
    assert first.problems == (Problem.HEAD_TOO_LONG,)
    assert not first.complete
    assert first.request.raw == GET[:-2]
    assert (second.response.raw, second.problems) == (EMPTY, ())


def test_a_first_line_that_is_too_long_is_no_request():
    raw = b"GET /" + b"x" * (heads.HEAD_BYTES_MAX + 10) + b" HTTP/1.1\r\n\r\n"
    said = [(CLIENT, raw[i : i + 9999]) for i in range(0, len(raw), 9999)]
    first, second = read(*said, (SERVER, OK), (CLIENT, GET), (SERVER, EMPTY))
    assert first.request is None
    assert second.complete


@pytest.mark.parametrize("size", [CHUNK_LINE_BYTES_MAX, CHUNK_LINE_BYTES_MAX + 1])
@pytest.mark.parametrize("step", [1, 100_000])
def test_the_longest_chunk_line(size: int, step: int):
    sent = b"5;" + b"x" * (size - 2) + b"\nhello\r\n" + chunks()
    said = [(SERVER, sent[i : i + step]) for i in range(0, len(sent), step)]
    (exchange,) = read((CLIENT, GET), (SERVER, CHUNKED), *said)
    assert exchange.complete == (size <= CHUNK_LINE_BYTES_MAX)


def test_an_endless_chunk_line_is_not_kept():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, CHUNKED)
    for _ in range(50):
        dialogue.say(SERVER, b"5" * 1000)
    assert not dialogue.talk.receivers[SERVER]._buffer
    (exchange,) = dialogue.close()
    assert exchange.problems == (Problem.BAD_CHUNK,)


def test_endless_trailers_are_not_kept():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, CHUNKED + b"0\r\n")
    for _ in range(300):
        dialogue.say(SERVER, b"A: b\r\n" * 166)
    assert dialogue.exchanges[0].problems == (Problem.BAD_CHUNK,)
    assert not dialogue.talk.receivers[SERVER]._buffer


@pytest.mark.parametrize(
    "sent",
    [b"g\r\n", b"-5\r\nhello", b"5\r\nhello!\r\n", b"5\r\nhello\rX", b"f" * 16 + b"\r\n"],
)
def test_broken_chunks(sent: bytes):
    exchange = answer(CHUNKED + b"2\r\nhi\r\n" + sent)
    assert exchange.problems == (Problem.BAD_CHUNK,)
    assert exchange.response.body in (b"hi", b"hihello")
    assert not exchange.complete


def test_several_connections_do_not_know_of_each_other():
    first, second = Dialogue(), Dialogue()
    first.say(CLIENT, b"GET /1 HT")
    second.say(CLIENT, b"GET /2 HTTP/1.1\r\n\r\n")
    first.say(CLIENT, b"TP/1.1\r\n\r\n")
    second.say(SERVER, OK)
    first.say(SERVER, EMPTY)
    assert [e.request.target for d in (first, second) for e in d.close()] == ["/1", "/2"]


def test_one_byte_segments_of_a_long_head_take_no_long_time():
    raw = b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nA: " + b"y" * 20_000 + b"\r\n\r\n"
    dialogue = Dialogue()
    for i in range(len(raw)):
        dialogue.say(CLIENT, raw[i : i + 1])
    assert len(dialogue.say(SERVER, OK).exchanges) == 1


def test_times_are_those_of_the_segments():
    dialogue = Dialogue()
    dialogue.say(CLIENT, GET[:9]).say(CLIENT, GET[9:]).say(SERVER, CONTINUE).say(SERVER, OK[:-3]).say(SERVER, OK[-3:])
    dialogue.now_ns += 99_000
    (exchange,) = dialogue.close()
    assert (exchange.request.start_ns, exchange.request.end_ns) == (1000, 2000)
    assert [message.start_ns for message in exchange.informational] == [3000]
    assert (exchange.response.start_ns, exchange.response.end_ns) == (4000, 5000)


def test_times_of_messages_that_share_a_segment():
    first, second = read((CLIENT, GET[:9]), (CLIENT, GET[9:] + GET), (SERVER, OK + OK))
    assert (first.request.start_ns, second.request.start_ns) == (1000, 2000)
    assert first.response.start_ns == second.response.start_ns == 3000


def test_the_end_of_what_the_end_of_the_connection_ends_is_its_last_byte():
    dialogue = Dialogue().say(CLIENT, HEAD.replace(b"HEAD", b"GET")).say(SERVER, b"HTTP/1.1 200 OK\r\n\r\nsome")
    dialogue.now_ns += 1_000_000
    assert dialogue.close()[0].response.end_ns == 2000
