"""What is kept of bodies, and what is said of their length."""

from __future__ import annotations

import gzip
import zlib

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.body import BodyPolicy
from sockfilter.protocols.coding import DECODED_BYTES_MAX
from tests.support.codings import name_of, squeezed
from tests.support.dialogues import CHUNKED, chunks, raw_deflate, response
from tests.support.talk import CLIENT, SERVER, Dialogue, answer
from tests.support.wire import EVERYTHING

GZIP = b"Content-Encoding: gzip"
HELLO = gzip.compress(b"hello" * 20)


def coded(content: bytes, coding: bytes = b"gzip", policy: BodyPolicy = EVERYTHING):
    return answer(response(content, b"Content-Encoding: " + coding), policy=policy).response


@pytest.mark.parametrize(("limit", "kept"), [(0, b""), (1, b"h"), (4, b"hell"), (5, b"hello"), (6, b"hello")])
@pytest.mark.parametrize("made", [response(b"hello"), CHUNKED + chunks(b"hel", b"lo")], ids=["length", "chunks"])
def test_limit(made: bytes, limit: int, kept: bytes):
    body = answer(made, policy=BodyPolicy(limit)).response.body
    assert body == kept
    assert (body.wire_len, body.length, body.is_cut) == (5, 5, limit < 5)


@pytest.mark.parametrize("limit", [0, 1, 99, 100, 101])
def test_limit_counts_decoded_bytes(limit: int):
    body = coded(HELLO, policy=BodyPolicy(limit)).body
    assert body == (b"hello" * 20)[:limit]
    assert (body.wire_len, body.length, body.is_cut) == (len(HELLO), 100, limit < 100)


@pytest.mark.parametrize(
    ("coding", "squeeze"),
    [(b"gzip", gzip.compress), (b"x-gzip", gzip.compress), (b"deflate", zlib.compress), (b"deflate", raw_deflate)],
)
def test_codings(coding: bytes, squeeze):
    body = coded(squeeze(b"hello"), coding).body
    assert (body, body.length) == (b"hello", 5)


@pytest.mark.parametrize("fields", [b"identity", b"", b"identity, gzip", b" GZIP "])
def test_names_of_codings(fields: bytes):
    content = b"hello" if fields in (b"identity", b"") else gzip.compress(b"hello")
    body = coded(content, fields).body
    assert (body, body.length) == (b"hello", 5)


@pytest.mark.parametrize("coding", [b"compress", b"gzip, aes128gcm", b"aes128gcm", b", ".join([b"gzip"] * 6)])
def test_an_unknown_coding_leaves_the_length_open(coding: bytes):
    message = coded(b"whatever", coding)
    assert message.body == b"whatever"
    assert (message.body.wire_len, message.body.length, message.body.is_cut) == (8, None, True)
    assert message.problems == (Problem.UNKNOWN_CODING,)


def test_codings_are_not_undone_where_nobody_asks():
    body = coded(HELLO, policy=BodyPolicy(1 << 62, decodes=False)).body
    assert (body, body.length) == (HELLO, None)


@pytest.mark.parametrize("limit", [0, 5, 27, 1 << 62])
@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd", b"gzip, br"])
def test_content_of_which_nothing_decodes_stays_as_sent(coding: bytes, limit: int):
    sent = b"<html>no gzip at all</html>"
    for cut in range(1, len(sent) + 1):
        said = response(sent, b"Content-Encoding: " + coding)
        at = len(said) - cut
        dialogue = Dialogue(BodyPolicy(limit)).say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
        (exchange,) = dialogue.say(SERVER, said[:at]).say(SERVER, said[at:]).close()
        message = exchange.response
        assert message.problems == (Problem.BAD_CODING,)
        assert message.complete
        assert message.body == sent[:limit]
        assert (message.body.wire_len, message.body.length) == (27, None)


