"""Frames and header blocks that are malformed, or not allowed where they are: named, and reading goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.problem import Problem
from tests.support.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    answers,
    asks,
    begun,
    data,
    frame,
    ping,
    settings,
)
from tests.support.talk import CLIENT, SERVER, Dialogue, Said

BOTH = END_HEADERS | END_STREAM
OK = answers()
GET = b"\x82\x84\x86"  # entries of the static table

# what no frame may be; each comes from the server between two responses
BAD_FRAMES = {
    "DATA on no stream": frame(DATA, 0, b"x"),
    "HEADERS on no stream": frame(HEADERS, 0, b"\x88", BOTH),
    "SETTINGS on a stream": frame(SETTINGS, 1),
    "SETTINGS of a wrong size": frame(SETTINGS, 0, b"12345"),
    "PING on a stream": frame(PING, 1, bytes(8)),
    "PING of a wrong size": frame(PING, 0, bytes(7)),
    "GOAWAY on a stream": frame(GOAWAY, 1, bytes(8)),
    "PRIORITY on no stream": frame(PRIORITY, 0, bytes(5)),
    "PRIORITY of a wrong size": frame(PRIORITY, 1, bytes(4)),
    "RST_STREAM on no stream": frame(RST_STREAM, 0, bytes(4)),
    "RST_STREAM of a wrong size": frame(RST_STREAM, 1, bytes(5)),
    "WINDOW_UPDATE of a wrong size": frame(WINDOW_UPDATE, 1, bytes(3)),
    "PUSH_PROMISE on no stream": frame(PUSH_PROMISE, 0, b"\0\0\0\2" + GET, END_HEADERS),
    "CONTINUATION on no stream": frame(CONTINUATION, 0, b"\x88", END_HEADERS),
    "DATA with too much padding": frame(DATA, 3, b"\x09abc", PADDED),
    "no frames at all": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}
# frames whose header block cannot be read, but whose end is known
BAD_BLOCKS = {
    "HEADERS with too much padding": frame(HEADERS, 3, b"\x09abc", PADDED | BOTH),
    "HEADERS without the length of its padding": frame(HEADERS, 3, b"", PADDED | BOTH),
    "HEADERS without the whole priority": frame(HEADERS, 3, b"\0\0\0", HAS_PRIORITY | BOTH),
    "PUSH_PROMISE without a whole number": frame(PUSH_PROMISE, 3, b"\0\0\2", END_HEADERS),
    "CONTINUATION without HEADERS": frame(CONTINUATION, 3, b"\x88", END_HEADERS),
    "CONTINUATION of another stream": frame(HEADERS, 3, b"\x88") + frame(CONTINUATION, 5, b"", END_HEADERS),
    "a frame within a block": frame(HEADERS, 3, b"\x88") + ping(),
    "a frame and the rest of the block": frame(HEADERS, 3, b"\x88") + ping() + frame(CONTINUATION, 3, b"", END_HEADERS),
}


@pytest.mark.parametrize("bad", [*BAD_FRAMES.values(), *BAD_BLOCKS.values()], ids=[*BAD_FRAMES, *BAD_BLOCKS])
def test_reading_goes_on(bad: bytes):
    dialogue, client, server = begun()
    for stream in (1, 3, 5):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/%d" % stream)))
    dialogue.say(SERVER, server.headers(1, OK)).say(SERVER, bad)
    dialogue.say(SERVER, ping() + ping() + server.headers(5, answers(b"404")))
    exchanges = {exchange.stream: exchange for exchange in dialogue.close()}
    assert (exchanges[1].complete, exchanges[1].problems) == (True, ())
    assert (exchanges[5].response.status, exchanges[5].complete) == (404, True)
    assert exchanges[3].response is None or not exchanges[3].response.status
    assert Problem.BAD_FRAME in exchanges[3].problems


def test_data_within_a_block_is_read():
    dialogue, client, server = begun()
    for stream in (1, 3):
        dialogue.say(CLIENT, client.headers(stream, asks()))
    dialogue.say(SERVER, server.headers(1, OK, last=False) + frame(HEADERS, 3, b"\x88") + data(1, b"body"))
    first, _ = dialogue.close()
    assert (first.response.body, first.response.body.wire_len) == (b"body", 4)
    assert first.problems == ()  # the block was of another stream


@pytest.mark.parametrize("bad", BAD_BLOCKS.values(), ids=BAD_BLOCKS.keys())
def test_no_table_is_trusted_after_a_block_that_was_not_read(bad: bytes):
    dialogue, client, server = begun()
    fields = answers(b"200", (b"server", b"s"))
    for stream in (1, 3, 5):
        dialogue.say(CLIENT, client.headers(stream, asks()))
    dialogue.say(SERVER, server.headers(1, fields) + bad + server.headers(5, fields))
    exchanges = {exchange.stream: exchange for exchange in dialogue.close()}
    response = exchanges[5].response
    assert (response.status, list(response.headers), len(response.head.lost)) == (200, [], 1)
    assert Problem.HEADERS_LOST in response.problems


# blocks that are not HPACK, or break a rule of HTTP/2, and the target that is told
BAD_HEADS = {
    "an entry that is not there": (GET + b"\xff\x20", "/"),
    "a string that is cut": (GET + b"\x40\x01a\x09b", "/"),
    "a size of the table in the middle": (GET + b"\x20", "/"),
    "entry 0": (GET + b"\x80", "/"),
    "bad Huffman codes": (GET + b"\x40\x01a\x84\xff\xff\xff\xff", "/"),
    "a pseudo-field twice": (GET + b"\x84", "/"),
    "a pseudo-field after a field": (GET + b"\x00\x01a\x01b\x82", "/"),
}


@pytest.mark.parametrize(("block", "target"), BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_a_malformed_head_is_told_as_far_as_it_goes(block: bytes, target: str):
    dialogue, _, server = begun()
    dialogue.say(CLIENT, frame(HEADERS, 1, block, BOTH)).say(SERVER, server.headers(1, OK))
    (exchange,) = dialogue.close()
    assert (exchange.request.method, exchange.request.target) == ("GET", target)
    assert exchange.problems == (Problem.BAD_HEAD,)


@pytest.mark.parametrize("status", [b"", b"20", b"2000", b"2 0", b"abc", "\uff12\uff10\uff10".encode(), b"\xff"])
def test_a_status_that_is_none(status: bytes):
    dialogue, client, _ = begun()
    dialogue.say(CLIENT, client.headers(1, asks()))
    dialogue.say(SERVER, frame(HEADERS, 1, b"\x08" + bytes([len(status)]) + status, BOTH))
    (exchange,) = dialogue.close()
    assert exchange.response.status == 0


def test_an_empty_header_block():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, frame(HEADERS, 1, b"", BOTH)).say(CLIENT, client.headers(3, asks()))
    dialogue.say(SERVER, server.headers(3, OK))
    assert [exchange.stream for exchange in dialogue.close() if exchange.complete] == [3]


def test_names_and_values_may_be_any_bytes():
    dialogue, client, server = begun()
    odd = [(b"", b""), (b"a b", b"\r\n\0"), ("ä".encode(), b"\xff\xfe"), (b"UPPER", b"\x1b[2J")]
    dialogue.say(CLIENT, client.headers(1, asks(b"/\xff\x00", b"GET", *odd))).say(SERVER, server.headers(1, OK))
    (exchange,) = dialogue.close()
    assert len(list(exchange.request.headers)) == len(odd)
    assert exchange.request.target.encode("utf-8", "surrogateescape") == b"/\xff\x00"


def test_streams_of_any_number():
    dialogue, client, server = begun()
    for stream in (0x7FFFFFFF, 7, 1):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/%d" % stream)))
        dialogue.say(SERVER, server.headers(stream, OK))
    assert [exchange.stream for exchange in dialogue.close()] == [0x7FFFFFFF, 7, 1]


def test_the_reserved_bit_of_a_stream_does_not_count():
    dialogue, _, server = begun()
    dialogue.say(CLIENT, frame(HEADERS, 1 | 1 << 31, GET, BOTH)).say(SERVER, server.headers(1, OK))
    assert [exchange.stream for exchange in dialogue.close()] == [1]


def test_data_without_a_stream_is_counted():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(
        SERVER, server.headers(1, OK) + data(1, b"12345") + data(9, b"123")
    )
    assert len(dialogue.close()) == 1
    assert dialogue.counts.unread_bytes == 8


def test_the_same_stream_again():
    """As after a loss that nobody noticed: each request is told."""
    dialogue, client, server = begun()
    for path in (b"/a", b"/b"):
        dialogue.say(CLIENT, client.headers(1, asks(path)))
    dialogue.say(SERVER, server.headers(1, OK))
    assert [exchange.request.target for exchange in dialogue.close() if exchange.request] == ["/a", "/b"]


def test_another_head_in_the_middle_of_a_message():
    """What has begun is told, and says that its end was missed; bytes that follow belong to the new message."""
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/a", b"POST"), last=False) + data(1, b"a", last=False))
    dialogue.say(SERVER, server.headers(1, OK, last=False) + data(1, b"one", last=False))
    dialogue.say(SERVER, server.headers(1, answers(b"404"), last=False) + data(1, b"two"))
    dialogue.say(CLIENT, client.headers(1, asks(b"/b"), last=False)).say(SERVER, server.headers(1, OK))
    first, second, third = dialogue.close()
    assert (first.request.body, first.response.body) == (b"a", b"one")
    assert (first.problems, first.complete) == ((Problem.RESYNCHRONISED,), False)
    assert (second.request, second.response.body) == (None, b"two")
    assert (third.request.target, third.response.status, third.problems) == ("/b", 200, (Problem.CLOSED,))


def test_garbage_behind_the_preface():
    dialogue = Dialogue().say(CLIENT, PREFACE + b"GET / HTTP/1.1\r\n\r\n" * 10).say(SERVER, b"\xff" * 100)
    assert not dialogue.close()
    assert dialogue.counts.unread_bytes == 280


# what makes readers stumble
PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([PREFACE, *BAD_FRAMES.values(), *BAD_BLOCKS.values(), settings((1, 0), (5, 1 << 24))]),
    st.builds(
        frame,
        st.integers(0, 20),
        st.sampled_from([0, 1, 2, 3, 1 << 31]),
        st.binary(max_size=9) | st.sampled_from([GET, b"\x88", b"\xbe", GET + b"\x40\x01a\x01b", bytes(8)]),
        st.sampled_from([0, 1, 4, 5, 8, 13, 0x2D, 0xFF]),
    ),
)


@given(st.lists(st.tuples(st.integers(0, 1), st.lists(PIECES, max_size=4).map(b"".join), st.booleans()), max_size=12))
def test_any_frames(said: list[tuple[int, bytes, bool]]):
    dialogue = Dialogue(words={80: "http2"})
    words: list[Said] = [(end, data) for end, data, _ in said]
    for (end, data_), (_, _, is_lost) in zip(words, said, strict=True):
        if data_:
            dialogue.lose(end, len(data_)) if is_lost else dialogue.say(end, data_)
    for exchange in dialogue.close():
        assert exchange.complete or exchange.problems
        assert exchange.stream
    counts = dialogue.counts
    assert not counts.open
    assert counts.requests + counts.responses + counts.informational == counts.paired + counts.unpaired.total()
