"""What JSON and text say of an exchange that carries a gRPC call."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.json_values import ENCODE
from sockfilter.forms.line import BODIES, HEADERS, TextForm
from sockfilter.forms.transcript import transcript
from sockfilter.model import Problem
from sockfilter.outputs.jsonl import JsonOutput
from tests.support.exchanges import Collected
from tests.support.grpc import COMPRESSED, WEB, WEB_TEXT, Part, call, frame, in_pieces, request, response, trailers

JSON = "application/grpc+json"
CODED = [("grpc-encoding", "gzip")]


def not_found():
    return call(
        request(Part(frame(b"\x0a\x05hello"))),
        response(fields=[("grpc-status", "5"), ("grpc-message", "nothing%20here: %C3%BC 100%25")]),
    )


def streaming():
    long = gzip.compress(b"\x12\x02ab\x18\x07")
    return call(
        request(Part(frame(b"\x0a\x01x"), 1), Part(frame(b""), 4)),
        response(Part(frame(long, COMPRESSED) + frame(b"\xff\x00")), fields=CODED),
    )


def test_the_json_of_a_call():
    assert to_dict(not_found())["grpc"] == {
        "service": "shop.v1.Cart",
        "method": "Get",
        "status": 5,
        "status_name": "NOT_FOUND",
        "message": "nothing here: ü 100%",
        "web": False,
        "request": {
            "count": 1,
            "first_message": 0.0,
            "messages": [{"compressed": False, "time": 0.0, "wire_len": 7, "len": 7, "text": "\n\x05hello"}],
        },
        "response": {"count": 0, "messages": []},
    }


def test_the_json_of_a_stream():
    made = to_dict(streaming())["grpc"]
    assert (made["status"], made["status_name"], made["message"]) == (None, None, None)
    assert made["request"]["max_gap"] == 0.003
    first, second = made["response"]["messages"]
    assert first == {"compressed": True, "time": 0.002, "wire_len": 26, "len": 6, "text": "\x12\x02ab\x18\x07"}
    assert second == {"compressed": False, "time": 0.002, "wire_len": 2, "len": 2, "base64": "/wA="}


def test_without_bodies_the_messages_have_no_content():
    made = to_dict(streaming(), bodies=False)["grpc"]
    assert made["request"]["messages"][0] == {"compressed": False, "time": 0.001, "wire_len": 3, "len": 3}


def test_what_is_not_known_is_absent():
    asked = request(Part(frame(b"a")))
    asked.grpc.lose()
    made = to_dict(call(asked, None))["grpc"]
    assert "count" not in made["request"]
    assert made["response"] == {"messages": []}
    assert (made["status"], made["message"]) == (None, None)
    made = to_dict(call(None, response(Part(frame(b"a")))))["grpc"]
    assert (made["service"], made["method"]) == (None, None)


def test_a_part_of_a_message_says_how_much():
    asked = request(Part(frame(b"hello")), kept=7)
    (message,) = to_dict(call(asked, None))["grpc"]["request"]["messages"]
    assert message == {"compressed": False, "time": 0.0, "wire_len": 5, "len": 5, "text": "he", "kept": 2}


@pytest.mark.parametrize("made", [not_found, streaming])
@pytest.mark.parametrize("bodies", [False, True])
@pytest.mark.parametrize("show_secrets", [False, True])
def test_json_lines_say_the_same(made, bodies, show_secrets):
    sink = Collected()
    output = JsonOutput(sink, bodies=bodies, show_secrets=show_secrets)
    exchange = made()
    exchange.response.add_problem(Problem.BAD_FRAME)
    output.write(exchange)
    output.flush()
    assert sink.data.decode() == ENCODE(to_dict(exchange, bodies=bodies, show_secrets=show_secrets)) + "\n"


@pytest.mark.parametrize("show_secrets", [False, True])
def test_the_lines_of_large_calls_say_the_same(show_secrets):
    large = json.dumps({"password": "hunter22", "n": "x" * (1 << 20)}).encode()
    exchange = call(
        request(Part(frame(large) + frame(b"\xff" * 9000) + frame(b"small")), policy=_all(), kind=JSON),
        response(Part(frame(gzip.compress(bytes(range(256)) * 40), COMPRESSED)), fields=CODED, kept=1),
    )
    sink = Collected()
    output = JsonOutput(sink, bodies=True, show_secrets=show_secrets)
    output.write(exchange)
    output.flush()
    assert sink.data.decode() == ENCODE(to_dict(exchange, show_secrets=show_secrets)) + "\n"
    assert (b"hunter22" in sink.data) is show_secrets


def _all():
    from sockfilter.model.policy import BodyPolicy

    return BodyPolicy(1 << 62)


def test_secrets_are_masked():
    content = b'{"token": "abcdefgh", "n": 1}'
    exchange = call(
        request(Part(frame(content)), kind=JSON, fields=[("authorization", "Bearer abcdefgh")]),
        response(fields=[("grpc-status", "16"), ("grpc-message", "bad token=abcdefgh"), ("x-api-key", "abcdefgh")]),
    )
    for shown in (
        json.dumps(to_dict(exchange, show_secrets=False)),
        transcript(exchange),
        str(exchange),
        repr(exchange.grpc),
    ):
        assert "abcdefgh" not in shown
    assert "abcdefgh" in json.dumps(to_dict(exchange))


def test_secrets_are_not_in_the_base64_of_a_body_either():
    content = b'{"token": "abcdefgh"}'
    exchange = call(request(Part(in_pieces(frame(content), 3)), kind=f"{WEB_TEXT}+json"), None)
    made = to_dict(exchange, show_secrets=False)
    assert made["request"]["body"] == {"wire_len": 36, "len": 36}
    assert made["grpc"]["request"]["messages"][0]["text"] == '{"token": "***"}'
    assert to_dict(exchange)["request"]["body"]["text"] == in_pieces(frame(content), 3).decode()


def line(exchange, **options):
    return " ".join(TextForm(time="none", **options).render(exchange).decode().split())


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (not_found(), "POST shop.v1.Cart/Get grpc 5 NOT_FOUND 1/0 messages 12 B / 0 B 3.0 ms"),
        (streaming(), "POST shop.v1.Cart/Get grpc - 2/2 messages 13 B / 38 B 3.0 ms"),
        (call(request(Part(frame(b"a"))), None), "POST shop.v1.Cart/Get grpc - 1/- messages 6 B / - -"),
        (call(None, response(Part(frame(b"a")))), "(no request) grpc - -/1 messages - / 6 B -"),
        (
            call(request(Part(frame(b""))), response(Part(b"<html>"), kind="text/html", status=502)),
            "POST shop.v1.Cart/Get grpc - HTTP 502 1/- messages 5 B / 6 B 3.0 ms",
        ),
        (
            call(request(Part(frame(b"")), target="/odd"), response(fields=[("grpc-status", "99")])),
            "POST /odd grpc 99 1/0 messages 5 B / 0 B 3.0 ms",
        ),
    ],
)
def test_the_line_of_a_call(exchange, said):
    assert line(exchange) == f"10.0.0.2:40000 > 10.0.0.1:8082 {said}"


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120, 200])
def test_the_line_fits_the_terminal(columns):
    shown = TextForm(columns=lambda: columns).render(not_found()).decode()
    assert len(shown.rstrip("\n")) <= columns
    assert columns < 60 or "grpc 5 NOT_FOUND" in shown


def test_the_colour_is_that_of_the_status():
    def coloured(exchange):
        return TextForm(colour=True).render(exchange).decode()

    assert "\x1b[33mgrpc 5 NOT_FOUND\x1b[0m" in coloured(not_found())
    assert "\x1b[2mgrpc -\x1b[0m" in coloured(streaming())
    for status, colour in (("0", 32), ("13", 31)):
        made = call(request(Part(frame(b""))), response(fields=[("grpc-status", status)]))
        assert f"\x1b[{colour}mgrpc {status} " in coloured(made)


def test_headers_and_the_trailers_of_the_web_form():
    exchange = call(
        request(Part(frame(b"\x08\x01")), kind=WEB),
        response(Part(frame(b"\x08\x02") + trailers("grpc-status: 0", "x-token: abcdefgh")), kind=WEB),
    )
    shown = TextForm(verbosity=HEADERS).render(exchange).decode().splitlines()
    assert "    > content-type: application/grpc-web+proto" in shown
    assert shown[-4:] == ["    <", "    < grpc-status: 0", "    < x-token: ***", ""]


def test_messages_as_text():
    shown = TextForm(verbosity=BODIES).render(streaming()).decode().splitlines()
    assert shown[1:] == [
        "    > POST /shop.v1.Cart/Get HTTP/2",
        "    > content-type: application/grpc",
        "    >",
        "    > message 1: 3 B, after 1.0 ms",
        '    >   {1: "x"}',
        "    > message 2: 0 B, after 4.0 ms",
        "    >   {}",
        "    < HTTP/2 200",
        "    < content-type: application/grpc",
        "    < grpc-encoding: gzip",
        "    <",
        "    < message 1: 6 B (26 B compressed), after 2.0 ms",
        '    <   {2: "ab", 3: 7}',
        "    < message 2: 2 B, after 2.0 ms",
        "    <   (2 bytes, not text)",
        "",
    ]


def test_messages_that_were_not_kept_are_said_to_be_missing():
    many = call(request(Part(frame(b"\x08\x01") * 1500)), None)
    assert "(1000 of 1500 messages kept)" in transcript(many, lines_max=5000)
    many.request.grpc.lose()
    assert "(more messages may have passed: bytes are missing)" in transcript(many, lines_max=5000)


def test_json_messages_are_text():
    exchange = call(request(Part(frame(b'{"a":\n1}\x1b')), kind=JSON), None)
    assert '    >   {"a":\n    >   1}\\x1b\n' in TextForm(verbosity=BODIES).render(exchange).decode()


def test_the_base64_of_a_message_is_its_content():
    (message,) = to_dict(call(request(Part(frame(b"\xff" * 9))), None))["grpc"]["request"]["messages"]
    assert base64.b64decode(message["base64"]) == b"\xff" * 9
