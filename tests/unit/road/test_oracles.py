"""The same messages as other parsers read them.

Where they differ by design: h11 gives names in lower case; httptools gives trailers as fields behind the
others, and cannot be told that a response answers HEAD. Neither is asked of what only a bystander has to
read: gaps, broken framing, connections from their middle on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
import httptools
from hypothesis import given

from tests.support.messages import METHODS, said_in_turns, turns
from tests.support.talk import read

if TYPE_CHECKING:
    from sockfilter.model import Message
    from tests.support.messages import Turn

Told = dict[str, Any]


class Notes:
    """What httptools calls back."""

    def __init__(self) -> None:
        self.messages: list[Told] = []

    def on_message_begin(self) -> None:
        self.messages.append({"start": b"", "headers": [], "body": b"", "complete": False})

    def on_url(self, url: bytes) -> None:
        self.messages[-1]["start"] += url

    def on_status(self, status: bytes) -> None:
        self.messages[-1]["start"] += status

    def on_header(self, name: bytes, value: bytes) -> None:
        self.messages[-1]["headers"].append((name, value))

    def on_body(self, body: bytes) -> None:
        self.messages[-1]["body"] += body

    def on_message_complete(self) -> None:
        self.messages[-1]["complete"] = True


def fields(message: Message, *, trailers: bool = True) -> list[tuple[bytes, bytes]]:
    pairs = [*message.headers, *(message.trailers if trailers else ())]
    return [(name.encode(), value.encode()) for name, value in pairs]


def lowered(pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in pairs]


def as_told(message: Message, start: str) -> Told:
    return {
        "start": start.encode(),
        "headers": fields(message),
        "body": message.body,
        "complete": message.complete,
    }


@given(turns())
def test_requests_as_httptools_reads_them(dialogue: list[Turn]):
    notes = Notes()
    parser = httptools.HttpRequestParser(notes)
    for turn in dialogue:
        parser.feed_data(turn.request.raw)
    exchanges = read(*said_in_turns(dialogue))
    assert [as_told(e.request, e.request.target) for e in exchanges if e.request] == notes.messages


@given(turns())
def test_responses_as_httptools_reads_them(dialogue: list[Turn]):
    notes = Notes()
    parser = httptools.HttpResponseParser(notes)
    for turn in dialogue:
        for sent in (*turn.informational, turn.response):
            parser.feed_data(sent.raw)
    exchanges = read(*said_in_turns(dialogue))
    messages = [m for e in exchanges for m in (*e.informational, e.response) if m is not None]
    assert [as_told(message, message.reason) for message in messages] == notes.messages


def heard(reader: h11.Connection, data: bytes) -> list[Any]:
    """The events of one message; of a response, those of the informational ones before it too."""
    reader.receive_data(data)
    events = []
    while True:
        event = reader.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED):
            return events
        events.append(event)


def check(message: Message, events: list[Any]) -> None:
    head, *parts, end = events
    assert lowered(fields(message, trailers=False)) == [(bytes(n), bytes(v)) for n, v in head.headers]
    assert message.body == b"".join(bytes(part.data) for part in parts)
    assert lowered([(n.encode(), v.encode()) for n, v in message.trailers]) == list(end.headers)
    assert message.version.encode() == head.http_version


@given(turns(methods=[*METHODS, "HEAD"]))
def test_dialogues_as_h11_reads_them(dialogue: list[Turn]):
    exchanges = read(*said_in_turns(dialogue))
    for turn, exchange in zip(dialogue, exchanges, strict=True):
        client, server = h11.Connection(h11.CLIENT), h11.Connection(h11.SERVER)
        host = turn.request.raw.replace(b"\r\n", b"\r\nHost: x\r\n", 1)
        asked = [event for event in heard(server, host) if not isinstance(event, h11.ConnectionClosed)]
        asked[0].headers._full_items.pop(0)
        assert exchange.request is not None
        check(exchange.request, asked)
        assert asked[0].method.decode() == exchange.request.method
        assert asked[0].target.decode() == exchange.request.target
        client.send(h11.Request(method=exchange.request.method, target="/", headers=[("Host", "x")]))
        client.send(h11.EndOfMessage())
        answers = heard(client, b"".join(sent.raw for sent in (*turn.informational, turn.response)))
        count = len(exchange.informational)
        assert [event.status_code for event in answers[:count]] == [m.status for m in exchange.informational]
        assert exchange.response is not None
        check(exchange.response, answers[count:])
        assert (answers[count].status_code, answers[count].reason.decode()) == (
            exchange.response.status,
            exchange.response.reason,
        )
