"""What people read: columns that hold, and nothing of a peer's that a terminal obeys."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.forms.line import BODIES, HEADERS
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.model import Body, Connection, Endpoint, Problem
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.raw import RawOutput
from tests.support.exchanges import GET, OK, Collected, exchange, rendered


def test_a_line():
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.000  10\.0\.0\.2:40000 > 10\.0\.0\.1:80  +GET /a +200       5 B      3 us\n",
        rendered(TextOutput, exchange()),
    )


def test_columns_hold_and_widen_once():
    output = TextOutput(Collected())
    targets = [b"/", b"/" + b"x" * 40, b"/"]
    lines = [output.render(exchange(GET.replace(b"/a", target))) for target in targets]
    at = [line.index(b"  200  ") for line in lines]
    assert at[0] < at[1] == at[2]


def test_a_long_target_does_not_push_the_lines_behind_it():
    output = TextOutput(Collected())
    output.render(exchange(GET.replace(b"/a", b"/" + b"x" * 5000)))
    assert len(output.render(exchange())) < 200


@pytest.mark.parametrize(("half", "words"), [("request", "(no request)"), ("response", "  -         -         -  [")])
def test_a_missing_half(half: str, words: str):
    made = exchange(**{half: None})
    made.add_problems(Problem.NO_RESPONSE, Problem.RESET)
    assert words in rendered(TextOutput, made)
    assert rendered(TextOutput, made).endswith("  [no-response, reset]\n")


def test_interfaces_are_named_on_request():
    assert rendered(TextOutput, exchange(interface="\x1b[7m"), interfaces=True).startswith(r"\x1b[7m  ")


@pytest.mark.parametrize("status", [100, 200, 304, 404, 503, 999])
def test_colours_change_no_word(status: int):
    made = exchange(response=b"HTTP/1.1 %d x\r\n\r\n" % status)
    coloured = rendered(TextOutput, made, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == rendered(TextOutput, made)


@given(st.binary(), st.sampled_from([0, HEADERS, BODIES]))
def test_whatever_a_peer_sends_a_terminal_shows(sent: bytes, verbosity: int):
    word, value = sent.replace(b"\n", b""), sent.replace(b"\n", b"\n ")
    body = Body(len(sent), len(sent), sent, b"\r\nT: " + value + b"\r\n\r\n")
    request = b"GET /%s HTTP/1.1\r\n%s: %s\r\n\r\n" % (word, word, value)
    shown = rendered(TextOutput, exchange(request, b"HTTP/1.1 200 %s\r\n\r\n" % word, body), verbosity=verbosity)
    assert shown.replace("\n", "").replace("\t", "").isprintable()


def test_headers_are_as_they_were_sent():
    shown = rendered(TextOutput, exchange(GET[:-2] + b"a:1\r\nA:  2 \r\n 3\r\n\r\n"), verbosity=HEADERS)
    assert "    > GET /a HTTP/1.1\n    > Host: x\n    > a: 1\n    > A: 2 3\n    < HTTP/1.1 200 OK\n" in shown
    assert "hello" not in shown


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (Body(6, 6, b"hello\n"), ["hello"]),
        (Body(6, 6, b"a\r\n\nb\x1b"), ["a", "", r"b\x1b"]),
        (Body(2, 2, b"\n\n"), ["", ""]),
        (Body(9, 9, b"hello"), ["hello", "(5 of 9 bytes kept)"]),
        (Body(9, None, b"hello"), ["hello", "(5 of ? bytes kept)"]),
        (Body(9, 9, b""), ["(0 of 9 bytes kept)"]),
        (Body(9, 9, "a\u20ac".encode()[:2]), ["a", "(2 of 9 bytes kept)"]),
        (Body(2, 2, "\u20ac".encode()[:2]), ["(2 bytes, not text)"]),
        (Body(9, 9, b"a\0\xe2"), ["(3 bytes, not text)", "(3 of 9 bytes kept)"]),
        (Body(3, 3, b"\0\1\2"), ["(3 bytes, not text)"]),
    ],
)
def test_bodies(body: Body, lines: list[str]):
    shown = rendered(TextOutput, exchange(body=body), verbosity=BODIES)
    assert shown.partition("Content-Length: 5\n")[2].splitlines() == ["    <", *(f"    < {line}" for line in lines), ""]


@pytest.mark.parametrize("verbosity", [HEADERS, BODIES])
def test_secrets_are_masked_unless_asked_for(verbosity: int):
    request = b"GET /?key=secret HTTP/1.1\r\nCookie: a=secret\r\n\r\n"
    made = exchange(request, OK, Body(0, 0, b"", b"\r\nSet-Cookie: b=secret\r\n\r\n"))
    assert "secret" not in rendered(TextOutput, made, verbosity=verbosity)
    assert rendered(TextOutput, made, verbosity=verbosity, show_secrets=True).count("secret") == 4


def test_addresses_as_people_write_them():
    ends = (Endpoint("::1", 5000), Endpoint("fd00::2", 80))
    assert "  [fd00::2]:80 > [::1]:5000  " in rendered(TextOutput, exchange(connection=Connection(1, "lo", ends, 1)))


def test_the_name_of_a_unix_socket_is_for_whoever_bound_it_to_choose():
    ends = (Endpoint("unix", 0), Endpoint("unix:/run/\x1b[2J\udcff", 0))
    made = exchange(connection=Connection(1, "lo", ends, 0))
    for options in ({}, {"processes": True}, {"columns": lambda: 200}):
        assert r"  unix > unix:/run/\x1b[2J\xff  " in rendered(TextOutput, made, **options)
    assert r"unix -> unix:/run/\x1b[2J\xff" in rendered(RawOutput, made)
    assert json.loads(rendered(JsonOutput, made))["server"]["ip"] == "unix:/run/\x1b[2J\xff"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        *[(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_950, "100 kB"), (999_499, "999 kB")],
        *[(999_500, "1.0 MB"), (1 << 30, "1.1 GB"), (999_500_000_000, "1.0 TB"), (5 * 10**15, "5000.0 TB")],
    ],
)
def test_sizes(size: int, shown: str):
    assert size_text(size) == shown


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        *[(None, "-"), (0, "0 us"), (499, "0 us"), (999_499, "999 us"), (999_999, "1.0 ms"), (1_000_000, "1.0 ms")],
        *[(999_949_999, "999.9 ms"), (999_999_999, "1.00 s"), (61_000_000_000, "61.00 s")],
    ],
)
def test_durations(ns: int | None, shown: str):
    assert duration_text(ns) == shown
