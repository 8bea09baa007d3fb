"""Filters in the messages of failed expectations: each part by itself, and no secrets."""

from __future__ import annotations

import pytest

from sockfilter import Exchange, Where
from sockfilter.model import Problem
from sockfilter.views.differences import lines
from sockfilter.views.expectations import Expectation
from sockfilter.views.failure import SeenExchange, miscounted
from tests.support.exchanges import exchange

SECRET = "hunter2hunter2"
REQUEST = (
    f"POST /charge?id=3&token={SECRET} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nAccept: a\r\n"
    "Accept: b\r\n\r\n"
).encode()


def found(text: str, made: Exchange) -> list[str]:
    return [line for one in Where(text).differences(made) for line in lines(one, made)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method == GET", ["method == \"GET\": found 'POST'"]),
        ("status >= 500 and method == POST", ["status >= 500: found 200"]),
        ("duration > 1s", ["duration > 1s: found 3 us"]),
        ("request.header.accept == c", ["request.header.accept == \"c\": found 'a' and 'b'"]),
        ("request.header.x-id", ["request.header.x-id: found nothing"]),
        ("problems", ["problems: found nothing"]),
        ("ip == 10.0.0.9", ["ip == 10.0.0.9: found 10.0.0.2 and 10.0.0.1"]),
        (
            "status == 500 or (method == GET and not query.id)",
            ["status == 500 or method == \"GET\" and not query.id: found status 200, method 'POST', query.id '3'"],
        ),
    ],
)
def test_what_was_found(text: str, said: list[str]) -> None:
    assert found(text, exchange(REQUEST)) == said


def test_a_half_that_is_missing() -> None:
    alone = exchange(REQUEST, None)
    alone.add_problems(Problem.NO_RESPONSE, Problem.RESET)
    assert found("status == 500", alone) == ["status == 500: found no response (no-response, reset)"]
    assert found("path == /", exchange(None)) == ['path == "/": found no request']


@pytest.mark.parametrize(
    "text",
    [
        f"query.token != {SECRET}",
        f'request.header.authorization == "Bearer {SECRET}x"',
        f'request.header.authorization in {{"Bearer {SECRET}x", x}}',
        f'target == "/charge?token={SECRET}x"',
        f'json.password == "{SECRET}x"',
        f'method == GET and request.header.authorization == "Bearer {SECRET}"',
    ],
)
def test_secrets_are_masked(text: str) -> None:
    made = exchange(REQUEST)
    failed = miscounted(Where(text), "once", SeenExchange([made], [], []))
    assert SECRET not in f"{failed}{failed.summary}"
    assert "***" in str(failed)


def test_the_summary_names_the_filter() -> None:
    failed = miscounted(Where("status >= 500", path="/x"), "never", SeenExchange([exchange()], [], []))
    assert failed.summary is not None
    assert failed.summary.startswith(
        "expected status >= 500 /x never, found none; nearest: GET /a 200 (status >= 500: "
    )


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("not response", True), ("problems == reset", True), ("not complete", True), ("method", False)],
)
def test_a_filter_may_ask_for_what_is_not_whole(text: str, allowed: bool) -> None:
    alone = exchange(REQUEST, None)
    alone.add_problems(Problem.RESET)
    made = Expectation(lambda: [alone], lambda: [], None, Where(text))
    assert made.allows(alone) is allowed


def test_steps_may_be_filters() -> None:
    first, second = exchange(b"GET /1 HTTP/1.1\r\n\r\n"), exchange(b"GET /2 HTTP/1.1\r\n\r\n")
    made = Expectation(lambda: [first, second], lambda: [], None, Where())
    assert made.in_order("path == /1", {"path": "/2"}, within=None) == [first, second]
