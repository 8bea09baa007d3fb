"""Floods of HTTP/2 take no more memory the longer they are, and end nobody's reading."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.http2 import messages, receiver
from tests.support.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    answers,
    asks,
    begun,
    data,
    frame,
    goaway,
    ping,
    priority,
    reset,
    settings,
    window_update,
)
from tests.support.talk import CLIENT, SERVER, Dialogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GET = b"\x82\x84\x86"
BOTH = END_HEADERS | END_STREAM
ROUNDS = 20_000
# of a connection on which nothing is open: its two tables, and bytes in which frames are looked for
IDLE_BYTES_MAX = 256 << 10


def odd() -> Iterator[int]:
    return count(1, 2)


def rapid_reset() -> Iterator[tuple[int, bytes]]:
    for stream in odd():
        yield CLIENT, frame(HEADERS, stream, GET, BOTH) + reset(stream)


def answered() -> Iterator[tuple[int, bytes]]:
    for stream in odd():
        yield CLIENT, frame(HEADERS, stream, GET, BOTH)
        yield SERVER, frame(HEADERS, stream, b"\x88", BOTH)


def pushed() -> Iterator[tuple[int, bytes]]:
    for stream in count(2, 2):
        yield SERVER, frame(5, 1, stream.to_bytes(4, "big") + GET, END_HEADERS) + frame(HEADERS, stream, b"\x88", BOTH)


def always(end: int, words: bytes) -> Callable[[], Iterator[tuple[int, bytes]]]:
    def made() -> Iterator[tuple[int, bytes]]:
        while True:
            yield end, words

    return made


FLOODS = {
    "rapid reset": rapid_reset,
    "requests and responses": answered,
    "pushed responses": pushed,
    "SETTINGS": always(CLIENT, settings((1, 4096), (3, 100))),
    "empty SETTINGS": always(SERVER, settings()),
    "PING": always(CLIENT, ping()),
    "PRIORITY": always(CLIENT, priority(7)),
    "WINDOW_UPDATE": always(CLIENT, window_update(7, 1)),
    "RST_STREAM": always(SERVER, reset(7)),
    "GOAWAY": always(SERVER, goaway(7)),
    "empty DATA": always(CLIENT, data(7, b"", last=False)),
    "padding": always(CLIENT, data(7, b"", last=False, pad=255)),
    "DATA of no stream": always(SERVER, data(9, b"x" * 50)),
    "empty HEADERS": always(SERVER, frame(HEADERS, 7, b"", BOTH)),
    "CONTINUATION": always(CLIENT, frame(CONTINUATION, 7, b"\x82")),
    "unknown frames": always(CLIENT, frame(0xEE, 7, b"x" * 20)),
    "changes of the table": always(CLIENT, frame(HEADERS, 7, b"\x3f\xe1\x1f" + GET, BOTH) + reset(7)),
    "entries": always(CLIENT, frame(HEADERS, 7, GET + b"\x40\x01a\x40" + b"v" * 64, BOTH) + reset(7)),
    "trailers": always(SERVER, frame(HEADERS, 1, b"\x00\x01a\x01b", END_HEADERS)),
    "garbage": always(SERVER, b"\xff" * 50),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_takes_no_memory(flood: Callable[[], Iterator[tuple[int, bytes]]]):
    dialogue, _, _ = begun()
    dialogue.exchanges = Counted()  # type: ignore[assignment]  # exchanges are not kept
    for (end, words), _ in zip(flood(), range(ROUNDS), strict=False):
        dialogue.say(end, words)
    assert dialogue.talk.weight < IDLE_BYTES_MAX + 2 * 1024 * len(dialogue.talk.open)
    assert len(dialogue.talk.open) <= 1


class Counted(list[object]):
    """Counts what is appended, and keeps none of it."""

    def append(self, item: object) -> None:
        self[:] = []


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_what_follows_a_flood_is_read(flood: Callable[[], Iterator[tuple[int, bytes]]]):
    dialogue, client, server = begun()
    for (end, words), _ in zip(flood(), range(200), strict=False):
        dialogue.say(end, words)
    for _ in range(3):
        dialogue.say(CLIENT, ping()).say(SERVER, ping())
    dialogue.say(CLIENT, client.headers(2001, asks(b"/after"))).say(SERVER, server.headers(2001, answers()))
    last = next(exchange for exchange in dialogue.close() if exchange.stream == 2001)
    assert (last.request.target, last.response.status) == ("/after", 200)


def test_continuation_without_end():
    """The block is given up, and its fragments are not kept."""
    dialogue, _, _ = begun()
    dialogue.say(CLIENT, frame(HEADERS, 1, GET, END_STREAM))
    for _ in range(3 * receiver.CONTINUATIONS_MAX):
        dialogue.say(CLIENT, frame(CONTINUATION, 1, b"\x00\x01a\x01b" * 100))
    assert dialogue.talk.weight < 2 * receiver.BLOCK_BYTES_MAX
    dialogue.say(CLIENT, frame(CONTINUATION, 1, b"", END_HEADERS))
    (exchange,) = dialogue.close()
    assert exchange.request.method == "GET"
    assert Problem.BAD_HEAD in exchange.problems
    assert dialogue.talk.weight < IDLE_BYTES_MAX


def test_a_block_of_references_to_a_long_entry():
    """One byte each: the fields share the objects of the entry, and their number is limited."""
    dialogue, _, _ = begun()
    entry = b"\x40\x01a\x7f\xf1\x1d" + b"v" * 3952
    dialogue.say(CLIENT, frame(HEADERS, 1, GET + entry + b"\xbe" * 12_000, BOTH))
    (exchange,) = dialogue.talk.open
    values = [value for _, value in exchange.request.headers]
    assert sum(map(len, values)) <= 1 << 20
    assert Problem.BAD_HEAD in exchange.request.problems
    assert dialogue.talk.weight < 1 << 21


def test_no_more_streams_are_open_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch):
    from sockfilter.exchanges import by_stream

    monkeypatch.setattr(by_stream, "OPEN_STREAMS_MAX", 50)
    monkeypatch.setattr(messages, "HALVES_MAX", 50)
    dialogue, client, server = begun()
    for stream in range(1, 401, 2):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/%d" % stream), last=False) + data(stream, b"x", last=False))
    assert len(dialogue.talk.open) == 50
    assert {exchange.problems for exchange in dialogue.exchanges} == {(Problem.NO_RESPONSE, Problem.EVICTED)}
    dialogue.say(SERVER, server.headers(399, answers())).say(CLIENT, data(399, b"y"))
    assert (dialogue.exchanges[-1].stream, dialogue.exchanges[-1].request.body) == (399, b"xy")
    dialogue.close()
    assert not dialogue.counts.open


def test_gaps_in_a_row():
    dialogue, client, server = begun()
    for stream in range(1, 2001, 2):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/%d" % stream))).lose(CLIENT, 1000)
        dialogue.say(SERVER, server.headers(stream, answers())).lose(SERVER, 10)
    assert dialogue.talk.weight < 1 << 20
    assert len(dialogue.close()) <= 2000


def test_bytes_in_which_no_frame_is_found():
    dialogue, _, _ = begun()
    for _ in range(200):
        dialogue.lose(SERVER, 10).say(SERVER, b"\0\0\x10\0\0\0\0\0\1" * 150)
    assert dialogue.talk.weight < 1 << 20


def test_one_stream_without_end():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, server.headers(1, answers(), last=False))
    for _ in range(ROUNDS):
        dialogue.say(SERVER, data(1, b"x", last=False))
    assert dialogue.exchanges == []
    assert dialogue.talk.weight < IDLE_BYTES_MAX + 16 * ROUNDS
    dialogue.say(SERVER, data(1, b""))
    assert dialogue.exchanges[0].response.body.wire_len == ROUNDS


def test_a_frame_that_claims_to_be_long():
    """It is not kept: its kind needs no more bytes than usual."""
    dialogue, _, _ = begun()
    dialogue.say(CLIENT, b"\xff\xff\xff" + frame(HEADERS, 1, b"", BOTH)[3:])
    for _ in range(500):
        dialogue.say(CLIENT, b"z" * 1400)
    assert dialogue.talk.weight < IDLE_BYTES_MAX
    dialogue = Dialogue().say(CLIENT, PREFACE + b"\xff\xff\xff" + frame(DATA, 1, b"")[3:])
    for _ in range(500):
        dialogue.say(CLIENT, b"z" * 1400)
    assert dialogue.talk.weight < IDLE_BYTES_MAX
