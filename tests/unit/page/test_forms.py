"""What the page copies is what sockfilter makes: curl commands, tests, HTTP archives, routes."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfilter.errors import SockfilterError
from sockfilter.forms.curl import as_curl
from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.pytest_source import as_pytest
from sockfilter.model import Body, Exchange
from sockfilter.statistics.routes import folded
from tests.support.exchanges import exchange
from tests.support.page import FrontEnd, Refused, front_end


@pytest.fixture(scope="module")
def page() -> Iterator[FrontEnd]:
    with front_end() as started:
        yield started


def as_line(one: Exchange) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(to_dict(one)))
    return found


def sent(head: bytes, body: bytes = b"") -> Exchange:
    one = exchange(head)
    assert one.request is not None
    one.request.body = Body(len(body), len(body), body)
    return one


HEADS = [
    b"GET /a?b=c%20d HTTP/1.1\r\nHost: 10.0.0.1\r\nAccept: */*\r\n\r\n",
    b"GET /it's HTTP/1.0\r\nHost: x\r\nUser-Agent: \r\nX: a\tb \xc3\xa9 \xe2\x80\xae\r\n\r\n",
    b"DELETE http://other/x HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /../a/./b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n\r\n",
]
BODIES = [b"", b"a=1&b='2'\n", b"\x00\xff-", b"x" * 2000]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_curl_commands(page: FrontEnd, head: bytes, body: bytes) -> None:
    length = b"\r\nContent-Length: %d\r\nContent-Type: text/x\r\n\r\n" % len(body)
    one = sent(head[:-4] + length if body else head, body)
    try:
        wanted = as_curl(one)
    except SockfilterError:
        with pytest.raises(Refused):
            page.ask("curl", as_line(one))
        return
    assert page.ask("curl", as_line(one)) == wanted


def test_a_chunked_body(page: FrontEnd) -> None:
    one = sent(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"hello")
    assert page.ask("curl", as_line(one)) == as_curl(one)


@pytest.mark.parametrize("head", HEADS[:6])
def test_tests_assert_what_those_of_python_assert(page: FrontEnd, head: bytes) -> None:
    one = sent(head)
    source = page.ask("pytest", as_line(one))
    ast.parse(source)
    assert source.replace("\n", "") == as_pytest(one).replace("\n", "") or '"""' in source
    assert source.splitlines()[2:] == as_pytest(one).splitlines()[2:]


def test_json_is_compared_parsed(page: FrontEnd) -> None:
    content = b'{"a": [1e22, "\\u00e9", null]}'
    one = exchange(response=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", body=Body(28, 28, content))
    found = [line for line in page.ask("pytest", as_line(one)).splitlines() if "json.loads" in line]
    assert found == [f"    assert json.loads(content) == json.loads({content!r})"]


def test_a_body_that_was_cut_is_not_repeated(page: FrontEnd) -> None:
    one = sent(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    assert one.request is not None
    one.request.body = Body(9, 9, b"abc")
    with pytest.raises(Refused, match="only 3 bytes"):
        page.ask("curl", as_line(one))


def test_an_archive_is_read_as_the_same_exchanges(page: FrontEnd, tmp_path: Any) -> None:
    import sockfilter

    path = tmp_path / "a.har"
    one = sent(b"POST /a?b=c HTTP/1.1\r\nHost: x:80\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n", b"hi")
    path.write_text(page.ask("har", [as_line(one)]))
    (read,) = sockfilter.read(str(path))
    assert read.request is not None
    assert read.response is not None
    assert (read.request.method, read.request.path, read.request.body) == ("POST", "/a", b"hi")
    assert (read.response.status, read.response.body) == (200, b"hello")


@pytest.mark.parametrize(
    "path", ["/users/12/orders", "/a/550e8400-e29b-41d4-a716-446655440000", "/x/deadbeef0", "/v1/-3.5"]
)
def test_routes(page: FrontEnd, path: str) -> None:
    one = exchange(b"GET " + path.encode() + b"?x HTTP/1.1\r\n\r\n")
    assert page.ask("route", as_line(one)) == f"GET {folded(path)}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text())
def test_nothing_that_is_shown_moves_or_hides_other_text(page: FrontEnd, text: str) -> None:
    import unicodedata

    for letter in page.ask("shown", text):
        assert letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"), ascii(
            letter
        )
