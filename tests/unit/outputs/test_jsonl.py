"""The JSON line as programs read it: its form, and what peers cannot do to it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter import set_masking
from sockfilter.forms.json_dict import time_text, to_dict
from sockfilter.forms.json_values import ENCODE
from sockfilter.masking.tables import KeptTable
from sockfilter.model import Body, Connection, Endpoint, Exchange, Problem
from sockfilter.model.process import Process
from sockfilter.outputs.jsonl import CONNECTIONS_MAX, JsonOutput
from sockfilter.protocols.http1.head import KEPT_HEAD_BYTES
from tests.support.exchanges import GET, HELLO, OK, Collected, exchange, rendered


def line(**more: Any) -> dict[str, Any]:
    made = rendered(JsonOutput, exchange(**more), bodies=True, show_secrets=True)
    assert made.endswith("\n")
    assert made.count("\n") == 1
    return json.loads(made)


def test_all_of_the_contract():
    ends = (Endpoint("10.0.0.2", 40000), Endpoint("fe80::1", 80))
    connection = Connection(3, "eth0", ends, 0, syn_ns=500, synack_ns=1500)
    found = line(connection=connection, informational=(b"HTTP/1.1 100 Continue\r\n\r\n",))
    assert list(found.items()) == [
        ("kind", "exchange"),
        ("id", 17),
        ("time", "1970-01-01T00:00:00.000002000Z"),
        ("interface", "eth0"),
        ("connection", 3),
        ("conn_seq", 1),
        ("client", {"ip": "10.0.0.2", "port": 40000}),
        ("server", {"ip": "fe80::1", "port": 80}),
        (
            "request",
            {
                "method": "GET",
                "target": "/a",
                "version": "1.1",
                "headers": [["Host", "x"]],
                "body": {"wire_len": 0, "len": 0},
            },
        ),
        (
            "response",
            {
                "status": 200,
                "reason": "OK",
                "version": "1.1",
                "headers": [["Content-Length", "5"]],
                "body": {"wire_len": 5, "len": 5, "text": "hello"},
            },
        ),
        ("informational", [{"status": 100}]),
        ("timing", {"connect": 1e-6, "send": 1e-6, "wait": 1e-6, "receive": 1e-6, "total": 3e-6}),
        ("complete", True),
        ("problems", []),
    ]


def test_the_library_gives_the_same():
    made = exchange()
    assert to_dict(made) == json.loads(rendered(JsonOutput, made, bodies=True, show_secrets=True))


@pytest.mark.parametrize("half", ["request", "response"])
def test_a_missing_half_is_null(half: str):
    made = exchange(**{half: None})
    made.add_problems(Problem.NO_RESPONSE)
    found = to_dict(made)
    assert found[half] is None
    assert found["complete"] is False
    assert "total" not in found["timing"]
    assert found["problems"] == ["no-response"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("k\u00e4se \U0001f9c0".encode(), "k\u00e4se \U0001f9c0"),
        (b"caf\xe9", "caf\u00e9"),
        ("\u00fc".encode() + b"\xff", "\u00c3\u00bc\u00ff"),
        (b"\xed\xa0\x80", "\u00ed\u00a0\u0080"),
        (b'"\\\x00\x1b\x7f', '"\\\x00\x1b\x7f'),
    ],
    ids=["UTF-8", "Latin-1", "both", "a surrogate", "what JSON escapes"],
)
def test_whatever_bytes_a_head_has_are_characters_in_every_field(sent: bytes, told: str):
    found = line(
        request=b"GET /%s HTTP/1.1\r\n%s: %s\r\n\r\n" % (sent, sent.replace(b":", b""), sent),
        response=b"HTTP/1.1 200 %s\r\n\r\n" % sent,
    )
    assert found["request"]["target"] == f"/{told}"
    assert found["request"]["headers"] == [[told, told]]
    assert found["response"]["reason"] == told


@given(st.binary(), st.binary(), st.text(), st.booleans())
def test_any_bytes_give_a_line_that_any_program_can_read(value: bytes, content: bytes, name: str, is_cut: bool):
    raw = b"GET /%s HTTP/1.1\r\nX: %s\r\n\r\n" % (value.replace(b"\n", b""), value.replace(b"\n", b"\n "))
    body = Body(len(content), None if is_cut else len(content), content, b"\r\nT: " + value + b"\r\n\r\n")
    made = rendered(
        JsonOutput, exchange(raw, OK, body, interface=name.encode("utf-8", "replace").decode()), bodies=True
    )
    assert made.isascii()
    assert json.dumps(json.loads(made), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (HELLO, {"wire_len": 5, "len": 5, "text": "hello"}),
        (Body(0, 0, b""), {"wire_len": 0, "len": 0}),
        (Body(30, 100, b"abc"), {"wire_len": 30, "len": 100, "text": "abc", "kept": 3}),
        (Body(30, None, b"abc"), {"wire_len": 30, "text": "abc", "kept": 3}),
        (Body(30, 30, b""), {"wire_len": 30, "len": 30, "kept": 0}),
        (Body(9, 9, "a\u20ac".encode()[:3]), {"wire_len": 9, "len": 9, "text": "a", "kept": 3}),
        (Body(3, 3, "a\u20ac".encode()[:3]), {"wire_len": 3, "len": 3, "base64": "YeKC"}),
        (Body(9, 9, b"\xffabc"), {"wire_len": 9, "len": 9, "base64": "/2FiYw==", "kept": 4}),
    ],
    ids=["text", "none", "cut", "of unknown length", "nothing kept", "cut in a character", "no whole one", "bytes"],
)
def test_bodies(body: Body, told: dict[str, object]):
    assert line(body=body)["response"]["body"] == told
    without = to_dict(exchange(body=body), bodies=False)["response"]["body"]
    assert without == {name: told[name] for name in ("wire_len", "len") if name in told}


@given(st.binary(min_size=1))
def test_content_comes_back_as_it_was(content: bytes):
    body = line(body=Body(len(content), len(content), content))["response"]["body"]
    assert (base64.b64decode(body["base64"]) if "base64" in body else body["text"].encode()) == content


def test_trailers():
    found = line(body=Body(5, 5, b"hello", b"\r\nSum: 1\r\nsum: 2\r\n\r\n"))
    assert found["response"]["trailers"] == [["Sum", "1"], ["sum", "2"]]
    assert "trailers" not in found["request"]


def test_an_interface_of_any_name():
    assert line(interface="b\udcffd")["interface"] == "b\u00ffd"


def test_secrets_are_masked_unless_asked_for():
    secret = exchange(GET[:-2] + b"Cookie: a=secret\r\n\r\n")
    assert "secret" not in rendered(JsonOutput, secret)
    assert "secret" in rendered(JsonOutput, secret, show_secrets=True)


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_794_993_140_867_123_456, "2026-11-18T09:12:20.867123456Z"),
        (253_402_300_799_999_999_999, "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_times(ns: int, shown: str):
    assert time_text(ns) == shown


def say_the_same(output: JsonOutput, made: Exchange, bodies: bool = False, show_secrets: bool = False) -> str:
    """The line, which has to say what is made of the exchange without anything that is kept."""
    text = output.render(made).decode()
    assert text == ENCODE(to_dict(made, bodies=bodies, show_secrets=show_secrets)) + "\n"
    return text


NAMES = [
    b"Host",
    b"Cookie",
    b"Set-Cookie",
    b"Authorization",
    b"X-Api-Key",
    b"ETag",
    b"Link",
    b"\xe4",
    b" folded",
    b"a b",
    b"",
]
VALUES = [
    b"",
    b"x",
    b"a=b; c=d",
    b"Bearer abc",
    b'"e\\tag"',
    b"http://u:p@h/?token=s",
    b"\xff\xfe",
    b'{"token":1}',
    b"a\rb",
]
LINES = st.tuples(st.sampled_from(NAMES), st.sampled_from([b":", b": ", b""]), st.sampled_from(VALUES)).map(b"".join)


@given(st.lists(st.lists(LINES, max_size=4), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_what_is_kept_changes_no_line(heads: list[list[bytes]], bodies: bool, show_secrets: bool):
    """Fields in any company: what is kept of one must not depend on those beside it."""
    output = JsonOutput(Collected(), bodies=bodies, show_secrets=show_secrets)
    for fields in heads * 2:
        end = b"\r\n".join([*fields, b"", b""])
        made = exchange(b"GET /?token=a HTTP/1.1\r\n" + end, b"HTTP/1.1 200 OK\r\n" + end)
        say_the_same(output, made, bodies, show_secrets)


def test_names_of_secrets_that_are_given_later_count_at_once():
    output = JsonOutput(Collected())
    process = Process(7, 7, "curl", "/usr/bin/curl", ("curl", "--tenant", "blue"))
    made = exchange(b"GET /?tenant=red HTTP/1.1\r\nTenant: green\r\n\r\n")
    made.processes = (process, None)
    try:
        for mask, count in (((), 0), (("tenant",), 3), ((), 0)):
            set_masking(mask)
            assert say_the_same(output, made).count("***") == count
    finally:
        set_masking()


def test_who_is_at_the_ends_may_change_between_two_lines():
    output, made = JsonOutput(Collected()), exchange()
    first = say_the_same(output, made)
    for pid in (7, 8):
        made.processes = (Process(pid, pid, "curl"), None)
        assert f'"pid":{pid},' in say_the_same(output, made)
    made.connection.client_end = 1
    assert '"client":{"ip":"10.0.0.1"' in say_the_same(output, made)
    made.connection.client_end, made.processes = 0, (None, None)
    assert say_the_same(output, made) == first


def test_what_is_kept_has_limits():
    output = JsonOutput(Collected())
    for i in range(CONNECTIONS_MAX + 2):
        head = b"GET /%d HTTP/1.1\r\nX-%d: %d\r\n\r\n" % (i, i, i)
        made = exchange(head, b"HTTP/1.1 200 OK\r\nX: " + b"x" * KEPT_HEAD_BYTES + b"\r\n\r\n")
        assert say_the_same(output, made) == say_the_same(output, made)
    tables = [each for each in vars(output).values() if isinstance(each, KeptTable)]
    assert len(tables) == 4
    for table in tables:
        assert 0 < len(table) < CONNECTIONS_MAX
    assert all(len(head.raw) <= KEPT_HEAD_BYTES for head in output._heads)


@pytest.mark.parametrize("number", range(1, 4))
@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 10**16)), min_size=4, max_size=4))
def test_any_times(number: int, times: list[int]):
    made = exchange()
    made.conn_seq = number
    made.request.start_ns, made.request.end_ns, made.response.start_ns, made.response.end_ns = times
    say_the_same(JsonOutput(Collected()), made)
