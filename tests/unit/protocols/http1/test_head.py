from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.problem import Problem
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.head import BY_LENGTH, CHUNKED, NO_BODY, UNTIL_CLOSE


def head(*fields: bytes, start: bytes = b"HTTP/1.1 200 OK") -> heads.HttpHead:
    made = heads.parse(b"\r\n".join([start, *fields, b"", b""]))
    assert made is not None
    return made


def framing(*fields: bytes, start: bytes = b"HTTP/1.1 200 OK") -> tuple[int, int, Problem | None]:
    made = head(*fields, start=start)
    assert len(made.problems) <= 1
    return made.framing, made.length, next(iter(made.problems), None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"GET / HTTP/1.1", ("GET", "/", "1.1")),
        (b"GET / HTTP/1.0", ("GET", "/", "1.0")),
        (b"VERSION-CONTROL /a HTTP/1.1", ("VERSION-CONTROL", "/a", "1.1")),
        (b"get / HTTP/1.1", ("get", "/", "1.1")),
        (b"M!#$%&'*+-.^_`|~0 / HTTP/1.1", ("M!#$%&'*+-.^_`|~0", "/", "1.1")),
        (b"GET / http/1.1", ("GET", "/", "1.1")),
        (b"GET / HTTP/1.9", ("GET", "/", "1.9")),
        (b"GET / HTTP/0.9", ("GET", "/", "0.9")),
        (b"GET  /  HTTP/1.1  ", ("GET", "/", "1.1")),
        (b"GET\t/\tHTTP/1.1", ("GET", "/", "1.1")),
        (b"GET \x0b\x0c HTTP/1.1", ("GET", "\x0b\x0c", "1.1")),
        (b"GET  \x0b\x0c  HTTP/1.1", ("GET", "\x0b\x0c", "1.1")),
        (b"GET /a b HTTP/1.1", ("GET", "/a b", "1.1")),
        (b"GET /a HTTP/1.1 HTTP/1.1", ("GET", "/a HTTP/1.1", "1.1")),
        (b"OPTIONS * HTTP/1.1", ("OPTIONS", "*", "1.1")),
        (b"CONNECT h:1 HTTP/1.1", ("CONNECT", "h:1", "1.1")),
        (b"GET http://h/ HTTP/1.1", ("GET", "http://h/", "1.1")),
        ("GET /\u00e4 HTTP/1.1".encode(), ("GET", "/\u00e4", "1.1")),
        (b"GET /\xff HTTP/1.1", ("GET", "/\udcff", "1.1")),
        (b"M" * 64 + b" / HTTP/1.1", ("M" * 64, "/", "1.1")),
    ],
)
def test_request_lines(line: bytes, expected: tuple[str, str, str]):
    assert heads.request_line(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET /",
        b"GET HTTP/1.1",
        b"GET  HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/2.0",
        b"GET / HTTP/1.",
        b"GET / HTTP/1.10",
        b"GET / Http/1.1",
        b"GET /HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"GET / HTTP/1.1 x",
        b"PRI * HTTP/2.0",
        b"M" * 65 + b" / HTTP/1.1",
        b"HTTP/1.1 200 OK",
    ],
)
def test_what_is_no_request_line(line: bytes):
    assert heads.request_line(line) is None


@pytest.mark.parametrize(
    ("line", "expected", "reason"),
    [
        (b"HTTP/1.1 200 OK", (200, "1.1"), "OK"),
        (b"HTTP/1.0 404 Not Found", (404, "1.0"), "Not Found"),
        (b"HTTP/1.1 200", (200, "1.1"), ""),
        (b"HTTP/1.1 200 ", (200, "1.1"), ""),
        (b"HTTP/1.1  200  Very  Fine", (200, "1.1"), "Very  Fine"),
        (b"HTTP/1.1\t200\tOK", (200, "1.1"), "OK"),
        (b"http/1.1 200 OK", (200, "1.1"), "OK"),
        (b"HTTP/1.1 999 ?", (999, "1.1"), "?"),
        (b"HTTP/1.1 200 \xff", (200, "1.1"), "\udcff"),
    ],
)
def test_status_lines(line: bytes, expected: tuple[int, str], reason: str):
    assert heads.status_line(line) == expected
    assert head(start=line).reason == reason


