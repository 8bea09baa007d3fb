"""Frames and messages of a WebSocket, in any pieces."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Close
from sockfilter.protocols.announcing import BULK_BYTES
from sockfilter.protocols.websocket.frames import head_at, unmask
from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.support.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MASK_KEY,
    PING,
    PONG,
    REQUEST,
    RESPONSE,
    TEXT,
    Told,
    frame,
    heard,
    opened,
    told,
)
from tests.support.wire import EVERYTHING, NOTHING

HELLO = "héllo".encode()
BAD = ("bad-frame",)


def both(end: int) -> tuple[bytes, list[Told]]:
    """What an end may send, and what is told of it."""
    sent = (
        frame(TEXT, HELLO, end=end)
        + frame(BINARY, b"\xff" * 200, end=end)
        + frame(TEXT, b"", end=end)
        + frame(TEXT, HELLO[:2], end=end, fin=False)  # a character is in two fragments
        + frame(PING, b"1", end=end)
        + frame(CONTINUATION, HELLO[2:], end=end, fin=False)
        + frame(PONG, b"2", end=end)
        + frame(CONTINUATION, b"", end=end)
        + frame(BINARY, bytes(range(256)) * 300, end=end)
        + frame(CLOSE, b"\x03\xe8" + HELLO, end=end)
    )
    return sent, [
        Told(end, "text", HELLO),
        Told(end, "binary", b"\xff" * 200),
        Told(end, "text", b""),
        Told(end, "ping", b"1"),
        Told(end, "pong", b"2"),
        Told(end, "text", HELLO, 3),
        Told(end, "binary", bytes(range(256)) * 300),
        Told(end, "close", b"\x03\xe8" + HELLO),
    ]


@pytest.mark.parametrize("end", [CLIENT, SERVER])
def test_cut_anywhere(end: int):
    sent, expected = both(end)
    assert heard((end, sent)) == expected
    for at in (*range(1, 400), *range(len(sent) - 60, len(sent))):
        assert heard((end, sent[:at]), (end, sent[at:])) == expected, at
    for size in (1, 2, 3, 7, 1400):
        assert heard(*((end, sent[at : at + size]) for at in range(0, len(sent), size))) == expected, size


@given(
    st.lists(
        st.tuples(
            st.sampled_from([CLIENT, SERVER]),
            st.sampled_from([TEXT, BINARY, PING, PONG]),
            st.integers(0, 300),
            st.integers(1, 4),
        ),
        max_size=8,
    ),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_any_messages_in_any_pieces(messages: list[tuple[int, int, int, int]], sizes: list[int]):
    sent, expected = [b"", b""], [[], []]  # type: ignore[var-annotated]
    for end, opcode, size, frames in messages:
        payload = (b"abcdefg" * 50)[:size] if opcode < PING else b"p" * min(size, 125)
        if opcode >= PING:
            sent[end] += frame(opcode, payload, end=end)
            expected[end].append(Told(end, {PING: "ping", PONG: "pong"}[opcode], payload))
            continue
        step = max(1, -(-size // frames))
        parts = [payload[at : at + step] for at in range(0, size, step)] or [b""]
        for i, part in enumerate(parts):
            kind = opcode if not i else CONTINUATION
            sent[end] += frame(kind, part, end=end, fin=i == len(parts) - 1)
        expected[end].append(Told(end, {TEXT: "text", BINARY: "binary"}[opcode], payload, len(parts)))
    said = []
    for end in (CLIENT, SERVER):
        at = i = 0
        while at < len(sent[end]):
            said.append((end, sent[end][at : at + sizes[i % len(sizes)]]))
            at, i = at + sizes[i % len(sizes)], i + 1
    assert heard(*said) == expected[CLIENT] + expected[SERVER]


def test_bytes_behind_the_101_in_its_segment_are_frames():
    both_ways = Dialogue().say(CLIENT, REQUEST).say(SERVER, RESPONSE % b"" + frame(TEXT, b"ready") + b"\x81")
    both_ways.say(SERVER, b"\x02hi")
    assert told(both_ways.messages) == [Told(SERVER, "text", b"ready"), Told(SERVER, "text", b"hi")]


def test_a_message_knows_its_exchange_its_time_and_its_sizes():
    dialogue = opened()
    sent = frame(TEXT, b"hello", fin=False)
    dialogue.say(SERVER, sent[:1])
    began_ns = dialogue.now_ns
    dialogue.say(SERVER, sent[1:]).say(SERVER, frame(CONTINUATION, b" you"))
    (message,) = dialogue.messages
    assert message.exchange is dialogue.exchanges[0]
    assert (message.time_ns, message.sender, message.compressed) == (began_ns, "server", False)
    assert (message.body.wire_len, message.body.length) == (9, 9)
    assert not dialogue.counts.unread_bytes
    assert not dialogue.counts.opaque_bytes


@pytest.mark.parametrize(
    ("payload", "close", "problems"),
    [
        (b"", Close(None), ()),
        (b"\x03\xe8", Close(1000), ()),
        (b"\x0f\xa1bye", Close(4001, "bye"), ()),
        (b"\x03", Close(None), BAD),
        (b"\x03\xe8\xff", Close(1000, "\ufffd"), BAD),
    ],
)
@pytest.mark.parametrize("policy", [EVERYTHING, NOTHING])
def test_a_close_has_a_code_and_a_reason(payload: bytes, close: Close, problems: tuple[str, ...], policy):
    for cut in range(len(payload) + 2):
        sent = frame(CLOSE, payload)
        (message,) = opened(policy=policy).say(SERVER, sent[:cut]).say(SERVER, sent[cut:]).messages
        assert (message.kind, message.close, tuple(message.problems)) == ("close", close, problems)
        assert message.body == (payload if policy is EVERYTHING else b"")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (frame(TEXT, b"\xff"), Told(SERVER, "text", b"\xff", 1, BAD)),
        (frame(TEXT, "é".encode()[:1]), Told(SERVER, "text", b"\xc3", 1, BAD)),
        (frame(TEXT, b"a", masked=1), Told(SERVER, "text", b"a", 1, BAD)),
        (frame(TEXT, b"a", long=2), Told(SERVER, "text", b"a", 1, BAD)),
        (frame(TEXT, b"a", long=8), Told(SERVER, "text", b"a", 1, BAD)),
        (frame(TEXT, b"a", rsv=4), Told(SERVER, "text", b"a", 1, BAD)),
        (frame(TEXT, b"a", rsv=1), Told(SERVER, "text", b"a", 1, BAD)),
        (frame(3, b"a"), Told(SERVER, "opcode-3", b"a", 1, BAD)),
        (frame(11, b"a"), Told(SERVER, "opcode-11", b"a", 1, BAD)),
        (frame(PING, b"a", fin=False), Told(SERVER, "ping", b"a", 1, BAD)),
        (frame(PING, b"a" * 126), Told(SERVER, "ping", b"a" * 125, 1, BAD)),
        (frame(CONTINUATION, b"a"), Told(SERVER, "continuation", b"a", 1, BAD)),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"a"), Told(SERVER, "text", b"a", 1, BAD)),
    ],
)
def test_what_a_sender_may_not_send_has_a_problem_and_the_next_is_read(sent: bytes, expected: Told):
    for size in (1, len(sent) + 50):
        whole = sent + frame(TEXT, b"next")
        pieces = [(SERVER, whole[at : at + size]) for at in range(0, len(whole), size)]
        assert heard(*pieces) == [expected, Told(SERVER, "text", b"next")]


def test_what_is_no_websocket_is_counted():
    dialogue = opened().say(SERVER, b"\x7f" + b"ELF and more" * 20)
    dialogue.say(SERVER, b"\xff" * 300).say(CLIENT, b"GET / HTTP/1.1\r\n\r\n" * 20)
    dialogue.close()
    assert len(dialogue.messages) <= 2
    assert all(message.problems for message in dialogue.messages)
    assert dialogue.counts.unread_bytes > 500


def test_a_message_without_an_end_is_not_told():
    dialogue = opened().say(SERVER, frame(TEXT, b"hello", fin=False)).say(CLIENT, frame(TEXT, b"x", end=CLIENT)[:-1])
    dialogue.close()
    assert not dialogue.messages
    assert dialogue.counts.unread_bytes == 5


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_large_message_is_kept_up_to_the_limit(opcode: int):
    payload = b"0123456789abcdef" * 20_000
    for limit, end in product((0, 10, 1 << 62), (CLIENT, SERVER)):
        dialogue = opened(policy=EVERYTHING._replace(limit=limit))
        sent = frame(opcode, payload, end=end)
        for at in range(0, len(sent), 1400):
            dialogue.say(end, sent[at : at + 1400])
        (message,) = dialogue.messages
        assert (message.body, message.body.length) == (payload[:limit], len(payload))
        announced = [size for _, size in dialogue.announced]
        # the source need not send what nobody needs
        assert bool(announced) == (opcode == BINARY and limit < 1 << 62)
        if announced:
            assert announced[0] >= BULK_BYTES
            assert announced[-1] == 0
        dialogue.say(end, frame(TEXT, b"next", end=end))
        assert dialogue.messages[-1].body == b"next"[:limit]


@given(st.binary(max_size=300), st.integers(0, 20))
def test_masks(data: bytes, at: int):
    masked = bytes(byte ^ MASK_KEY[(at + i) % 4] for i, byte in enumerate(data))
    assert unmask(masked, MASK_KEY, at) == data
    assert unmask(data, b"", at) == data


@given(st.binary(max_size=20), st.integers(0, 5))
def test_any_bytes_are_a_head_or_too_few(data: bytes, offset: int):
    head = head_at(data, offset)
    assert head is None or 2 <= head.size <= 14
    assert head is not None or len(data) - offset < 14
