"""Values that have been seen are offered; secrets are not."""

from __future__ import annotations

from sockfilter.filters.completion import complete
from sockfilter.filters.names import Name
from sockfilter.model import Body
from sockfilter.recent.seen import SeenValues
from sockfilter.recent.store import RecentExchanges
from tests.support.exchanges import exchange

BODY = b'{"items": [{"id": 7, "password": "geheim"}], "total": 1}'


def seen(**options: bool) -> SeenValues:
    store = RecentExchanges()
    for _ in range(2):
        store.add(exchange())
    store.add(
        exchange(
            b"POST /b?id=3&token=abcdefgh HTTP/1.1\r\nHost: y\r\nAuthorization: Bearer abcdefgh\r\nX-Kind: red\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n\r\n",
            Body(len(BODY), len(BODY), BODY),
        )
    )
    return SeenValues(store, **options)


def test_values_most_frequent_first():
    assert seen().values(Name("method")) == ["GET", "POST"]
    assert seen().values(Name("status")) == [200, 404]
    assert seen().values(Name("request_header", "x-kind")) == ["red"]
    assert seen().values(Name("response_json", ("items", 0, "id"))) == [7]


def test_secrets_are_not_offered():
    assert seen().values(Name("request_header", "authorization")) == []
    assert seen().values(Name("query", "token")) == []
    assert seen().values(Name("json", ("items", 0, "password"))) == []
    assert "abcdefgh" not in "".join(seen().values(Name("target")))
    assert seen(show_secrets=True).values(Name("query", "token")) == ["abcdefgh"]


def test_keys():
    assert "x-kind" in seen().keys("request_header")
    assert "x-kind" not in seen().keys("response_header")
    assert seen().keys("query") == ["id", "token"]
    assert seen().keys("json") == ["items", "items[*]", "items[*].id", "items[*].password", "total"]


def test_completion_with_them():
    made = complete("status == 4", seen=seen())
    assert [candidate.text for candidate in made.candidates] == ["404"]
    assert made.applied("status == 4", made.candidates[0]) == ("status == 404 ", 14)
    assert "response.json.items" in [each.text for each in complete("response.json.it", seen=seen()).candidates]
