"""Messages as they were, but for secrets, and for what could command a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Body
from sockfilter.outputs.raw import RawOutput
from sockfilter.protocols.body import BodyPolicy
from tests.support.dialogues import CHUNKED, chunks
from tests.support.exchanges import GET, OK, exchange, rendered
from tests.support.talk import answer

CLIENT, SERVER = "10.0.0.2:40000 -> 10.0.0.1:80\n", "10.0.0.1:80 -> 10.0.0.2:40000\n"
TRAILER = b"Set-Cookie: a=secret\r\nX-Sum: 7\r\n"


def test_an_exchange_byte_for_byte():
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    expected = [CLIENT, GET.decode(), "\n", SERVER, early.decode(), "\n", SERVER, OK.decode(), "hello\n\n"]
    assert rendered(RawOutput, exchange(informational=(early,))) == "".join(expected)


@pytest.mark.parametrize("half", ["request", "response"])
def test_a_half_that_is_missing_is_left_out(half: str):
    shown = rendered(RawOutput, exchange(**{half: None}))
    assert (CLIENT in shown, SERVER in shown) == (half != "request", half != "response")


@given(st.binary())
def test_what_a_terminal_would_obey_is_spelled_out_where_there_is_one(content: bytes):
    made = exchange(b"GET /\x1b[2J HTTP/1.1\r\n\r\n", OK, Body(len(content), len(content), content))
    plain = rendered(RawOutput, made)
    assert content.decode("utf-8", "surrogateescape") in plain
    shown = rendered(RawOutput, made, escape=True)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert "/\\x1b[2J" in shown


def cut_answer(limit: int, trailer: bytes = TRAILER) -> str:
    """A response with trailers, of whose body limit bytes are kept."""
    return rendered(
        RawOutput,
        answer(CHUNKED + chunks(b"hello", trailer=trailer), policy=BodyPolicy(limit, decodes=False, as_sent=True)),
    )


@pytest.mark.parametrize("limit", range(len(chunks(b"hello", trailer=TRAILER)) + 1))
def test_no_cut_shows_a_secret_or_changes_the_rest(limit: int):
    body = cut_answer(limit).rpartition("chunked\r\n\r\n")[2]
    kept = chunks(b"hello", trailer=TRAILER)[:limit].decode()
    before, name, rest = kept.partition("Set-Cookie:")
    assert body.startswith(before + name)
    assert "a=s" not in body
    assert body.rstrip("\n").endswith(rest.partition("\n")[2].rstrip("\n"))


def test_a_long_trailer_takes_no_long_time():
    assert "secret" not in cut_answer(200_000, b"Set-Cookie: a=" + b"secret" * 40_000 + b"\r\n")


def test_a_body_that_ends_like_its_trailers_stays_as_it_was():
    body = b"5\r\nSet-C\r\n0\r\n" + TRAILER + b"\r\n"
    made = answer(CHUNKED + body, policy=BodyPolicy(8, decodes=False, as_sent=True))
    assert rendered(RawOutput, made).endswith("\r\n\r\n5\r\nSet-C\n\n")
