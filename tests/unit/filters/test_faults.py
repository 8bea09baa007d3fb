"""Filters that cannot be: what is said, and the place that is shown."""

from __future__ import annotations

import pytest

from sockfilter import Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters.parser import FILTER_CHARS_MAX, NESTING_MAX


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("stauts = 500", "stauts", "there is no field stauts; did you mean status?"),
        ("STATUS == 500", "STATUS", "there is no field STATUS; did you mean status?"),
        ("status = 500", "=", "use == in place of ="),
        ("status === 500", "===", "use == in place of ==="),
        ("path =~ '/a'", "=~", "use ~ in place of =~"),
        ("status == x", "x", "status is compared with a whole number, and not with x"),
        ("status == 1.5", "1.5", "status is compared with a whole number, and not with 1.5"),
        ("status ~ '5'", "~", "status is a number, which ==, !=, <, <=, >, >= and in compare"),
        ("status >= 5xx", "5xx", "5xx stands for several values, which ==, != and in compare"),
        ("status in 599..500", "599..500", "the range is empty: its first value comes first"),
        ("method > 3", ">", "method is a text, which ==, !=, ~, !~, contains, startswith, endswith and in compare"),
        ("method == get", "get", "methods are in upper case: GET"),
        ("method in {GET, post}", "post", "methods are in upper case: POST"),
        ("path == '/a?b=c'", "'/a?b=c'", "a path has no query: compare target, or query.NAME"),
        ("path == /a?b=c", "=", 'a value with such characters needs quotes, as in path == "/a?b=c"'),
        ("path ~ '('", "'('", "'(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        (r'path == "\q"', r'"\q"', r"there is no escape \q; \\ is a backslash"),
        ('path == "a', '"a', 'the string that begins here has no closing "'),
        ("path.foo('x')", "foo", "there is no function foo; a field has startsWith, endsWith, contains, matches"),
        (
            "duration > 5parsec",
            "5parsec",
            "duration is compared with a time such as 200ms, 1.5s or 2m, and not with 5parsec",
        ),
        ("size > 10K", "10K", "size is compared with a size such as 500, 10KiB or 2MB, and not with 10K"),
        ("complete == 1", "1", "complete is compared with true or false, and not with 1"),
        ("complete in {true}", "complete", "complete is true or false, which == and != compare"),
        (
            "ip == 10.0.0",
            "10.0.0",
            "ip is compared with an address or a network, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8, and not with"
            " 10.0.0",
        ),
        ("problems == gpa", "gpa", "gpa is not a problem; did you mean gap?"),
        ("protocol == htpp", "htpp", "htpp is not a protocol; did you mean http?"),
        ("grpc_status == not_found", "not_found", "not_found is not a status of gRPC; did you mean NOT_FOUND?"),
        ("json.a > true", "true", "> compares numbers and texts, and not true"),
        ("header == 3", "header", "header needs a name, as in header.content-type"),
        ("query == 3", "query", "query needs a name, as in query.id"),
        ("status.x == 3", ".x", "status has no parts"),
        (
            "client.foo",
            "client.foo",
            "there is no field client.foo; did you mean client.port?",
        ),
        ("ip.src == 10.0.0.1", "ip.src", "there is no field ip.src; use client.ip or server.ip"),
        ("status & method", "&", "use &&, or and"),
        ("status | method", "|", "use ||, or or"),
        ("status 500", "500", "expected an operator such as == or ~, and, or, or the end, found 500"),
        ("== 500", "==", "expected a field, such as status, found =="),
        ("status)", ")", "expected the end, found )"),
        ("status == 500 method", "method", "expected and, or, or the end, found method"),
    ],
)
def test_what_is_said(text: str, place: str, words: str):
    with pytest.raises(InvalidArgument) as refusal:
        Where(text)
    said, line, mark = str(refusal.value).split("\n")
    assert said == f"the filter: {words}"
    assert line == f"    {text}"
    assert line[len(mark) - mark.count("^") : len(mark)] == place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("status ==", "it ends where a value should come"),
        ("status and", "it ends where a field, such as status should come"),
        ("(status", "it ends where ) should come"),
        ("status in {1,", "it ends where a value should come"),
    ],
)
def test_what_ends_too_early_is_marked_at_its_end(text: str, words: str):
    with pytest.raises(InvalidArgument) as refusal:
        Where(text)
    assert str(refusal.value) == f"the filter: {words}\n    {text}\n    {' ' * len(text)}^"


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_filter(text: str):
    with pytest.raises(InvalidArgument, match=r"^the filter: it is empty; an example is: status >= 500$"):
        Where(text)


def test_long_filters_are_shown_around_the_place():
    text = " or ".join(["path == /some/path"] * 100) + " or stauts" + " or status == 200" * 100
    with pytest.raises(InvalidArgument) as refusal:
        Where(text)
    _, line, mark = str(refusal.value).split("\n")
    assert line.startswith("    ...")
    assert line.endswith("...")
    assert len(line) < 100
    assert line[mark.index("^") : len(mark)] == "stauts"


def test_control_characters_are_not_shown_as_they_are():
    with pytest.raises(InvalidArgument) as refusal:
        Where("path == '\x1b[31m' stauts")
    assert "\x1b" not in str(refusal.value)


def test_length_is_bounded():
    with pytest.raises(InvalidArgument, match=f"it has {FILTER_CHARS_MAX + 1} characters; at most"):
        Where("x" * (FILTER_CHARS_MAX + 1))


def test_nesting_is_bounded():
    text = "status"
    for level in range(NESTING_MAX * 2):
        text = f"method and ({text})" if level % 2 else f"method or ({text})"
    with pytest.raises(InvalidArgument, match="it is nested too deeply; at most"):
        Where(text)


@pytest.mark.parametrize("text", ["not " * 4000 + "status", "(" * 8000 + "status" + ")" * 8000, "!" * 8000 + "status"])
def test_what_only_looks_deep_is_not(text: str):
    assert str(Where(text)) in ("status", "not status")
