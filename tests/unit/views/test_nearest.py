"""Which exchange is the nearest, and what is said of it."""

from __future__ import annotations

import re

import pytest

from sockfilter import Exchange, Where
from sockfilter.model import Body, Problem
from sockfilter.views import nearest as finding
from sockfilter.views.differences import VALUE_MAX
from sockfilter.views.nearest import COMPARED_MAX
from tests.support.exchanges import exchange


def asked(line: str, fields: str = "", status: int = 200, body: bytes = b"") -> Exchange:
    head = f"{line} HTTP/1.1\r\n{fields}\r\n".encode("utf-8", "surrogateescape")
    return exchange(head, b"HTTP/1.1 %d X\r\n\r\n" % status, Body(len(body), len(body), body))


def nearest(where: Where, seen: list[Exchange]) -> str:
    """The nearest, and a line for each difference."""
    found = finding.nearest(where, seen, [])
    return "" if found is None else "\n".join([repr(found.exchange), *found.lines])


def first_line(words: str) -> str:
    return words.split("\n")[0]


def test_there_is_none_where_nothing_was_seen():
    assert nearest(Where(path="/"), []) == ""


def test_what_is_different_is_said_of_it():
    words = nearest(Where(method="GET", path="/items", status=201), [asked("GET /item")])
    assert words.split("\n") == [
        "<Exchange 17 10.0.0.2:40000 > 10.0.0.1:80 GET /item 200>",
        "path: expected '/items', found '/item'",
        "status: expected 201, found 200",
    ]


@pytest.mark.parametrize(
    ("where", "target"),
    [
        (Where(method="GET", path="/items", status=404), "/items"),
        (Where(path="/item"), "/items"),
        (Where(path="/users/7"), "/users/8"),
        (Where(path=re.compile("^/user"), status=500), "/users/8"),
        (Where(target="/other?a=2"), "/other?a=1"),
        (Where(query={"a": "2"}), "/other?a=1"),
        (Where(path=lambda path: False, status=503), "/broken"),
    ],
)
def test_the_one_with_the_least_and_the_most_alike_differences(where: Where, target: str):
    seen = [asked("GET /items"), asked("GET /users/8"), asked("GET /other?a=1"), asked("PUT /broken", status=503)]
    for ordered in (seen, seen[::-1]):
        assert f" {target} " in first_line(nearest(where, ordered))


def test_the_first_of_those_that_are_as_near():
    assert " /a " in first_line(nearest(Where(status=500), [asked("GET /a"), asked("GET /b")]))


def test_halves_that_are_missing():
    alone, answer = exchange(response=None), exchange(None)
    alone.add_problems(Problem.NO_RESPONSE, Problem.RESET)
    wanted = Where(path="/b", status=200, duration=1, response_header="x", response_json={"a": 1})
    assert nearest(wanted, [alone]).split("\n")[1:] == [
        "path: expected '/b', found '/a'",
        "status: expected 200, found no response (no-response, reset)",
        "duration: expected 1, found no response (no-response, reset)",
        "response_header: expected 'x', found no response (no-response, reset)",
        "response_json: expected {'a': 1}, found no response (no-response, reset)",
    ]
    assert nearest(Where(path="/b"), [answer]).endswith("\npath: expected '/b', found no request")
    assert nearest(Where(status=None), [answer]).endswith("\nstatus: expected None, found 200")


def test_secrets_are_masked():
    made = asked(
        "GET http://me:pa55@h/a?token=t0ken&q=1",
        "Authorization: Bearer s3cret\r\nCookie: id=c00kie; b=c00kie\r\nX-Api-Key: k3y\r\nReferer: /?key=k3y\r\n",
    )
    where = Where(
        path="/b",
        target="/b",
        host="x",
        query={"token": "x", "q": "2", "nowhere": "x"},
        header=dict.fromkeys(("authorization", "cookie", "x-api-key", "referer"), "x"),
        request_header="nowhere",
        status=500,
    )
    words = nearest(where, [made])
    for secret in ("pa55", "t0ken", "s3cret", "c00kie", "k3y"):
        assert secret not in words
    assert "GET http://me:***@h/a?token=***&q=1 200>" in first_line(words)
    assert words.split("\n")[1:] == [
        "path: expected '/b', found '/a'",
        "target: expected '/b', found 'http://me:***@h/a?token=***&q=1'",
        "host: expected 'x', found 'h'",
        "query token: expected '***', found another; both are masked",
        "query q: expected '2', found '1'",
        "query nowhere: expected 'x', and it is not there",
        "header authorization: expected '***', found 'Bearer ***'",
        "header cookie: expected '***', found 'id=***; b=***'",
        "header x-api-key: expected '***', found another; both are masked",
        "header referer: expected 'x', found '/?key=***'",
        "request_header nowhere: expected it, and it is not there",
        "status: expected 500, found 200",
    ]


def test_long_values_are_cut():
    made = asked("GET /" + "long" * 1000, f"X-Long: {'x' * 5000}\r\n", body=b"y" * 5000)
    where = Where(target="z" * 5000, request_header={"x-long": "z" * 5000}, response_body=b"z" * 5000)
    _, *lines = nearest(where, [made]).split("\n")
    assert len(lines) == 3
    assert all(len(line) < 2 * VALUE_MAX + 150 for line in lines)
    assert lines[2] == (
        f"response_body, from byte 0 on: expected b'{'z' * (VALUE_MAX - 2)}... (5003 characters),"
        f" found b'{'y' * (VALUE_MAX - 2)}... (5003 characters) (5000 and 5000 bytes)"
    )


def test_nothing_moves_the_cursor():
    made = asked("GET /\x1b[2J\udcff", "X-Odd: \x1b]0;title\x07\r\n", body=b"\x1b\n\xff")
    words = nearest(Where(target="/", header={"x-odd": "x"}, response_body="x"), [made])
    assert words.replace("\n", "").isprintable()


def test_of_many_only_the_newest_are_compared():
    seen = [asked("GET /wanted"), *[asked("GET /other")] * COMPARED_MAX]
    assert " /other " in first_line(nearest(Where(path="/wanted", status=1), seen))
