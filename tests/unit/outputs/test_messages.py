"""Messages without a response, in each form: JSON, text, raw."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from sockfilter.forms.line import BODIES, HEADERS
from sockfilter.masking import MASK
from sockfilter.model import Body, Problem, StreamMessage
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.raw import RawOutput
from tests.support.stream_messages import (
    CLIENT,
    CLOSE,
    DEFLATED,
    DELIVERY,
    EVENT,
    MAIL,
    PUBLISH,
    SERVER,
    message,
    websocket,
)

SECRET = b'{"password": "hunter2-and-more"}'


def written(made: StreamMessage, output: type = JsonOutput, **options: Any) -> str:
    sink = io.BytesIO()
    form = output(sink, **options)
    form.write_message(made)
    form.flush()
    return sink.getvalue().decode()


def as_json(made: StreamMessage, **options: Any) -> dict[str, Any]:
    line = written(made, **options)
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    found = json.loads(line)
    # a line is made of parts that are kept; it says what the dictionary says that is made of the message alone
    made_anew = made.to_dict(bodies=options.get("bodies", False), show_secrets=options.get("show_secrets", False))
    assert line == json.dumps(made_anew, separators=(",", ":")) + "\n"
    return dict(found)


def test_json_has_the_members_of_the_contract():
    assert as_json(DEFLATED, bodies=True) == {
        "kind": "message",
        "protocol": "websocket",
        "exchange": 17,
        "time": "1970-01-01T00:00:00.000006000Z",
        "interface": "lo",
        "connection": 3,
        "client": {"ip": "10.0.0.2", "port": 40000},
        "server": {"ip": "10.0.0.1", "port": 80},
        "from": "server",
        "type": "text",
        "frames": 2,
        "compressed": True,
        "wire_len": 9,
        "len": 128,
        "text": "a" * 128,
        "problems": [],
    }


@pytest.mark.parametrize(
    ("made", "members"),
    [
        (CLOSE, {"type": "close", "from": "client", "close": {"code": 1000, "reason": "done"}, "compressed": False}),
        (EVENT, {"type": "price", "event_id": "3", "len": 7, "exchange": 17}),
        (PUBLISH, {"exchange": None, "len": 16, "fields": dict(PUBLISH.fields)}),
        (DELIVERY, {"type": "basic.publish", "channel": 1, "fields": {"exchange": "logs", "routing_key": ""}}),
        (MAIL, {"kind": "mail", "protocol": "smtp", **MAIL.fields}),
    ],
    ids=["close", "event", "publish", "delivery", "mail"],
)
def test_json_has_what_the_protocol_has(made: StreamMessage, members: dict[str, object]):
    found = as_json(made)
    assert {name: found[name] for name in members} == members
    for absent in ("frames", "compressed"):
        assert (absent in found) == (made.protocol == "websocket")
    assert ("type" in found) == (made is not MAIL)
    assert not {"text", "base64"} & found.keys(), "content is written on request"


@pytest.mark.parametrize("bodies", [False, True])
@pytest.mark.parametrize("compressed", [False, True, None])
@pytest.mark.parametrize("content", [Body(0, 0, b""), Body(9, 128, b""), Body(9, None, b""), Body(5, 5, b"hello")])
def test_usual_lines_are_made_of_parts(bodies: bool, compressed: bool | None, content: Body):
    made = message("websocket", SERVER, "text", content, frames=1, compressed=compressed)
    assert as_json(made, bodies=bodies)["exchange"] is None


def test_content_that_is_not_text_is_base64():
    assert as_json(websocket(b"\xff\xfe", kind="binary"), bodies=True)["base64"] == "//4="


def test_content_that_was_not_kept_whole_says_so():
    made = message("websocket", SERVER, "text", Body(100, 100, b"abc"), frames=1)
    assert as_json(made, bodies=True)["kept"] == 3
    unknown = message("websocket", SERVER, "text", Body(9, None, b""), frames=1, compressed=True)
    unknown.add_problem(Problem.GAP)
    found = as_json(unknown, bodies=True)
    assert "len" not in found
    assert found["problems"] == ["gap"]


def test_secrets_are_masked():
    made = websocket(SECRET)
    assert "hunter2" not in written(made, bodies=True)
    assert MASK in written(made, bodies=True)
    assert "hunter2" in written(made, bodies=True, show_secrets=True)
    assert "hunter2" not in written(websocket(b'42["login",' + SECRET + b"]"), bodies=True)
    fields = {"username": "me", "password": "hunter2-and-more", "user_properties": [["token", "hunter2-and-more"]]}
    connect = message("mqtt", CLIENT, "connect", fields=fields)
    assert "hunter2" not in written(connect)
    assert as_json(connect)["fields"]["username"] == "me"
    for output, options in ((TextOutput, {"verbosity": BODIES}), (RawOutput, {})):
        assert "hunter2" not in written(made, output, **options)
        assert "hunter2" not in written(connect, output, **options)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (websocket(b"a" * 128), "WS < text 128 B"),
        (DEFLATED, "WS < text 128 B (deflate 9 B)"),
        (CLOSE, "WS > close 1000 done 6 B"),
        (websocket(b"", CLIENT, "ping"), "WS > ping 0 B"),
        (EVENT, "SSE < price 7 B"),
        (PUBLISH, "MQTT > publish a/b 16 B"),
        (DELIVERY, "AMQP > basic.publish logs 5 B"),
        (MAIL, "SMTP > mail a@example.org to b@example.com"),
        (message("echo", SERVER, "pong"), "ECHO < pong"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_line_says_who_sent_what(made: StreamMessage, what: str):
    assert written(made, TextOutput).endswith(f"  10.0.0.2:40000 > 10.0.0.1:80       {what}\n")


def test_a_line_has_the_problems_at_its_end():
    made = websocket()
    made.add_problem(Problem.GAP)
    assert written(made, TextOutput).endswith("WS < text 5 B  [gap]\n")


def test_a_peer_cannot_write_into_a_line():
    made = message("mqtt", CLIENT, "publish", fields={"topic": "a\x1b[2J\nb"})
    assert written(made, TextOutput).endswith("MQTT > publish a\\x1b[2J\\x0ab\n")
    assert len(written(websocket(kind="x" * 10_000), TextOutput)) < 400


def test_verbose_lines_say_more():
    assert written(DEFLATED, TextOutput, verbosity=HEADERS).split("\n")[1:] == [
        "    < exchange: 17",
        "    < frames: 2",
        "",
        "",
    ]
    assert written(EVENT, TextOutput, verbosity=BODIES).split("\n")[1:] == [
        "    < exchange: 17",
        "    < id: 3",
        "    <",
        "    < tick 42",
        "",
        "",
    ]
    assert "    > topic: a/b\n    > qos: 1\n" in written(PUBLISH, TextOutput, verbosity=HEADERS)
    assert "    < (2 bytes, not text)\n" in written(websocket(b"\xff\xfe"), TextOutput, verbosity=BODIES)
    assert "not text" not in written(CLOSE, TextOutput, verbosity=BODIES)
    cut = message("websocket", SERVER, "text", Body(100, 100, b"abc"), frames=1)
    assert "    < abc\n    < (3 of 100 bytes kept)\n" in written(cut, TextOutput, verbosity=BODIES)


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_a_line_fits_the_terminal(columns: int):
    for made in (websocket(b"a" * 128), CLOSE, PUBLISH, message("mqtt", CLIENT, "publish", fields={"topic": "x" * 99})):
        line = written(made, TextOutput, columns=lambda: columns).rstrip("\n")
        assert len(line) <= columns
    assert "WS > close 1000 done" in written(CLOSE, TextOutput, columns=lambda: 80)


def test_raw_has_the_content():
    assert written(websocket(b"hello"), RawOutput) == "10.0.0.1:80 -> 10.0.0.2:40000\nhello\n\n"
    assert written(PUBLISH, RawOutput) == "10.0.0.2:40000 -> 10.0.0.1:80\n0123456789abcdef\n\n"
    assert not written(EVENT, RawOutput), "the body of its exchange has it"
    assert not written(websocket(b"", kind="ping"), RawOutput)
