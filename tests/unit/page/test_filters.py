"""The filter language of the page is that of -Y: the front end's own evaluator agrees with Python's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sockfilter import Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters import kinds
from sockfilter.filters.tree import Comparison, Node, comparisons
from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.message_dict import message_dict
from sockfilter.model import Exchange
from tests.support.exchanges import exchange
from tests.support.page import FrontEnd, Refused, front_end
from tests.unit.filters import test_faults, test_language, test_round_trip
from tests.unit.filters.test_language import lines, made

BROUGHT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def page() -> Iterator[FrontEnd]:
    with front_end() as started:
        yield started


def as_line(one: Exchange) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(to_dict(one)))
    return found


def others() -> list[Exchange]:
    """Exchanges in which something is missing or odd."""
    return [
        exchange(),
        exchange(None),
        exchange(b"GET http://[::1]:8080/x%ff?q=%e9&q HTTP/1.1\r\nHost: a@B:1\r\n\r\n", None),
        exchange(b"HEAD * HTTP/1.0\r\n\r\n", b"HTTP/1.1 500 \r\nContent-Type: text/event-stream\r\n\r\n"),
        exchange(b"CONNECT h:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 101 S\r\nUpgrade: WebSocket\r\n\r\n"),
    ]


KNOWN = [made(), *others()]
KNOWN_LINES = [as_line(one) for one in KNOWN]


@pytest.mark.parametrize("text", [*lines(test_language.HOLDS), *lines(test_language.FAILS)])
def test_a_filter_holds_as_in_python(page: FrontEnd, text: str) -> None:
    where = Where.parse(text)
    assert page.matches(text, *KNOWN_LINES) == [where.matches(one) for one in KNOWN]


def cases(test: Any) -> list[Any]:
    """The cases of another test."""
    return list(test.pytestmark[0].args[1])


@pytest.mark.parametrize("text", [case[0] for case in cases(test_faults.test_what_is_said)])
def test_what_python_refuses_is_refused(page: FrontEnd, text: str) -> None:
    with pytest.raises(Refused):
        page.matches(text)


def is_exact(node: Node) -> bool:
    """Whether numbers in it are those of JavaScript too, and patterns those that both have."""
    return all(map(is_plain, comparisons(node)))


def is_plain(comparison: Comparison) -> bool:
    if comparison.name.field.kind is not kinds.ANY:
        return True
    return not any(isinstance(value, (int, float)) and abs(value) > 2**53 for value in comparison.values)


@BROUGHT
@given(test_round_trip.NODES.filter(is_exact))
def test_made_filters_hold_as_in_python(page: FrontEnd, node: Node) -> None:
    text = str(node)
    where = Where.parse(text)
    assert page.matches(text, *KNOWN_LINES) == [where.matches(one) for one in KNOWN]


PARTS = st.sampled_from(
    [
        *test_round_trip.PARTS.split(),
        "method",
        "GET",
        "host",
        "duration",
        "1s",
        "ip",
        "10.0.0.0/8",
        "5xx",
        "problems",
        "gap",
    ]
)


@BROUGHT
@given(st.text() | st.lists(PARTS, max_size=10).map(" ".join) | st.lists(PARTS, max_size=6).map("".join))
@example("path == /a..b")
@example("status in {200 ..299}")
def test_whatever_is_typed_means_the_same_or_is_refused_by_both(page: FrontEnd, text: str) -> None:
    try:
        wanted = [Where.parse(text).matches(one) for one in KNOWN]
    except InvalidArgument:
        with pytest.raises(Refused):
            page.matches(text)
        return
    assert page.matches(text, *KNOWN_LINES) == wanted


PATTERNS = r"""
^/a$
(?i)^GET$
\bcaf
\Aa.c\Z
a$
(?P<x>a)(?P=x)
(?P<x>.)b\1
[\w.-]+
[^\d\s]
[]a]
[^]a]
[a\]b]
\x61\u00e9
a{2,3}?
a{,2}b
x{
(?:a|b)+
(?<=a)b(?!c)
(?s)a.b
(?m)^b$
a.b
\d+
\S\W
[\W_]
é
\t|\n
a\-b
[a\-z]
\/x
(?#note)a
"""
TEXTS = [
    "a",
    "/a",
    "get",
    "café",
    "aa",
    "bb",
    "ab",
    "a\nb",
    "a\n",
    "b",
    "x{",
    "٣",
    "a-b",
    "]",
    "-",
    "_",
    "é",
    "",
    "a b",
    "\t",
    "/x",
    "b,",
]


@pytest.mark.parametrize("pattern", lines(PATTERNS))
def test_a_pattern_finds_what_it_finds_in_python(page: FrontEnd, pattern: str) -> None:
    asked = [exchange() for _ in TEXTS]
    for one, text in zip(asked, TEXTS, strict=True):
        one.processes = None, None
        assert one.request is not None
        one.request.head._headers = type(one.request.headers)([("x", text)])  # a head of HTTP/1 has no line feeds
    where = Where(f'header.x ~ "{pattern}"')
    assert page.matches(f'header.x ~ "{pattern}"', *map(as_line, asked)) == [where.matches(one) for one in asked]


@pytest.mark.parametrize("pattern", ["(", "[a", "a++", "(?>a)", "(?x) a", "*a", "(?(1)a)", "\\q"])
def test_what_no_pattern_of_both_is_is_refused(page: FrontEnd, pattern: str) -> None:
    with pytest.raises(Refused):
        page.matches(f"path ~ '{pattern}'")


@pytest.mark.parametrize(("text", "holds"), cases(test_language.test_messages))
def test_messages(page: FrontEnd, text: str, holds: bool) -> None:
    message = test_language.message(opened=made())
    found = json.loads(json.dumps(message_dict(message)))
    assert page.matches(text, found, opener=as_line(made())) == [holds]
