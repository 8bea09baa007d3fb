"""Messages on streams in the command, from a capture file: lines, their numbers, and how to leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.captures import pcap, timed
from tests.support.command import run
from tests.support.frames import Talk
from tests.support.websocket import CLOSE, DEFLATE, REQUEST, RESPONSE, TEXT, Deflating, frame

if TYPE_CHECKING:
    from pathlib import Path

GET = b"GET /prices HTTP/1.1\r\nHost: x\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
SHORT = b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A WebSocket, an event stream, and a short exchange that ends while the stream is open."""
    chat, prices, short = Talk(ports=(40000, 80)), Talk(ports=(40001, 80)), Talk(ports=(40002, 80))
    deflate = Deflating()
    frames = [*chat.opening(), *prices.opening(), *short.opening()]
    frames += [chat.client(REQUEST), chat.server(RESPONSE % (DEFLATE % b"") + frame(TEXT, b"ready"))]
    frames += [prices.client(GET), prices.server(EVENTS + chunk(b"id: 3\nevent: price\ndata: tick 42\n\n"))]
    frames += [short.client(SHORT), short.server()]
    frames += [chat.client(frame(TEXT, deflate(b'{"token": "abcdef0123456789"}'), end=0, rsv=4))]
    frames += [prices.server(chunk(b"data: more\n\n") + chunk(b"")), chat.server(frame(CLOSE, b"\x03\xe8done"))]
    path = tmp_path / "streams.pcap"
    path.write_bytes(pcap(timed(frames, step_ns=1000)))
    return str(path)


def test_json_lines_refer_to_the_number_of_their_exchange(file: str):
    lines = run("-r", file, "--format", "jsonl", "--body", "all").json
    exchanges = {line["request"]["target"]: line for line in lines if line["kind"] == "exchange"}
    assert sorted(line["id"] for line in exchanges.values()) == [1, 2, 3]
    messages = [line for line in lines if line["kind"] == "message"]
    assert [(line["protocol"], line["from"], line["type"], line.get("text")) for line in messages] == [
        ("websocket", "server", "text", "ready"),
        ("sse", "server", "price", "tick 42"),
        ("websocket", "client", "text", '{"token": "***"}'),
        ("sse", "server", "message", "more"),
        ("websocket", "server", "close", None),
    ]
    for line in messages:
        target = "/prices" if line["protocol"] == "sse" else "/chat"
        assert line["exchange"] == exchanges[target]["id"]
        assert line["client"]["port"] == exchanges[target]["client"]["port"]
    # it was still open, and has got its number with its first event
    assert exchanges["/prices"]["id"] < exchanges["/short"]["id"]
    assert lines.index(exchanges["/prices"]) > lines.index(exchanges["/short"])
    assert messages[-1]["close"] == {"code": 1000, "reason": "done"}


def test_lines_of_text(file: str):
    done = run("-r", file)
    said = [line.partition(":80  ")[2].strip() for line in done.lines]
    for expected in (
        "WS < text 5 B",
        "SSE < price 7 B",
        "WS > text 29 B (deflate 31 B)",
        "SSE < message 4 B",
        "WS < close 1000 done 6 B",
    ):
        assert expected in said
    assert "messages on streams: sse 2, websocket 3" in "\n".join(done.said)
    verbose = run("-r", file, "-vv").output.decode()
    assert "    < id: 3\n    <\n    < tick 42\n" in verbose
    assert '    > {"token": "***"}\n' in verbose


def test_without_messages(file: str):
    for form in ((), ("--format", "jsonl"), ("--format", "raw")):
        done = run("-r", file, "--no-messages", *form)
        assert b"ready" not in done.output
        assert b"WS <" not in done.output
        assert b'"message"' not in done.output
    assert "websocket 3" in "\n".join(done.said), "they are counted in any case"


def test_raw(file: str):
    output = run("-r", file, "--format", "raw", "--show-secrets").output
    assert b"10.0.0.2:80 -> " in output or b":80 -> " in output
    assert b'\n{"token": "abcdef0123456789"}\n' in output
    assert output.count(b"tick 42") == 1, "in the body of its exchange, and not again"


def test_after_the_last_exchange_that_is_wanted_nothing_is_shown(file: str):
    lines = run("-r", file, "--format", "jsonl", "-c", "1").json
    assert [line["kind"] for line in lines] == ["exchange"]
