"""What is masked, and that nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.masking import mask_field, mask_head, mask_query, mask_start_line, mask_target
from sockfilter.masking.bodies import mask_content


@pytest.mark.parametrize(
    ("target", "masked"),
    [
        ("/?token=s&q=1", "/?token=***&q=1"),
        ("/?q=1;API-Key=s#id_token=s", "/?q=1;API-Key=***#id_token=***"),
        ("/?xtoken=1&tokens=2&token=", "/?xtoken=1&tokens=2&token="),
        ("token=s", "token=***"),
        ("/token=1", "/token=1"),
        ("http://u:s@h/p@q", "http://u:***@h/p@q"),
        ("http://s@h/", "http://***@h/"),
        ("http://u:s@t@h/?a@b", "http://u:***@h/?a@b"),
        ("http://h/u:p@x", "http://h/u:p@x"),
        ("/u:p@x", "/u:p@x"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_targets(target: str, masked: str):
    assert mask_target(target) == masked


def test_a_file_that_is_called_a_form_stays_as_it_is():
    kind = "application/x-www-form-urlencoded"
    assert mask_content(b"\r\npassword=s&user=joe\n", kind) == b"\r\npassword=***&user=joe\n"
    assert mask_content(b"\0\x1f&password=s&user=joe", kind) == b"\0\x1f&password=s&user=joe"


def test_queries():
    found = {"token": ["s", ""], "Api-Key": ["s"], "q": ["1"], "tokens": ["2"], "key": None, "sig": []}
    masked = {"token": ["***", ""], "Api-Key": ["***"], "q": ["1"], "tokens": ["2"], "key": None, "sig": []}
    assert mask_query(found) == masked


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("GET /?key=s HTTP/1.1", "GET /?key=*** HTTP/1.1"),
        ("GET \t /?key=s t \t HTTP/1.1 ", "GET \t /?key=*** \t HTTP/1.1 "),
        ("GET /?key=s", "GET /?key=***"),
        ("HTTP/1.1 200 /?key=s", "HTTP/1.1 200 /?key=***"),
        ("GET", "GET"),
        ("GET ", "GET "),
        ("", ""),
    ],
)
def test_start_lines(line: str, masked: str):
    assert mask_start_line(line) == masked


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("authorization", "Bearer s", "Bearer ***"),
        ("Proxy-Authorization", "s", "***"),
        ("Authorization", "", ""),
        ("COOKIE", "a=s; b=s=s;c; ", "a=***; b=***; ***; "),
        ("Set-Cookie", "a=s; Path=/; secure; odd=s", "a=***; Path=/; secure; odd=***"),
        ("Set-Cookie", "path=s; Path=/", "path=***; Path=/"),
        ("X-API-Key ", "s", "***"),
        ("Location", "/?sig=s", "/?sig=***"),
        ("Host", "token=x", "token=x"),
    ],
)
def test_fields(name: str, value: str, masked: str):
    assert mask_field(name, value) == masked


@pytest.mark.parametrize(
    ("head", "masked"),
    [
        (b"G / HTTP/1.1\r\nA:1\r\n B\r\n\r\n", b"G / HTTP/1.1\r\nA:1\r\n B\r\n\r\n"),
        (b"G / HTTP/1.1\nCookie:a=s\nB: 2\n\n", b"G / HTTP/1.1\nCookie: a=***\nB: 2\n\n"),
        (b"G / HTTP/1.1\r\nCookie:\r\n a=s\r\n\r\n", b"G / HTTP/1.1\r\nCookie: a=***\r\n\r\n"),
        (b"G / HTTP/1.1\r\n\xff: \xff\r\nX-Api-Key: \xff", b"G / HTTP/1.1\r\n\xff: \xff\r\nX-Api-Key: ***"),
        (b"G / HTTP/1.1\r\nCookie a=b\r\n\r\n", b"G / HTTP/1.1\r\nCookie ***\r\n\r\n"),
    ],
    ids=["nothing secret", "bare line feeds", "folded", "bytes that are no text", "no colon"],
)
def test_heads(head: bytes, masked: bytes):
    assert mask_head(head) == masked


@given(st.binary())
def test_a_head_without_secrets_stays_as_it_was(sent: bytes):
    plain = sent.replace(b"=", b"").replace(b"@", b"").replace(b":", b"")
    assert mask_head(b"GET / HTTP/1.1\r\nX: " + plain) == b"GET / HTTP/1.1\r\nX: " + plain


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b" ", b"\t", b":", b"=", b";", b"x", b"Cookie", b"Host: a\r\n"])),
    st.booleans(),
)
def test_no_way_of_writing_a_cookie_shows_it(parts: list[bytes], is_first: bool):
    """Wherever it stands in the field: in its first line, or in one that goes on with it."""
    field = b"Cookie: k=SECRET" if is_first else b"Cookie:\r\n k=SECRET"
    assert b"SECRET" not in mask_head(b"GET / HTTP/1.1\r\n" + b"".join(parts) + b"\r\n" + field + b"\r\n\r\n")
