"""Fields as they were sent, found without regard to case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Headers
from sockfilter.model.headers import text


def read(fields: bytes) -> list[tuple[str, str]]:
    return list(Headers.from_head(b"GET / HTTP/1.1\r\n" + fields + b"\r\n"))


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        (b"", []),
        (b"Host: x\r\nhOsT:y\r\n", [("Host", "x"), ("hOsT", "y")]),
        (b"A:\t 1 \t\r\nB :2\r\nC:\r\n", [("A", "1"), ("B", "2"), ("C", "")]),
        (b"A: 1\nB: 2\r\n", [("A", "1"), ("B", "2")]),
        (b"A: a:b: c\r\n", [("A", "a:b: c")]),
        (b"A: 1\r\n 2\r\n\t3 \r\nB: 4\r\n", [("A", "1 2 3"), ("B", "4")]),
        (b"A:\r\n 1\r\n \r\n", [("A", "1")]),
        (b" A: 1\r\n", [(" A", "1")]),
        (b"A\r\n:1\r\n", [("A", ""), ("", "1")]),
        (b"\xc3\xa4: \xe2\x82\xac\r\n", [("\u00e4", "\u20ac")]),
    ],
)
def test_fields(sent: bytes, fields: list[tuple[str, str]]):
    assert read(sent) == fields


@given(st.binary())
def test_every_byte_of_a_value_comes_back(sent: bytes):
    value = sent.replace(b"\n", b"").strip(b" \t\r")
    assert text(value).encode("utf-8", "surrogateescape") == value
    assert read(b"A: " + value + b"\r\n") == [("A", text(value))]


@given(st.binary())
def test_any_bytes_are_some_fields(sent: bytes):
    for name, value in Headers.from_head(sent):
        assert "\n" not in name + value


def test_finding():
    headers = Headers([("Set-Cookie", "a"), ("X", ""), ("set-cookie", "b")])
    assert headers["SET-COOKIE"] == "a"
    assert headers.get_all("Set-cookie") == ["a", "b"]
    assert "x" in headers
    assert headers["x"] == ""
    assert len(headers) == 3


def test_not_finding():
    headers = Headers([("X", "1")])
    assert "y" not in headers
    assert 5 not in headers
    assert headers.get("y") is None
    assert headers.get("y", "2") == "2"
    assert headers.get_all("y") == []
    with pytest.raises(KeyError, match="'y'"):
        headers["y"]


def test_equal_fields_are_equal():
    assert Headers([("A", "1")]) == Headers([("A", "1")])
    assert Headers([("A", "1")]) != Headers([("a", "1")])
    assert Headers([]) != []
    assert repr(Headers([("A", "1")])) == "Headers([('A', '1')])"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Headers([]))
