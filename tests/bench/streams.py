"""Messages on streams: how many of them a second of processor time reads, and that a long gRPC call takes no memory.

The bytes come as spans, as the reassembly of TCP gives them: what is measured is the protocol alone.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.policy import BodyPolicy
from tests.support import http2, websocket
from tests.support.grpc import frame as grpc_frame
from tests.support.talk import CLIENT, SERVER, Dialogue

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = b"a message of a hundred bytes, which is what most of them have: " + b"0123456789" * 4
MESSAGES = 200_000
# messages a second
TARGETS = {
    "WebSocket": 200_000,
    "WebSocket, masked": 200_000,
    "WebSocket, deflated": 200_000,
    "MQTT": 100_000,
    "gRPC": 100_000,
}
# in one segment of 64 KiB
MESSAGES_A_SPAN = 500
CALL_MESSAGES, CALL_WARM_UP = 1_000_000, 100_000
# RSV1 of a frame that is deflated (RFC 7692, 6)
DEFLATED = 4
POLICY = BodyPolicy(16 << 10)

PING = b"\xc0\x00"
CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04benc"
CONNACK = b"\x20\x02\x00\x00"
TOPIC = b"room/1/temperature"


class Rate(NamedTuple):
    """Messages of a protocol in a second of processor time."""

    what: str
    rate: float


def rates() -> list[Rate]:
    """WebSocket, from the server and from the client, which masks, and compressed; MQTT; gRPC."""
    text = websocket.frame(websocket.TEXT, CONTENT)
    masked = websocket.frame(websocket.TEXT, CONTENT, end=CLIENT)
    deflating = websocket.Deflating()
    publish = b"\x30" + bytes([2 + len(TOPIC) + len(CONTENT)]) + len(TOPIC).to_bytes(2, "big") + TOPIC + CONTENT
    extended = websocket.DEFLATE % b""
    return [
        _rate("WebSocket", lambda: websocket.opened(policy=POLICY), SERVER, text * MESSAGES_A_SPAN),
        _rate("WebSocket, masked", lambda: websocket.opened(policy=POLICY), CLIENT, masked * MESSAGES_A_SPAN),
        _rate(
            "WebSocket, deflated",
            lambda: websocket.opened(extended, POLICY),
            SERVER,
            lambda: b"".join(
                websocket.frame(websocket.TEXT, deflating(CONTENT), rsv=DEFLATED) for _ in range(MESSAGES_A_SPAN)
            ),
        ),
        _rate("MQTT", _mqtt, CLIENT, publish * MESSAGES_A_SPAN),
        _rate("gRPC", _grpc, SERVER, _grpc_span()),
    ]


def growth() -> int:
    """Bytes of memory that the process takes for a call's messages behind the first CALL_WARM_UP ones."""
    dialogue, span = _grpc(), _grpc_span()
    _say(dialogue, SERVER, span, CALL_WARM_UP)
    before = _resident()
    _say(dialogue, SERVER, span, CALL_MESSAGES - CALL_WARM_UP)
    assert dialogue.exchanges == []
    return _resident() - before


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _rate(what: str, begin: Callable[[], Dialogue], end: int, span: bytes | Callable[[], bytes]) -> Rate:
    dialogue, taken = begin(), 0.0
    for _ in range(MESSAGES // MESSAGES_A_SPAN):
        said = span if isinstance(span, bytes) else span()
        began = time.process_time()
        dialogue.say(end, said)
        taken += time.process_time() - began
        dialogue.messages.clear()
    return Rate(what, MESSAGES / taken)


def _say(dialogue: Dialogue, end: int, span: bytes, messages: int) -> None:
    for _ in range(messages // MESSAGES_A_SPAN):
        dialogue.say(end, span)


def _mqtt() -> Dialogue:
    return Dialogue(POLICY, protocols=("mqtt",)).say(CLIENT, CONNECT).say(SERVER, CONNACK)


def _grpc() -> Dialogue:
    """A call of a method that answers with many messages."""
    kind = (b"content-type", b"application/grpc")
    dialogue, client, server = Dialogue(POLICY), http2.Peer(), http2.Peer()
    asked = client.headers(1, http2.asks(b"/shop.v1.Cart/List", b"POST", kind), last=False)
    dialogue.say(CLIENT, http2.PREFACE + http2.settings() + asked + http2.data(1, grpc_frame(b"all")))
    return dialogue.say(SERVER, http2.settings() + server.headers(1, http2.answers(b"200", kind), last=False))


def _grpc_span() -> bytes:
    return http2.data(1, grpc_frame(CONTENT), last=False) * MESSAGES_A_SPAN
