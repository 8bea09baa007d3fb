"""The conversation needs bytes and the exchange that opened it, and nothing of TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sockfilter.protocols.interface import Handover
from sockfilter.protocols.websocket.conversation import WebSocketConversation
from sockfilter.protocols.websocket.extensions import Extensions, extensions_of
from tests.support.exchanges import exchange
from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.support.websocket import PING, TEXT, Deflating, Told, frame, opened, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import StreamMessage
    from sockfilter.model.flow import LeftOut

EXTENDED = b"CONNECT /chat HTTP/1.1\r\nHost: x\r\n\r\n"
AGREED = b"HTTP/1.1 200 OK\r\nsec-websocket-extensions: permessage-deflate%s\r\n\r\n"


class Stream:
    """A stream of another protocol that carries a WebSocket: no sequence numbers, no connection of its own."""

    last_ns = 0
    isn = (None, None)

    def __init__(self) -> None:
        dialogue = Dialogue()
        self.model = dialogue.connection
        self.model.client_end = CLIENT
        self.announced: list[tuple[int, int]] = []
        self.messages: list[StreamMessage] = dialogue.messages
        self.context: Any = dialogue._context

    def leave_out(self, end: int, number: int, take: Callable[[LeftOut], int]) -> None:
        raise AssertionError("HTTP/2 alone has streams")

    def announce(self, end: int, size: int) -> None:
        self.announced.append((end, size))


def test_it_works_inside_a_stream():
    stream = Stream()
    opener = exchange(EXTENDED, AGREED % b"")
    talk = WebSocketConversation(stream, stream.context, Handover(4, opener))  # type: ignore[arg-type]  # as much as is asked of it
    assert (talk.count, talk.open, talk.is_idle, talk.has_lane) == (4, [], True, False)
    deflate = Deflating()
    talk.receivers[CLIENT].data(frame(TEXT, deflate(b"hello"), end=CLIENT, rsv=4), 5, 0, 0)
    talk.receivers[SERVER].data(frame(PING)[:1], 6, 0, 0)
    assert not talk.is_idle
    talk.receivers[SERVER].data(frame(PING)[1:], 7, 0, 0)
    assert talk.is_idle
    assert told(stream.messages) == [Told(CLIENT, "text", b"hello"), Told(SERVER, "ping", b"")]
    assert [message.exchange for message in stream.messages] == [opener, opener]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"", Extensions()),
        (b"Sec-WebSocket-Extensions: permessage-deflate\r\n", Extensions(True)),
        (
            b"SEC-WEBSOCKET-EXTENSIONS:Permessage-Deflate ; Server_No_Context_Takeover\r\n",
            Extensions(True, (True, False)),
        ),
        (
            b"Sec-WebSocket-Extensions: a, permessage-deflate; client_no_context_takeover; x=10\r\n",
            Extensions(True, (False, True), has_others=True),
        ),
        (b"Sec-WebSocket-Extensions: ,\r\nSec-WebSocket-Extensions: b;c=d\r\n", Extensions(has_others=True)),
    ],
)
def test_what_the_server_agrees_to(fields: bytes, expected: Extensions):
    assert extensions_of(exchange(response=b"HTTP/1.1 101 S\r\n%s\r\n" % fields)) == expected


def test_without_the_handshake_reserved_bits_may_mean_anything():
    assert extensions_of(None) == extensions_of(exchange(response=None)) == Extensions(has_others=True)


def test_memory_that_it_keeps_counts():
    dialogue = opened()
    empty = dialogue.talk.weight
    dialogue.say(SERVER, frame(TEXT, b"x" * 5000, fin=False))
    assert dialogue.talk.weight >= empty + 5000