@pytest.mark.parametrize(
    "line", [b"", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/1.1 000 OK", b"HTTP/2 200 OK"]
)
def test_what_is_no_status_line(line: bytes):
    assert heads.status_line(line) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], (UNTIL_CLOSE, 0, None)),
        ([b"Content-Length: 5"], (BY_LENGTH, 5, None)),
        ([b"content-length:5"], (BY_LENGTH, 5, None)),
        ([b"Content-Length : 5"], (BY_LENGTH, 5, Problem.BAD_HEAD)),
        ([b"Content-Length:\t5\t"], (BY_LENGTH, 5, None)),
        ([b"Content-Length:", b" 5"], (BY_LENGTH, 5, None)),
        ([b"Content-Length: 0"], (NO_BODY, 0, None)),
        ([b"Content-Length: 5", b"Content-Length: 5"], (BY_LENGTH, 5, None)),
        ([b"Content-Length: 5, 5"], (BY_LENGTH, 5, None)),
        ([b"X-Content-Length: 5"], (UNTIL_CLOSE, 0, None)),
        ([b"Content-Length-X: 5"], (UNTIL_CLOSE, 0, None)),
        ([b"X: a", b" Content-Length: 5"], (UNTIL_CLOSE, 0, None)),
        ([b"Content-Length"], (UNTIL_CLOSE, 0, Problem.BAD_HEAD)),
        ([b"Content-Length: " + b"9" * 18], (BY_LENGTH, int("9" * 18), None)),
        ([b"Transfer-Encoding: chunked"], (CHUNKED, 0, None)),
        ([b"transfer-encoding: Chunked"], (CHUNKED, 0, None)),
        ([b"Transfer-Encoding: gzip, chunked"], (CHUNKED, 0, None)),
        ([b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"], (CHUNKED, 0, None)),
        ([b"Transfer-Encoding:", b"\tchunked"], (CHUNKED, 0, None)),
        ([b"Transfer-Encoding: chunked", b"Content-Length: 5"], (CHUNKED, 0, Problem.BAD_FRAMING)),
        ([b"Content-Length: 5", b"Transfer-Encoding: chunked"], (CHUNKED, 0, Problem.BAD_FRAMING)),
        ([b"Transfer-Encoding: chunked, chunked"], (CHUNKED, 0, Problem.BAD_FRAMING)),
        ([b"Transfer-Encoding: gzip"], (UNTIL_CLOSE, 0, Problem.BAD_FRAMING)),
        ([b"Transfer-Encoding: chunked, gzip"], (CHUNKED, 0, Problem.BAD_FRAMING)),
        ([b"Transfer-Encoding: xchunked", b"Content-Length: 5"], (BY_LENGTH, 5, Problem.BAD_FRAMING)),
        ([b"Transfer-Encoding: chunked\x0b", b"Content-Length: 5"], (BY_LENGTH, 5, Problem.BAD_FRAMING)),
        ([b"Content-Length: +5"], (BY_LENGTH, 5, Problem.BAD_LENGTH)),
        ([b"Transfer-Encoding: identity", b"Content-Length: 5"], (BY_LENGTH, 5, None)),
        ([b"Transfer-Encoding:", b"Content-Length: 5"], (BY_LENGTH, 5, None)),
    ],
)
def test_framing_of_responses(fields: list[bytes], expected: tuple[int, int, Problem | None]):
    assert framing(*fields) == expected


@pytest.mark.parametrize(
    "value",
    [b"5, 6", b"", b"-5", b"5.0", b"0x5", b"1_000", b"five", b"5 5", b"5,", b"9" * 19, "\u0665".encode()],
)
def test_lengths_that_cannot_be_read(value: bytes):
    assert framing(b"Content-Length: " + value) == (UNTIL_CLOSE, 0, Problem.BAD_LENGTH)
    assert framing(b"Content-Length: " + value, start=b"POST / HTTP/1.1") == (NO_BODY, 0, Problem.BAD_LENGTH)


def test_lengths_that_contradict_each_other():
    assert framing(b"Content-Length: 5", b"Content-Length: 6") == (UNTIL_CLOSE, 0, Problem.BAD_LENGTH)


@pytest.mark.parametrize("status", [100, 103, 199, 204, 304])
def test_responses_without_a_body(status: int):
    fields = [b"Content-Length: 5", b"Transfer-Encoding: chunked"]
    assert framing(*fields, start=b"HTTP/1.1 %d x" % status) == (NO_BODY, 0, None)