def test_what_does_not_decode_for_too_long_is_not_kept():
    sent = b"\x1f\x8b\x08\x08" + bytes(6) + b"an endless name" * 10_000
    dialogue = Dialogue().say(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    said = response(sent, GZIP)
    for i in range(0, len(said), 1000):
        dialogue.say(SERVER, said[i : i + 1000])
    (exchange,) = dialogue.close()
    assert exchange.response.problems == (Problem.BAD_CODING,)
    assert exchange.response.body == b""


def test_content_that_breaks_off_gives_what_decodes():
    message = coded(HELLO[:-12])
    assert message.problems == (Problem.BAD_CODING,)
    assert (b"hello" * 20).startswith(message.body)
    assert message.body.length is None


def test_a_coding_of_nothing():
    message = answer(CHUNKED[:-2] + GZIP + b"\r\n\r\n" + chunks()).response
    assert not message.problems
    assert (message.body.wire_len, message.body.length) == (0, 0)


def test_a_message_cut_by_the_end_is_not_called_corrupt():
    dialogue = Dialogue().say(CLIENT, b"GET / HTTP/1.1\r\n\r\n").say(SERVER, response(HELLO, GZIP)[:-9])
    (exchange,) = dialogue.close()
    assert exchange.response.problems == (Problem.CLOSED,)
    assert exchange.response.body.length is None


STACKS = [("br",), ("zstd",), ("gzip", "br"), ("br", "gzip"), ("zstd", "deflate", "br")]


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_stacked_codings_of_content_and_transfer(stack: tuple[str, ...]):
    """RFC 9112, 6.1: transfer codings come after those of the content, the chunks last."""
    sent = squeezed(b"hello" * 20, stack)
    names = [name.encode() for name in stack]
    for count in range(len(stack) + 1):
        content, transfer = b", ".join(names[:count]), b", ".join([*names[count:], b"chunked"])
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nTransfer-Encoding: %s\r\n\r\n" % (content, transfer)
        message = answer(head + chunks(sent[:9], sent[9:])).response
        assert not message.problems
        assert (message.body, message.body.length) == (b"hello" * 20, 100)
        assert message.body.wire_len == len(sent)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate (raw)", "br", "zstd"])
def test_coded_content_that_ends_early_at_every_byte(coding: str):
    content = b"".join(b"%d, " % (i * 7919 % 991) for i in range(60))
    sent = squeezed(content, [coding])
    for at in range(1, len(sent)):
        message = coded(sent[:at], name_of(coding))
        assert message.problems == (Problem.BAD_CODING,)
        assert message.body.length is None
        assert content.startswith(message.body) or message.body == sent[:at]


def test_several_members_count_together():
    assert coded(gzip.compress(b"a" * 9) + gzip.compress(b"b" * 9)).body.length == 18


def test_a_bomb_costs_so_much_and_no_more():
    bomb = gzip.compress(bytes(DECODED_BYTES_MAX + 1_000_000), 1)
    message = coded(bomb, policy=BodyPolicy(1000))
    assert message.body == bytes(1000)
    assert (message.body.length, message.body.is_cut) == (None, True)


def test_the_largest_content_that_is_decoded():
    content = gzip.compress(bytes(DECODED_BYTES_MAX), 1)
    assert coded(content, policy=BodyPolicy(0)).body.length == DECODED_BYTES_MAX


def test_as_sent_keeps_the_framing():
    sent = b"5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n"
    body = answer(CHUNKED + sent, policy=BodyPolicy(1 << 62, decodes=False, as_sent=True)).response.body
    assert body == sent
    assert (body.wire_len, body.length, body.is_cut) == (5, 5, False)


@pytest.mark.parametrize("limit", range(16))
def test_as_sent_says_that_it_is_cut(limit: int):
    sent = chunks(b"hello")
    body = answer(CHUNKED + sent, policy=BodyPolicy(limit, decodes=False, as_sent=True)).response.body
    assert body == sent[:limit]
    assert (body.wire_len, body.is_cut) == (5, limit < len(sent))


def test_as_sent_is_not_decoded():
    body = coded(HELLO, policy=BodyPolicy(1 << 62, as_sent=True)).body
    assert (body, body.wire_len, body.length) == (HELLO, len(HELLO), None)


def test_bytes_behind_a_gap_are_not_kept():
    dialogue = Dialogue().say(CLIENT, b"GET / HTTP/1.1\r\n\r\n").say(SERVER, response(b"hello" * 20)[:-90])
    (exchange,) = dialogue.lose(SERVER, 40).say(SERVER, b"x" * 50).close()
    body = exchange.response.body
    assert (body, body.wire_len, body.length, body.is_cut) == (b"hellohello", 100, 100, True)
    assert exchange.response.problems == (Problem.GAP,)


def test_a_gap_in_coded_content_ends_the_decoding():
    sent = response(gzip.compress(bytes(range(256)), 1), GZIP)
    dialogue = Dialogue().say(CLIENT, b"GET / HTTP/1.1\r\n\r\n").say(SERVER, sent[:-90])
    (exchange,) = dialogue.lose(SERVER, 40).say(SERVER, sent[-50:]).close()
    assert exchange.response.problems == (Problem.GAP,)
    assert exchange.response.body.length is None
    assert bytes(range(256)).startswith(exchange.response.body)


def test_a_trailer_stands_beside_the_body():
    body = answer(CHUNKED + chunks(b"hi", trailer=b"A: 1\r\nB: 2\r\n")).response
    assert list(body.trailers) == [("A", "1"), ("B", "2")]
    assert body.body == b"hi"
