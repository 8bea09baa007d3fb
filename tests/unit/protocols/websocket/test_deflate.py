"""permessage-deflate: every combination of parameters against zlib, and its limits."""

from __future__ import annotations

import zlib
from itertools import product

import pytest

from sockfilter.model import Problem
from sockfilter.protocols.coding import DECODED_BYTES_MAX
from tests.support.talk import CLIENT, SERVER
from tests.support.websocket import (
    BINARY,
    CONTINUATION,
    DEFLATE,
    PING,
    TEXT,
    Deflating,
    Told,
    frame,
    heard,
    opened,
)
from tests.support.wire import EVERYTHING, NOTHING

TEXTS = [f'{{"price": {n}, "symbol": "SOCK", "text": "{"tick " * n}"}}'.encode() for n in range(12)]


@pytest.mark.parametrize(
    ("client_keeps", "server_keeps", "bits"), list(product((True, False), (True, False), (9, 10, 12, 15)))
)
def test_every_combination_of_parameters(client_keeps: bool, server_keeps: bool, bits: int):
    said = b"" if client_keeps else b"; client_no_context_takeover"
    said += b"" if server_keeps else b"; server_no_context_takeover"
    said += b'; server_max_window_bits=%d; client_max_window_bits="%d"' % (bits, bits)
    large = bytes(range(256)) * 300  # larger than the window
    for end, keeps in ((CLIENT, client_keeps), (SERVER, server_keeps)):
        deflate = Deflating(keeps, bits)
        sent, expected = b"", []
        for i, content in enumerate((*TEXTS, large, *TEXTS)):
            opcode, kind = (BINARY, "binary") if content is large else (TEXT, "text")
            packed = deflate(content)
            if i % 3:
                sent += frame(opcode, packed, end=end, rsv=4)
            else:
                at = len(packed) // 2
                sent += frame(opcode, packed[:at], end=end, rsv=4, fin=False) + frame(PING, b"p", end=end)
                sent += frame(CONTINUATION, packed[at:], end=end)
                expected.append(Told(end, "ping", b"p"))
            expected.append(Told(end, kind, content, 1 if i % 3 else 2))
        for size in (1, 1400, len(sent)):
            pieces = [(end, sent[at : at + size]) for at in range(0, len(sent), size)]
            assert heard(*pieces, extensions=DEFLATE % said) == expected


def test_sizes_are_known_without_the_content():
    deflate = Deflating()
    dialogue = opened(DEFLATE % b"", NOTHING)
    for content in TEXTS:
        packed = deflate(content)
        dialogue.say(SERVER, frame(TEXT, packed, rsv=4))
        message = dialogue.messages[-1]
        assert (message.body, message.body.wire_len, message.body.length) == (b"", len(packed), len(content))
        assert message.compressed


def test_messages_that_are_not_compressed_leave_the_window():
    deflate = Deflating()
    sent = frame(TEXT, deflate(TEXTS[5]), rsv=4) + frame(TEXT, b"plain") + frame(TEXT, deflate(TEXTS[5]), rsv=4)
    assert [each.content for each in heard((SERVER, sent), extensions=DEFLATE % b"")] == [TEXTS[5], b"plain", TEXTS[5]]


@pytest.mark.parametrize("keeps", [True, False])
def test_the_examples_of_the_standard(keeps: bool):
    """RFC 7692, 7.2.3."""
    said = b"" if keeps else b"; server_no_context_takeover"
    hello = bytes.fromhex("f248cdc9c90700")
    again = bytes.fromhex("f200110000") if keeps else hello
    stored = bytes.fromhex("000500faff48656c6c6f00")
    last = bytes.fromhex("f348cdc9c9070000")  # a block with BFINAL
    two = bytes.fromhex("f24805000000ffffcac9c90700")
    sent = b"".join(frame(TEXT, packed, rsv=4) for packed in (hello, again, stored, two, last))
    assert heard((SERVER, sent), extensions=DEFLATE % said) == [Told(SERVER, "text", b"Hello")] * 5


def test_a_last_block_loses_the_window_honestly():
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    first = packer.compress(TEXTS[8]) + packer.flush(zlib.Z_SYNC_FLUSH)
    last = packer.compress(TEXTS[8]) + packer.flush(zlib.Z_FINISH) + b"\0"
    refers = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=TEXTS[8])
    lost = refers.compress(TEXTS[8]) + refers.flush(zlib.Z_SYNC_FLUSH)
    fresh = Deflating()
    sent = [first[:-4], last, lost[:-4], fresh(TEXTS[3]), fresh(TEXTS[3])]
    messages = opened(DEFLATE % b"").say(SERVER, b"".join(frame(TEXT, each, rsv=4) for each in sent)).messages
    assert [bytes(message.body) for message in messages] == [TEXTS[8], TEXTS[8], b"", TEXTS[3], TEXTS[3]]
    assert [message.problems for message in messages] == [(), (), (Problem.INFLATE_LOST,), (), ()]
    assert messages[2].body.length is None


def test_what_is_no_deflate_has_a_problem():
    deflate = Deflating()
    packed = [deflate(content) for content in TEXTS[:3]]
    sent = frame(TEXT, packed[0], rsv=4) + frame(TEXT, b"\xff" * 20, rsv=4) + frame(TEXT, packed[1], rsv=4)
    messages = opened(DEFLATE % b"").say(SERVER, sent).messages
    assert [message.problems for message in messages] == [(), (Problem.BAD_FRAME,), (Problem.INFLATE_LOST,)]
    assert [message.body.length for message in messages] == [len(TEXTS[0]), None, None]


def test_a_bomb_is_given_up_and_takes_bounded_memory():
    deflate = Deflating(level=9)
    bomb = b"".join(deflate(bytes(1 << 20)) + b"\0\0\xff\xff" for _ in range(70))
    assert len(bomb) < 100_000
    dialogue = opened(DEFLATE % b"", EVERYTHING._replace(limit=1000))
    dialogue.say(SERVER, frame(BINARY, bomb, rsv=4)).say(SERVER, frame(TEXT, b"next"))
    first, second = dialogue.messages
    assert (first.problems, first.body.length, len(first.body)) == ((Problem.DECODED_LIMIT,), None, 1000)
    assert first.body.wire_len == len(bomb)
    assert second.body == b"next"
    assert DECODED_BYTES_MAX < 70 << 20


def test_extensions_that_are_not_known_leave_content_as_sent():
    extensions = b"Sec-WebSocket-Extensions: x-secret; a=1\r\n"
    assert heard((SERVER, frame(TEXT, b"\xff", rsv=5)), extensions=extensions) == [
        Told(SERVER, "text", b"\xff", 1, ("unknown-coding",))
    ]
    both = b"Sec-WebSocket-Extensions: x-secret\r\nsec-websocket-extensions: Permessage-Deflate;x=1\r\n"
    assert heard((SERVER, frame(TEXT, Deflating()(b"hi"), rsv=4)), extensions=both) == [Told(SERVER, "text", b"hi")]
