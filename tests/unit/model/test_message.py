"""Bodies and heads of messages, as they tell of themselves."""

from __future__ import annotations

import pytest

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