def test_framing_of_requests():
    start = b"POST / HTTP/1.1"
    assert framing(start=start) == (NO_BODY, 0, None)
    assert framing(b"Content-Length: 5", start=start) == (BY_LENGTH, 5, None)
    assert framing(b"Transfer-Encoding: chunked", start=start) == (CHUNKED, 0, None)
    assert framing(b"Transfer-Encoding: gzip", start=start) == (NO_BODY, 0, Problem.BAD_FRAMING)


@pytest.mark.parametrize(
    ("fields", "codings"),
    [
        ([b"Content-Encoding: gzip"], (b"gzip",)),
        ([b"Content-Encoding: GZip , br"], (b"gzip", b"br")),
        ([b"Content-Encoding: gzip", b"content-encoding: br"], (b"gzip", b"br")),
        ([b"Content-Encoding: identity"], ()),
        ([b"Content-Encoding:", b" gzip"], (b"gzip",)),
        ([b"Content-Encoding: br", b"Transfer-Encoding: gzip, chunked"], (b"br", b"gzip")),
    ],
)
def test_codings(fields: list[bytes], codings: tuple[bytes, ...]):
    assert head(*fields).codings == codings


@pytest.mark.parametrize(
    ("raw", "is_one"),
    [
        (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\nA: b\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nA: b\n\nGET / HTTP/1.1\r\n\r\n", False),
        (b"GET / HTTP/1.1\nA: b\n\r\nGET / HTTP/1.1\r\n\r\n", False),
        (b"\r\nGET / HTTP/1.1\r\n\r\n", False),
        (b"nonsense\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nA: " + bytes(heads.HEAD_BYTES_MAX) + b"\r\n\r\n", False),
    ],
)
def test_heads_that_end_with_the_usual(raw: bytes, is_one: bool):
    assert (heads.read(raw) is not None) == is_one


def test_the_same_head_is_read_once():
    raw = b"GET /same HTTP/1.1\r\n\r\n"
    assert heads.read(raw) is heads.read(bytes(bytearray(raw)))


def test_so_many_heads_are_kept():
    for i in range(3 * heads.KEPT_HEADS):
        heads.read(b"GET /%d HTTP/1.1\r\n\r\n" % i)
        assert len(heads._kept) <= heads.KEPT_HEADS


def test_long_heads_are_not_kept():
    raw = b"GET /long HTTP/1.1\r\nA: " + b"x" * heads.KEPT_HEAD_BYTES + b"\r\n\r\n"
    assert heads.read(raw) is not heads.read(raw)


@pytest.mark.parametrize(
    "begin", [b"G", b"GET", b"GET ", b"GET /", b"H", b"HTTP", b"HTTP/", b"HTTP/1", b"http/", b"PRI "]
)
def test_messages_may_begin(begin: bytes):
    assert heads.may_begin(begin, 0)
    assert heads.may_begin(b"xyz" + begin, 3)


@pytest.mark.parametrize("begin", [b"GETX", b"x", b"\x16\x03", b"HTTQ", b" GET ", b"get ", b"FROB ", b"\0"])
def test_messages_may_not_begin(begin: bytes):
    assert not heads.may_begin(begin, 0)


@pytest.mark.parametrize("begin", [b"GET /", b"FROB\t", b"fr", b"~", b"M" * 64, b"M" * 64 + b" "])
def test_any_token_may_be_a_method(begin: bytes):
    assert heads.is_token(begin, 0)


@pytest.mark.parametrize("begin", [b"", b"\x16", b"(", b"GET/", b"M" * 65, b"{json}"])
def test_what_is_no_token(begin: bytes):
    assert not heads.is_token(begin, 0)


@given(st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"")))
def test_any_first_line_is_one_or_is_not(line: bytes):
    made = heads.parse(line + b"\r\n\r\n")
    assert made is None or bool(made.method) != bool(made.status)


@pytest.mark.parametrize("line", [b"GET " + b" " * 200_000, b"GET /" + b" x" * 100_000, b"GET\t" + b"\t /" * 70_000])
def test_long_lines_are_looked_at_in_time(line: bytes):
    assert heads.request_line(line) is None
