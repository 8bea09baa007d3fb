"""The differences of two captures: what is paired, what has changed, what is ignored."""

from __future__ import annotations

import json

import pytest

from sockfilter.comparison.compare import compare
from sockfilter.comparison.ignoring import Ignoring
from sockfilter.comparison.result import Result
from sockfilter.errors import InvalidArgument
from sockfilter.model import Body, Exchange
from sockfilter.statistics.routes import router
from tests.support.exchanges import exchange

MS = 1_000_000


def asked(target: str, status: int = 200, body: bytes = b"", *fields: str, ms: int = 1, at: int = 0) -> Exchange:
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    lines = "".join(f"{field}\r\n" for field in ("Content-Type: application/json", *fields))
    made = exchange(request, f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode(), Body(len(body), len(body), body))
    assert made.request is not None
    assert made.response is not None
    made.request.start_ns = made.request.end_ns = at
    made.response.start_ns = made.response.end_ns = at + ms * MS
    return made


def compared(before: list[Exchange], after: list[Exchange], *ignored: str, slower: float | None = None) -> Result:
    return compare(before, after, router(()), Ignoring(ignored), slower_by=slower)


def whats(result: Result) -> list[str]:
    return [change.what for _, changes in result.changed for change in changes]


def test_the_same():
    result = compared([asked("/a"), asked("/b/1")], [asked("/b/1"), asked("/a")])
    assert result.is_same
    assert result.text() == "0 of 2 changed, 0 gone, 0 added\n"


def test_gone_added_and_changed():
    result = compared(
        [asked("/a", 200), asked("/gone")], [asked("/a", 500, b"", "X-New: 1", "Date: today"), asked("/added")]
    )
    assert result.text().splitlines() == [
        "~ GET /a 200",
        "      status: 200, then 500",
        "      response.header.x-new: nothing, then 1",
        "- GET /gone 200",
        "+ GET /added 200",
        "1 of 1 changed, 1 gone, 1 added",
    ]
    assert not result.is_same
    json.dumps(result.as_dict())


def test_the_same_target_is_paired_before_the_same_route():
    result = compared([asked("/u/1", at=1), asked("/u/2", 404, at=2)], [asked("/u/2", 404, at=1), asked("/u/3", at=2)])
    assert [(pair.before.request.target, pair.after.request.target) for pair in result.matched.pairs] == [  # type: ignore[union-attr]  # all have one
        ("/u/1", "/u/3"),
        ("/u/2", "/u/2"),
    ]
    assert result.is_same


def test_json_by_path():
    before, after = (
        b'{"a": {"b": [1, 2]}, "t": 1, "password": "old"}',
        b'{"a": {"b": [1, 3, 4]}, "t": 2, "password": "new"}',
    )
    result = compared([asked("/a", 200, before)], [asked("/a", 200, after)], "json.t")
    assert whats(result) == ["response.json.a.b[1]", "response.json.a.b[2]", "response.json.password"]
    assert "old" not in result.text()
    assert "***" in result.text()


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("json.a", "$.a.b[0]"),
        ("json.a.b", "$.a.b"),
        ("json.**.updated_at", "$.items[3].updated_at"),
        ("json.items[*].price", "$.items[3].price"),
        ("json.items[*]", "$.items[3].price"),
        ("json", "$.anything"),
    ],
)
def test_paths_are_ignored(rule: str, path: str):
    assert Ignoring([rule]).path(path)


@pytest.mark.parametrize(
    ("rule", "path"), [("json.a", "$.ab"), ("json.a", "$.b.a"), ("json.items[*].price", "$.items")]
)
def test_other_paths_are_not(rule: str, path: str):
    assert not Ignoring([rule]).path(path)


def test_fields_are_ignored():
    after = [asked("/a", 200, b"", "X-Version: 2", "X-Other: 2")]
    assert whats(compared([asked("/a")], after, "header.x-version")) == ["response.header.x-other"]
    assert whats(compared([asked("/a")], after, "response.header.X-*")) == []
    assert whats(compared([asked("/a")], after, "header")) == []
    assert compared([asked("/a")], [asked("/a", 404)], "status").is_same


@pytest.mark.parametrize("rule", ["", "heeder.x", "header.", "json.", "duration"])
def test_bad_rules_are_refused(rule: str):
    with pytest.raises(InvalidArgument, match="--ignore"):
        Ignoring([rule])


def test_other_bodies():
    one, other = asked("/a", 200, b"\x00same1"), asked("/a", 200, b"\x00same2")
    assert "response.body: 6 bytes, then 6 bytes, different from byte 5 on" in compared([one], [other]).text()
    assert compared([one], [other], "body").is_same


def test_slower_routes():
    before = [asked(f"/u/{n}", ms=10) for n in range(3)]
    after = [asked(f"/u/{n}", ms=ms) for n, ms in enumerate((13, 13, 90))]
    assert compared(before, after).is_same
    assert compared(before, after, slower=0.5).is_same
    assert "! GET /u/{id}: 10.0 ms, then 13.0 ms (+30%, median of 3)" in compared(before, after, slower=0.2).text()
