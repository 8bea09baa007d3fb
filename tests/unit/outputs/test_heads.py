"""What is made of a head that is no text, as in HTTP/2."""

from __future__ import annotations

import json

import pytest

from sockfilter.errors import NotSeen
from sockfilter.forms.heads import head_bytes, start_line
from sockfilter.model import Body, Exchange, Headers, Problem
from sockfilter.model.message import Request, Response
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.raw import RawOutput
from sockfilter.protocols.http2.heads import BlockFields, Http2Head
from sockfilter.protocols.http2.hpack import Field
from tests.support.exchanges import GET, answers, asks, exchange, rendered

FIELDS = (("accept", "*/*"), ("authorization", "Bearer opensesame"))


def made(
    *, target: str = "/a?token=hush", fields: tuple[tuple[str, str], ...] = FIELDS, method: str = "GET"
) -> Exchange:
    """An exchange of HTTP/2."""
    found = exchange()
    assert found.request is not None
    assert found.response is not None
    found.request = Request(asks(target, *fields, method=method, version="2"), 2000, (1, 1, 5), 3000)
    found.response = Response(answers(200, ("server", "x"), version="2"), 4000, (1, 1, 5), 5000, Body(5, 5, b"hello"))
    return found


def test_it_has_no_raw_text():
    request = made().request
    assert (request.raw, request.head.has_text) == (b"", False)
    assert (request.seq, request.ack, request.place[2]) == (1, 1, 5)
    assert request.head.size == len("GET/a?token=hush") + sum(len(word) for field in FIELDS for word in field)


def test_one_of_http1_has():
    request = exchange().request
    assert (request.raw, request.head.has_text) == (GET, True)
    assert head_bytes(request.head, show_secrets=True) == GET


def test_raw_is_as_http1_would_write_it():
    assert rendered(RawOutput, made(), show_secrets=True) == (
        "10.0.0.2:40000 -> 10.0.0.1:80\n"
        "GET /a?token=hush HTTP/2\r\naccept: */*\r\nauthorization: Bearer opensesame\r\n\r\n\n"
        "10.0.0.1:80 -> 10.0.0.2:40000\n"
        "HTTP/2 200\r\nserver: x\r\n\r\nhello\n\n"
    )


@pytest.mark.parametrize(
    ("target", "method", "fields", "host"),
    [
        ("http://shop.test/a", "GET", (), ["host: shop.test"]),
        ("http://shop.test/a", "GET", (("host", "other.test"),), ["host: other.test"]),
        ("/a", "GET", (), []),
    ],
)
def test_the_authority_is_shown_as_host(target: str, method: str, fields: tuple[tuple[str, str], ...], host: list[str]):
    """RFC 9113, 8.3.1."""
    found = made(target=target, method=method, fields=fields)
    raw = rendered(RawOutput, found).partition("HTTP/2 200")[0]
    assert [line for line in raw.splitlines() if line.startswith("host")] == host
    shown = rendered(TextOutput, found, verbosity=1)
    assert [line.removeprefix("    > ") for line in shown.splitlines() if "> host" in line] == host


def test_trailers_follow_the_body():
    found = made()
    found.response.trailers = Headers([("x-sum", "1"), ("set-cookie", "id=opensesame")])
    assert rendered(RawOutput, found).endswith("\r\n\r\nhello\r\nx-sum: 1\r\nset-cookie: id=***\r\n\r\n\n")
    assert "    <\n    < x-sum: 1\n" in rendered(TextOutput, found, verbosity=1)


@pytest.mark.parametrize("output", [RawOutput, TextOutput, JsonOutput])
def test_secrets_are_masked(output: type):
    options = {"verbosity": 2} if output is TextOutput else {}
    shown = rendered(output, made(), **options)
    assert "opensesame" not in shown
    assert "hush" not in shown
    assert "Bearer ***" in shown


def test_details_begin_with_a_line():
    shown = rendered(TextOutput, made(), verbosity=1, show_secrets=True)
    assert "    > GET /a?token=hush HTTP/2\n    > accept: */*\n" in shown
    assert "    < HTTP/2 200\n    < server: x\n" in shown


def test_a_line_of_text_is_not_remembered_for_it():
    output = TextOutput(None)  # type: ignore[arg-type]  # render() needs none
    output.render(made())
    assert not output._asked
    output.render(exchange())
    assert output._asked


def test_json_has_no_raw_of_a_bad_head():
    found = made()
    found.request.add_problem(Problem.BAD_HEAD)
    line = json.loads(rendered(JsonOutput, found, show_secrets=True))
    assert line["request"]["version"] == "2"
    assert line["request"]["headers"] == [list(field) for field in FIELDS]
    assert "raw" not in line["request"]


@pytest.mark.parametrize("value", ["x\r\nset-cookie: a=b", "x\nset-cookie: a=b", "x\0y"])
def test_no_field_is_made_up_by_the_end_of_a_line_in_a_value(value: str):
    lines = head_bytes(answers(200, ("a", value), version="2"), show_secrets=True).split(b"\r\n")
    assert len(lines) == 4
    assert b"\n" not in lines[1]
    assert "\n" not in start_line(asks("/" + value, version="2"), show_secrets=True)


def test_curl_asks_with_the_same_version():
    words = made().as_curl()
    assert words.startswith("curl --http2-prior-knowledge -H ")
    assert "http://10.0.0.1:80/a?token=hush" in words
    assert "-H Host:" not in words


def test_curl_names_the_host_that_was_asked():
    found = made(fields=(("host", "shop.test"),))
    assert "-H 'host: shop.test'" in found.as_curl()


def test_curl_refuses_a_nul():
    with pytest.raises(NotSeen, match="NUL"):
        made(target="/\0").as_curl()


def test_a_made_test_says_that_it_cannot():
    with pytest.raises(NotSeen, match=r"it is HTTP/2, and the test would speak HTTP/1\.1"):
        made().as_pytest()


def test_fields_that_are_not_known():
    """They are marked in the details, and nothing is made up for a command."""
    found = made()
    lost = [Field(b"x-id", None), Field(None, b"opensesame"), Field(None, None)]
    head = Http2Head(BlockFields([Field(b":method", b"GET"), *lost]), True)
    found.request = Request(head, 2000, (1, 1, 5), 3000)
    shown = rendered(TextOutput, found, verbosity=1)
    assert "GET (unknown)" in shown
    assert "    > x-id: (unknown)\n    > (unknown): ***\n    > (unknown): (unknown)\n" in shown
    assert "(unknown): opensesame" in rendered(TextOutput, found, verbosity=1, show_secrets=True)
    with pytest.raises(NotSeen, match="some of its fields are not known"):
        found.as_curl()
