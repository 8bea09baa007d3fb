"""Bodies and heads of messages, as they tell of themselves."""

from __future__ import annotations

import encodings
import pkgutil
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter import BodyError, Request, Response
from sockfilter.model import Body
from sockfilter.model.sequence import MASK, distance
from tests.support.exchanges import exchange


@pytest.mark.parametrize(
    ("length", "content", "is_cut"), [(3, b"abc", False), (0, b"", False), (3, b"ab", True), (None, b"abc", True)]
)
def test_a_body_is_cut_where_less_was_kept_than_is_known(length: int | None, content: bytes, is_cut: bool):
    assert Body(3, length, content).is_cut == is_cut


@pytest.mark.parametrize(
    ("length", "content", "text"),
    [
        (1, "\u20ac".encode(), "\u20ac"),
        (0, b"", ""),
        (9, b"a\xe2\x82", "a"),
        (3, b"a\xe2\x82", None),
        (9, b"a\xe2b", None),
        (9, b"\xff", None),
    ],
)
def test_text_is_utf8_and_its_last_character_may_be_cut(length: int, content: bytes, text: str | None):
    assert Body(length, length, content).text == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"HTTP/1.1 200 OK", "OK"),
        (b"HTTP/1.1 200 Very  Well\t", "Very  Well"),
        (b"HTTP/1.1 200 ", ""),
        (b"HTTP/1.1 200", ""),
        (b"HTTP/1.1 200 \xff", "\udcff"),
    ],
)
def test_reasons(line: bytes, reason: str):
    assert exchange(response=line + b"\r\n\r\n").response.reason == reason


@pytest.mark.parametrize(("status", "is_final"), [(100, False), (103, False), (101, True), (200, True), (999, True)])
def test_informational_responses_announce_only(status: int, is_final: bool):
    assert exchange(response=b"HTTP/1.1 %d\r\n\r\n" % status).response.is_final == is_final


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [(0, 5, 5), (5, 0, -5), (MASK, 0, 1), (0, MASK, -1), (7, 7, 0), (0, 1 << 31, -(1 << 31)), (1 << 31, 0, -(1 << 31))],
)
def test_distances_wrap(start: int, end: int, found: int):
    assert distance(start, end) == found


def answered(content: bytes, fields: bytes = b"", length: int | None = -1) -> Response:
    """A response with a body; length: of all of it."""
    known = len(content) if length == -1 else length
    made = exchange(response=b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % fields, body=Body(len(content), known, content))
    assert made.response is not None
    return made.response


@pytest.mark.parametrize(
    ("kind", "content", "found"),
    [
        (b"", "caf\u00e9".encode(), "caf\u00e9"),
        (b"", b"caf\xe9", "caf\ufffd"),
        (b"Content-Type: text/plain", "\u20ac".encode(), "\u20ac"),
        (b"Content-Type: text/plain; charset=iso-8859-1", b"caf\xe9", "caf\u00e9"),
        (b'content-type: text/plain;Charset = "Windows-1252" ;x=y', b"\x80", "\u20ac"),
        (b"Content-Type: text/plain; charset=utf-16", "a\u20ac".encode("utf-16"), "a\u20ac"),
        (b"Content-Type: text/plain; charset=UTF-16", b"\xff\xfea", "\ufffd"),
        (b"Content-Type: text/plain; charset=shift_jis", "\u65e5\u672c".encode("shift_jis"), "\u65e5\u672c"),
        (b"Content-Type: text/plain; charset=nonsense", "caf\u00e9".encode(), "caf\u00e9"),
        (b"Content-Type: text/plain; charset=", b"a", "a"),
        (b"Content-Type: text/plain; charset=\xff", b"a", "a"),
        (b"Content-Type: text/plain; xcharset=utf-16", b"ab", "ab"),
        # of Python, and none of a peer's
        (b"Content-Type: text/plain; charset=hex", b"61", "61"),
        (b"Content-Type: text/plain; charset=unicode:escape", b"\\u0061\\d", "\\u0061\\d"),
        (b"Content-Type: text/plain; charset=idna", b"xn--a\xff", "xn--a\ufffd"),
        (b"Content-Type: text/plain; charset=punycode", b"a-\xff", "a-\ufffd"),
        (b"Content-Type: text/plain; charset=undefined", b"a", "a"),
    ],
)
def test_text_is_of_the_charset_that_was_said(kind: bytes, content: bytes, found: str):
    assert answered(content, kind).text == found


charsets = sorted(module.name for module in pkgutil.iter_modules(encodings.__path__))


