"""Peers write to a terminal only what it shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.escape import BLANK, printable, printable_lines, printable_target
from sockfilter.model.headers import text

# as a line has one
ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


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


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("e\u0301", "e\u0301"),
        ("e\u0301\u0301", "e\u0301\\u0301"),
        ("v\u0336", r"v\u0336"),
        ("a" + "\u0300" * 3, "a\u0300" + r"\u0300" * 2),
        ("\u0300", r"\u0300"),
        (" \u0301", r" \u0301"),
        ("\u0928\u093f\u0930\u094d", "\u0928\u093f\u0930\u094d"),
        ("\u0e01\u0e33\u0e49", "\u0e01\u0e33\u0e49"),
        ("\u05e9\u05c1\u05b8", "\u05e9\u05c1\u05b8"),
        ("\u05e9" + "\u05b8" * 4, "\u05e9" + "\u05b8" * 3 + r"\u05b8"),
        ("a\u05b8", r"a\u05b8"),
        ("\u2764\ufe0f", "\u2764" + r"\ufe0f"),
        ("a\u034fb", r"a\u034fb"),
        ("a\u20dd", r"a\u20dd"),
        ("x\U000e0100", r"x\U000e0100"),
    ],
)
def test_marks_are_shown_on_letters_that_have_them(sent: str, shown: str):
    assert printable(sent) == shown


@pytest.mark.parametrize("blank", sorted(BLANK), ids=lambda one: f"{ord(one):04x}")
def test_what_shows_nothing_is_spelled_out(blank: str):
    code = ord(blank)
    assert printable(f"a{blank}b") == (f"a\\u{code:04x}b" if code < 0x10000 else f"a\\U{code:08x}b")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("/a?q=b%20c", "/a?q=b%20c"),
        ("/    200  971 B", r"/\x20\x20\x20\x20200\x20\x20971\x20B"),
        (r"/\x1b[31m", r"/\x5cx1b[31m"),
        ("/\x1b", r"/\x1b"),
    ],
)
def test_targets_look_like_nothing_else(sent: str, shown: str):
    assert printable_target(sent) == shown


@given(st.text())
def test_a_target_has_neither_spaces_nor_backslashes_of_its_own(sent: str):
    shown = printable_target(sent)
    assert " " not in shown
    assert ESCAPE.sub(lambda found: chr(int(found[0][2:], 16)), shown) == sent
