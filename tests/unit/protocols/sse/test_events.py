"""Server-sent events: what the standard says of them, in any pieces."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Problem
from sockfilter.protocols.sse.lines import LINE_BYTES_MAX, NAME_BYTES_MAX, EventLines
from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.support.wire import EVERYTHING, NOTHING

if TYPE_CHECKING:
    from sockfilter.model import StreamMessage

REQUEST = b"GET /prices HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
UNTIL_CLOSE = HEAD + b"\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

Event = tuple[str, "str | None", bytes]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def stream(*pieces: bytes, head: bytes = UNTIL_CLOSE, policy=EVERYTHING) -> Dialogue:
    dialogue = Dialogue(policy).say(CLIENT, REQUEST).say(SERVER, head)
    for piece in pieces:
        dialogue.say(SERVER, piece)
    return dialogue


def told(messages: list[StreamMessage]) -> list[Event]:
    return [(message.kind, message.event_id, bytes(message.body)) for message in messages]


def events(*pieces: bytes, head: bytes = UNTIL_CLOSE) -> list[Event]:
    return told(stream(*pieces, head=head).messages)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # the examples of the standard, 9.2.6
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", None, b"YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [("message", "1", b"first event"), ("message", "", b"second event"), ("message", "", b" third event")],
        ),
        (b"data\n\ndata\ndata\n\ndata:\n", [("message", None, b""), ("message", None, b"\n")]),
        (b"data:test\n\ndata: test\n\n", [("message", None, b"test"), ("message", None, b"test")]),
        (b"event: add\ndata: 73857293\n\n", [("add", None, b"73857293")]),
        (b"event: add\n\ndata: 1\n\n", [("message", None, b"1")]),  # without data it is no event
        (b"id: 7\n\ndata: 1\n\ndata: 2\n\n", [("message", "7", b"1"), ("message", "7", b"2")]),
        (b"id: a\0b\ndata: 1\n\n", [("message", None, b"1")]),
        (b"retry: 100\n\n", []),
        (b"foo: bar\ndata: 1\nDATA: 2\n\n", [("message", None, b"1")]),
        (b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n", [("message", None, b"1")]),
        (
            b"data: 1\r\rdata: 2\r\n\r\ndata: 3\n\n",
            [("message", None, b"1"), ("message", None, b"2"), ("message", None, b"3")],
        ),
        (b"data: 1\n\ndata: cut", [("message", None, b"1")]),
        (b"data: 1\n\ndata: cut\n", [("message", None, b"1")]),
        (b"event: \xff\ndata: \xff\n\n", [("�", None, b"\xff")]),
    ],
)
def test_the_rules_of_the_standard(sent: bytes, expected: list[Event]):
    assert events(sent) == expected
    for at in range(len(sent)):
        assert events(sent[:at], sent[at:]) == expected, at
    assert events(*(sent[i : i + 1] for i in range(len(sent)))) == expected
    for head, framed in (
        (CHUNKED, chunk(sent) + b"0\r\n\r\n"),
        (HEAD + b"Content-Length: %d\r\n\r\n" % len(sent), sent),
    ):
        assert events(framed, head=head) == expected
        assert events(*(framed[i : i + 1] for i in range(len(framed))), head=head) == expected


LINE = st.sampled_from([b"data: x", b"data", b"event: n", b"id: 1", b"id", b": c", b"", b"", b"retry: 1", b"z"])
ENDING = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(st.lists(st.tuples(LINE, ENDING), max_size=12), st.data())
def test_any_pieces_give_the_same(lines: list[tuple[bytes, bytes]], data: st.DataObject):
    sent = b"".join(line + ending for line, ending in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert events(*pieces) == events(sent)


def test_a_message_comes_with_the_empty_line_and_knows_its_exchange():
    dialogue = stream(b"data: 1\n")
    assert not dialogue.messages
    first_ns = dialogue.now_ns
    dialogue.say(SERVER, b"\n")
    (message,) = dialogue.messages
    assert message.time_ns == first_ns
    assert (message.protocol, message.sender, message.number) == ("sse", "server", 1)
    assert (message.body.wire_len, message.body.length, message.text) == (1, 1, "1")
    assert message.exchange is not None
    assert message.exchange.response is None or message.exchange.response.end_ns is None
    (exchange,) = dialogue.close()
    assert exchange is message.exchange
    assert exchange.response is not None
    assert exchange.response.body == b"data: 1\n\n"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_streams_are_read_as_they_come(coding: str):
    packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    head = HEAD + b"Content-Encoding: %s\r\n\r\n" % coding.encode()
    for policy in (EVERYTHING, NOTHING):
        dialogue = stream(head=head, policy=policy)
        packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        for number in range(3):
            piece = packer.compress(b"data: %d\n\n" % number) + packer.flush(zlib.Z_SYNC_FLUSH)
            dialogue.say(SERVER, piece)
            assert len(dialogue.messages) == number + 1


def test_a_stream_that_cannot_be_decoded_has_no_events():
    for coding, content in ((b"zoo", b"data: 1\n\n"), (b"gzip", b"data: 1\n\n")):
        dialogue = stream(content, content, head=HEAD + b"Content-Encoding: %s\r\n\r\n" % coding)
        assert not dialogue.messages
        (exchange,) = dialogue.close()
        assert exchange.problems
    whole = gzip.compress(b"data: 1\n\ndata: 2\n\n" * 100)
    dialogue = stream(whole[: len(whole) // 2], head=HEAD + b"Content-Encoding: gzip\r\n\r\n")
    count = len(dialogue.messages)
    dialogue.lose(SERVER, 1).say(SERVER, whole[len(whole) // 2 + 1 :])
    assert len(dialogue.messages) == count


def test_what_is_kept_of_an_event_is_limited_and_nothing_is_ignored():
    content = b"data: " + b"x" * 1_000_000 + b"\n\n"
    for policy in (EVERYTHING._replace(limit=10), NOTHING):
        dialogue = stream(policy=policy)
        for at in range(0, len(content), 1400):
            dialogue.say(SERVER, content[at : at + 1400])
            assert not dialogue.talk.receivers[SERVER].ignoring
        (message,) = dialogue.messages
        assert (message.body, message.body.length) == (b"x" * policy.limit, 1_000_000)
        assert not dialogue.announced


def test_several_long_lines_keep_the_beginning():
    unit = b"data: " + b"x" * 20_000 + b"\n"
    (message,) = stream(unit[:500], unit[500:] + unit + b"\n", policy=EVERYTHING._replace(limit=100)).messages
    assert (message.body, message.body.length) == (b"x" * 100, 40_001)


def test_long_names_and_ids_are_bounded():
    dialogue = stream(policy=NOTHING)
    for data in (b"id: 1\n", b"id: " + b"i" * 9000, b"i\nevent: " + b"n" * 9000, b"n\ndata: 1\n\n"):
        dialogue.say(SERVER, data)
    (message,) = dialogue.messages
    assert message.event_id is None
    assert len(message.kind) <= NAME_BYTES_MAX


def test_lines_that_never_end_take_bounded_memory():
    lines = EventLines(1 << 62)
    piece = b"x" * (1 << 20)
    for _ in range(40):
        assert not list(lines.split(piece, 0))
    ((line, length, _),) = lines.split(b"\n", 0)
    assert (len(line), length) == (LINE_BYTES_MAX + NAME_BYTES_MAX, 40 << 20)


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_after_a_gap_the_next_whole_event_counts(ending: bytes):
    sent = b"".join(b"id: %d|data: %d||" % (n, n) for n in range(6)).replace(b"|", ending)
    truth = events(sent)
    assert len(truth) == 6
    for start in range(1, len(sent)):
        for size in (1, 2, 9):
            end = min(start + size, len(sent))
            dialogue = stream(sent[:start])
            before = len(dialogue.messages)
            dialogue.lose(SERVER, end - start).say(SERVER, sent[end:])
            after = dialogue.messages[before:]
            assert set(told(dialogue.messages)) <= set(truth), (start, size)
            assert len(dialogue.messages) >= 6 - 1 - size // 8 - 1, (start, size)
            if after:
                assert after[0].problems == (Problem.RESYNCHRONISED,)
                assert after[0].number == 0
                assert not any(message.problems for message in after[1:])


def test_an_id_is_not_known_after_a_gap():
    dialogue = stream(b"id: 1\ndata: 1\n\n").lose(SERVER, 3).say(SERVER, b"x\n\ndata: 2\n\nid: 3\ndata: 3\n\n")
    assert told(dialogue.messages) == [("message", "1", b"1"), ("message", None, b"2"), ("message", "3", b"3")]


def test_only_event_streams_have_events():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: text/event-stream\r\n\r\n"
    assert not events(b"data: 1\n\n", head=head)
    odd = b"HTTP/1.1 200 OK\r\ncontent-type:  Text/Event-Stream\r\n\r\n"
    assert events(b"data: 1\n\n", head=odd) == [("message", None, b"1")]


def test_the_next_message_of_the_connection_is_read():
    dialogue = stream(chunk(b"data: 1\n\n") + b"0\r\n\r\n", head=CHUNKED)
    dialogue.say(CLIENT, b"GET / HTTP/1.1\r\n\r\n").say(SERVER, b"HTTP/1.1 204 No\r\n\r\n")
    assert len(dialogue.messages) == 1
    assert [exchange.complete for exchange in dialogue.close()] == [True, True]
