"""Which exchange is the nearest, and what is said of it."""

from __future__ import annotations

import re

import pytest

from sockfilter import Exchange, Where
from sockfilter.filters.where import SHOWN_MAX
from sockfilter.model import Body
from sockfilter.testing.nearest import COMPARED_MAX, nearest
from tests.support.exchanges import exchange


def asked(line: str, fields: str = "", status: int = 200, body: bytes = b"") -> Exchange:
    head = f"{line} HTTP/1.1\r\n{fields}\r\n".encode("utf-8", "surrogateescape")
    return exchange(head, b"HTTP/1.1 %d X\r\n\r\n" % status, Body(len(body), len(body), body))


def first_line(words: str) -> str:
    return words.split("\n")[0]


def test_there_is_none_where_nothing_was_seen():
    assert nearest(Where(path="/"), []) == ""


def test_what_is_different_is_said_of_it():
    words = nearest(Where(method="GET", path="/items", status=201), [asked("GET /item")])
    assert words.split("\n") == [
        "the nearest is <Exchange 17 10.0.0.2:40000 > 10.0.0.1:80 GET /item 200>, with",
        "    path '/item', not '/items'",
        "    status 200, not 201",
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
    assert nearest(Where(path="/b", status=200), [alone]).split("\n")[1:] == [
        "    path '/a', not '/b'",
        "    status None, not 200",
    ]
    assert nearest(Where(path="/b"), [answer]).endswith("\n    path None, not '/b'")


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
    assert "    query {'token': ['***'], 'q': ['1'], 'nowhere': None}, not " in words
    assert "('Authorization', 'Bearer ***'), ('Cookie', 'id=***; b=***'), ('X-Api-Key', '***')" in words


def test_long_values_are_cut():
    made = asked("GET /" + "long" * 1000, f"X-Long: {'x' * 5000}\r\n", body=b"y" * 5000)
    where = Where(target="z" * 5000, request_header={"x-long": "z" * 5000}, response_body=b"z" * 5000)
    _, *lines = nearest(where, [made]).split("\n")
    assert len(lines) == 3
    assert all(len(line) < 2 * SHOWN_MAX + 100 for line in lines)
    assert lines[2].endswith(f"... (5003 characters), not b'{'z' * (SHOWN_MAX - 2)}... (5003 characters)")


def test_nothing_moves_the_cursor():
    made = asked("GET /\x1b[2J\udcff", "X-Odd: \x1b]0;title\x07\r\n", body=b"\x1b\n\xff")
    words = nearest(Where(target="/", header={"x-odd": "x"}, response_body="x"), [made])
    assert words.replace("\n", "").isprintable()


def test_of_many_only_the_newest_are_compared():
    seen = [asked("GET /wanted"), *[asked("GET /other")] * COMPARED_MAX]
    assert " /other " in first_line(nearest(Where(path="/wanted", status=1), seen))
