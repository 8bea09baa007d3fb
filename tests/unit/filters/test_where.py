"""Conditions together, what they say of themselves, and what cannot be asked."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from sockfilter import SockfilterError, Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters.conditions import CONDITIONS
from sockfilter.filters.where import SHOWN_MAX
from sockfilter.model import Problem
from tests.support.exchanges import exchange

ONLY = "a compiled pattern, a predicate, or a set"
PROBLEMS = ", ".join(problem.value for problem in Problem)


def test_all_must_hold():
    made = exchange()
    assert Where().matches(made)
    assert Where(method="GET", status=200).matches(made)
    assert not Where(method="GET", status=201).matches(made)
    assert Where(Where(method="GET"), Where(path="/a"), status=200).matches(made)
    assert not Where(Where(method="PUT"), status=200).matches(made)


def test_differences_are_in_the_order_in_which_they_were_asked():
    where = Where(Where(status=201), method="GET", path="/b")
    assert [one.name for one in where.differences(exchange())] == ["status", "path"]


def is_odd(number: int) -> bool:
    return number % 2 == 1


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(), ""),
        (Where(path="/a", status=200), "path='/a', status=200"),
        (Where(Where(path="/a"), Where(status=None)), "path='/a', status=None"),
        (Where(path=re.compile("^/a")), "path=re.compile('^/a')"),
        (Where(body=re.compile(b"a")), "body=re.compile(b'a')"),
        (Where(port=is_odd), "port=is_odd"),
        (Where(status=range(200, 300)), "status=range(200, 300)"),
        (Where(method={"GET"}), "method={'GET'}"),
        (Where(header={"a": None}), "header={'a': None}"),
        (Where("status == 200 and path ~ '^/a'", port=1), "'status == 200', 'path ~ \"^/a\"', port=1"),
    ],
)
def test_representations(where: Where, words: str):
    assert repr(where) == f"Where({words})"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(), ""),
        (Where(path="/a", status=200), 'path == "/a" and status == 200'),
        (Where(Where(path="/a"), Where(status=None)), 'path == "/a" and not status'),
        (Where(path=re.compile('^/a"', re.IGNORECASE)), r'path ~ "(?i)^/a\""'),
        (Where(status=range(200, 300)), "status in 200..299"),
        (Where(status={200, range(400, 500)}), "status == 200 or status in 400..499"),
        (Where(duration=range(1, 3)), "duration >= 1s and duration < 3s"),
        (Where(duration=0.25), "duration == 250ms"),
        (Where(method={"GET", "PUT"}), 'method in {"GET", "PUT"}'),
        (Where(header={"a": None}), "not header.a"),
        (Where(query={"a": None, "b": 3}), 'request and not query.a and query.b == "3"'),
        (Where(request_header="x-id"), "request.header.x-id"),
        (Where(request_header={"odd name": "x"}), 'request.header."odd name" == "x"'),
        (Where(host="API.example"), 'host == "api.example"'),
        (Where(problems=[]), "not problems"),
        (Where(complete=False, client_ip="::1"), "complete == false and client.ip == ::1"),
        (Where("status == 200 or method == GET", port=1), '(status == 200 or method == "GET") and port == 1'),
        # what the language cannot express is shown as an argument
        (Where(port=is_odd), "port=is_odd"),
        (Where(body=re.compile(b"a"), status=200), "body=re.compile(b'a'), status == 200"),
        (Where(json={"a": 1}), "json={'a': 1}"),
        (Where(query={"a": ["1", "2"]}), "query={'a': ['1', '2']}"),
        (Where(grpc_status=None), "grpc_status=None"),
    ],
)
def test_texts(where: Where, words: str):
    assert str(where) == words
    if None not in where.nodes and words:
        assert Where.parse(words).nodes == list(Where.parse(str(Where.parse(words))).nodes)


def test_words_of_what_has_no_name_are_its_repr():
    assert re.fullmatch(r"port=functools\.partial\(.*\)", str(Where(port=partial(max, 1))))
    assert str(Where(port=lambda port: port)) == "port=<lambda>"


@pytest.mark.parametrize("value", [b"x" * 100_000, re.compile("x" * 100_000)])
def test_long_values_are_cut(value: Any):
    words = repr(Where(request_body=value, status=1))
    assert len(words) < SHOWN_MAX + 100
    assert words.endswith(" characters), status=1)")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("method", "get", "method='get': methods are in upper case: 'GET'"),
        ("method", {"get"}, "method={'get'}: methods are in upper case: 'GET'"),
        ("method", b"GET", f"method=b'GET': it must be a string, {ONLY}"),
        ("method", ["GET"], f"method=['GET']: it must be a string, {ONLY}"),
        ("method", None, f"method=None: it must be a string, {ONLY}"),
        ("path", "/a?b", "path='/a?b': a path has no query: use target= for both, or query= for the parameters"),
        ("path", {"/a?b"}, "path={'/a?b'}: a path has no query: use target= for both, or query= for the parameters"),
        ("path", 3, f"path=3: it must be a string, {ONLY}"),
        ("path", range(3), "path=range(0, 3): it must be a string; a range matches only numbers"),
        ("target", {"/", 3}, f"it must be a string, {ONLY}"),
        ("host", 80, f"host=80: it must be a string, {ONLY}"),
        ("query", 3, "query=3: it must be a name, or names with values, as in {'name': 'value'}"),
        ("query", ["a"], "query=['a']: it must be a name, or names with values, as in {'name': 'value'}"),
        ("query", str.isupper, "a predicate needs a name, as in {'name': predicate}"),
        ("query", {"a": 1.5}, f"query={{'a': 1.5}}: it must be a string, {ONLY}"),
        ("query", {"a": True}, f"query={{'a': True}}: it must be a string, {ONLY}"),
        ("query", {"a": range(3)}, "query={'a': range(0, 3)}: it must be a string; a range matches only numbers"),
        ("query", {"a": [b"x"]}, "query={'a': [b'x']}: a list must have all values, as strings"),
        ("header", re.compile("a"), "it must be a name, or names with values, as in {'name': 'value'}"),
        ("request_header", None, "it must be a name, or names with values, as in {'name': 'value'}"),
        ("response_header", {"a": b"x"}, f"response_header={{'a': b'x'}}: it must be a string, {ONLY}"),
        ("body", {"a": 1}, f"body={{'a': 1}}: it must be bytes or a string, {ONLY}"),
        ("request_body", None, f"request_body=None: it must be bytes or a string, {ONLY}"),
        ("response_body", {3}, f"response_body={{3}}: it must be bytes or a string, {ONLY}"),
        ("json", range(3), "json=range(0, 3): it must be a value; a range matches only numbers"),
        ("status", "200", f"status='200': it must be a number, or None for no response, {ONLY}"),
        ("status", True, f"status=True: it must be a number, or None for no response, {ONLY}"),
        ("status", [200], f"status=[200]: it must be a number, or None for no response, {ONLY}"),
        ("status", {200, "x"}, f"it must be a number, or None for no response, {ONLY}"),
        ("port", None, f"port=None: it must be a number, {ONLY}"),
        ("duration", "1s", f"duration='1s': it must be a number of seconds, {ONLY}"),
        ("duration", None, f"duration=None: it must be a number of seconds, {ONLY}"),
        ("problems", "gaps", f"problems='gaps': there is no problem 'gaps'; the problems are {PROBLEMS}"),
        ("problems", ["gap", "gaps"], f"there is no problem 'gaps'; the problems are {PROBLEMS}"),
        ("problems", frozenset({"gaps"}), f"there is no problem 'gaps'; the problems are {PROBLEMS}"),
        ("problems", [3], f"there is no problem 3; the problems are {PROBLEMS}"),
        ("problems", None, f"problems=None: it must be a problem's name, {ONLY}"),
        ("complete", 1, f"complete=1: it must be True or False, {ONLY}"),
        ("complete", None, f"complete=None: it must be True or False, {ONLY}"),
        ("pth", "/", "there is no condition 'pth'; did you mean path?"),
        ("requestheader", "/", "there is no condition 'requestheader'; did you mean request_header?"),
        ("zzz", "/", f"there is no condition 'zzz'; there are {', '.join(CONDITIONS)}"),
    ],
)
def test_what_can_never_be_is_refused(name: str, value: Any, words: str):
    with pytest.raises(InvalidArgument, match=re.escape(words) + "$") as refusal:
        Where(**{name: value})
    assert isinstance(refusal.value, SockfilterError)
    assert isinstance(refusal.value, ValueError)


@pytest.mark.parametrize("name", CONDITIONS)
def test_whatever_is_refused_is_named(name: str):
    """object() is nobody's value but JSON's, which no other is equal to."""
    if name.endswith("json"):
        assert not Where(**{name: object()}).matches(exchange())
        return
    with pytest.raises(InvalidArgument, match=f"^{name}=<object object at "):
        Where(**{name: object()})


def test_a_value_without_its_name_is_refused():
    with pytest.raises(InvalidArgument, match=r"^3 is not a condition: use a name, as in path=3, or a filter$"):
        Where(3)  # type: ignore[arg-type]  # that is the point