@given(st.sampled_from(charsets) | st.text(), st.binary())
def test_text_never_raises(charset: str, content: bytes):
    fields = b"Content-Type: text/plain; charset=%b" % charset.encode("utf-8", "surrogateescape").translate(
        None, b"\r\n"
    )
    assert isinstance(answered(content, fields).text, str)


@pytest.mark.parametrize(
    ("content", "meaning"),
    [
        (b'{"a": [1, null, "\xc3\xbc"]}', {"a": [1, None, "\u00fc"]}),
        (b" 1 ", 1),
        ('{"a": 1}'.encode("utf-16"), {"a": 1}),
        (b'\xef\xbb\xbf"a"', "a"),
    ],
)
def test_json(content: bytes, meaning: object):
    assert answered(content).json() == meaning


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0); the body begins b''"),
        (b'{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7); the body begins b'{\"a\": 1'"),
        (b"\xff" + b"x" * 99, "; the body begins b'\\xff" + "x" * 39 + "'"),
        (b"[" * 100_000, "; the body begins b'" + "[" * 40 + "'"),
        (b"1" * 5000, "; the body begins b'" + "1" * 40 + "'"),
    ],
)
def test_what_is_no_json_says_where(content: bytes, words: str):
    with pytest.raises(BodyError) as error:
        answered(content).json()
    assert str(error.value).startswith("reading <Response 200 OK> as JSON: ")
    assert str(error.value).endswith(words)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (10, "reading <Response 200 OK> as JSON: only 2 of 10 bytes were kept; body=None keeps all"),
        (None, "reading <Response 200 OK> as JSON: only 2 bytes were kept; body=None keeps all"),
    ],
)
def test_json_of_a_body_that_was_cut_says_so(length: int | None, words: str):
    with pytest.raises(BodyError, match=f"^{re.escape(words)}$"):
        answered(b"{}", length=length).json()


@given(st.binary() | st.lists(st.sampled_from([b"{", b"[", b'"', b"1", b":", b",", b"\\u", b"\xff"])).map(b"".join))
def test_json_raises_nothing_else(content: bytes):
    for fields in (b"", b"Content-Type: application/json; charset=utf-16"):
        with suppress(BodyError):
            answered(content, fields).json()


def asked(head: bytes) -> Request:
    request = exchange(head).request
    assert request is not None
    return request


@pytest.mark.parametrize(
    ("head", "authority", "host", "path"),
    [
        (b"GET /a HTTP/1.1\r\nHost: Example.com:80\r\n\r\n", "Example.com:80", "example.com", "/a"),
        (b"GET http://Other/a HTTP/1.1\r\nHost: x\r\n\r\n", "Other", "other", "/a"),
        (b"CONNECT h:443 HTTP/1.1\r\nHost: x\r\n\r\n", "h:443", "h", ""),
        (b"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "[::1]:80", "::1", "*"),
        (b"GET / HTTP/1.0\r\n\r\n", "", "", "/"),
        (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "", "", "/"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "a", "a", "/"),
        (b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", "a", "a", "/a"),
    ],
)
def test_who_was_asked_for_what(head: bytes, authority: str, host: str, path: str):
    request = asked(head)
    assert (request.authority, request.host, request.path) == (authority, host, path)


def test_a_query_is_read_out_of_the_target():
    assert asked(b"GET /a?b=%20c&b=+&d HTTP/1.1\r\n\r\n").query == {"b": [" c", " "], "d": [""]}


WHOLE = (
    b"POST http://u@H:1/%FF\xff?a=%zz&\xff=1 HTTP/1.1\r\n"
    b"Host: \xffh:1\r\nContent-Type: a; charset=\xc3\xbc\r\n f\r\n\r\n"
)


def assert_readable(head: bytes) -> None:
    made = exchange(head)
    for half in (made.request, made.response):
        assert half is not None
        assert isinstance(half.text, str)
        assert isinstance(repr(half), str)
        assert all(isinstance(word, str) for field in half.headers for word in field)
    assert isinstance(made.request, Request)
    found = (made.request.path, made.request.host, made.request.authority, made.request.target, made.request.method)
    assert all(isinstance(value, str) for value in found)
    assert all(isinstance(value, str) for values in made.request.query.values() for value in values)


def test_every_cut_of_a_head_can_be_read():
    begin = WHOLE.index(b"\r\n")
    for end in range(begin, len(WHOLE) + 1):
        assert_readable(WHOLE[:end] + b"\r\n")


@given(st.binary(min_size=1).map(lambda target: target.translate(None, b"\n\r \t")).filter(bool), st.binary())
def test_any_target_and_any_fields_can_be_read(target: bytes, fields: bytes):
    assert_readable(b"GET %b HTTP/1.1\r\n%b\r\n\r\n" % (target, fields))
