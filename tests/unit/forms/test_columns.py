"""Text in columns: wide characters count twice, marks not at all, and nothing is cut in two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.escape import printable
from sockfilter.forms.columns import UNIT, RecentWidth, padded, shortened, shortened_front, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        *[("", 0), ("abc", 3), ("\u4e2d\u6587", 4), ("\uff21", 2), ("e\u0301", 1), ("\u00e9", 1), ("\u1100\u1161", 2)],
        *[("\U0001f600", 2), ("\u0e01\u0e34", 1), ("\u03b1", 1), ("\u20dd", 0)],
    ],
)
def test_widths(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "room", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc..."),
        ("\u4e2d\u6587\u4e2d\u6587", 6, "\u4e2d..."),
        ("\u4e2d\u6587\u4e2d\u6587", 7, "\u4e2d\u6587..."),
        ("ab\\x1bcdef", 8, "ab..."),
        ("ab\\x1bcdef", 9, "ab\\x1b..."),
        ("\\U000e0041xyz", 9, "..."),
        ("ab%20cdef", 7, "ab..."),
        ("ab%20cdef", 8, "ab%20..."),
        ("ae\u0301xyzw", 5, "ae\u0301..."),
        ("abcdef", 3, "..."),
        ("abcdef", 1, "."),
        ("abcdef", 0, ""),
    ],
)
def test_shortened(text: str, room: int, shown: str) -> None:
    assert shortened(text, room) == shown


def test_the_end_is_what_stays() -> None:
    assert shortened_front("10.9.0.1:8000", 10) == "....1:8000"
    assert shortened_front("ae\u0301xyzw", 5) == "...zw"
    assert shortened_front("short", 5) == "short"


@given(st.binary(), st.integers(0, 40))
def test_whatever_a_peer_sends_fits_and_stays_whole(sent: bytes, room: int) -> None:
    text = printable(sent.decode("utf-8", "surrogateescape"))
    for cut, units in (
        (shortened(text, room), UNIT.findall(text)),
        (shortened_front(text, room), UNIT.findall(text)[::-1]),
    ):
        assert width(cut) <= room
        assert width(padded(cut, room)) == room
        kept = cut if cut == text else cut.removesuffix("...") if cut.endswith("...") else cut.removeprefix("...")
        if cut != text and room > 3:
            whole = {"".join(units[:count]) for count in range(len(units) + 1)}
            back = {"".join(units[:count][::-1]) for count in range(len(units) + 1)}
            assert kept in whole | back


def test_a_column_gives_back_what_nobody_needs() -> None:
    column = RecentWidth()
    assert [column.follow(5), column.follow(30), column.follow(5)] == [5, 30, 30]
    found = [column.follow(5) for _ in range(50)]
    assert (found[0], found[-1]) == (30, 5)
    assert found == sorted(found, reverse=True)
