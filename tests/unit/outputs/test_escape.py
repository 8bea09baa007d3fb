"""Peers write to a terminal only what it shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.headers import text
from sockfilter.outputs.escape import printable, printable_lines


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"/path?q=a%20b", "/path?q=a%20b"),
        ("/k\u00e4se/\U0001f9c0".encode(), "/k\u00e4se/\U0001f9c0"),
        (b"\x1b[2J", r"\x1b[2J"),
        (b"a\rb\nc\td\0", r"a\x0db\x0ac\x09d\x00"),
        (b"\x7f", r"\x7f"),
        ("\x9b31m".encode(), r"\x9b31m"),
        (b"\x9b31m", r"\x9b31m"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("\u202egnp.exe".encode(), r"\u202egnp.exe"),
        ("\u2028\U000e0001".encode(), r"\u2028\U000e0001"),
        (rb"C:\x1b", r"C:\x1b"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(sent: bytes, shown: str):
    assert printable(text(sent)) == shown


@given(st.binary())
def test_any_bytes_become_one_line_that_can_be_printed(sent: bytes):
    assert printable(text(sent)).isprintable()


@given(st.binary())
def test_lines_stay_lines_and_tabs_stay_tabs(sent: bytes):
    shown = printable_lines(text(sent))
    assert shown.count("\n") == sent.count(b"\n")
    assert shown.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.parametrize(
    ("sent", "shown"), [("a\r\nb", "a\nb"), ("a\rb", r"a\x0db"), ("a\r\r\n", "a\\x0d\n"), ("", "")]
)
def test_carriage_returns_are_shown_where_they_do_not_end_a_line(sent: str, shown: str):
    assert printable_lines(sent) == shown
