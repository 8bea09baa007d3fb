from __future__ import annotations

import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protocols.coding import STEP_BYTES, CodingError, decoder_for
from tests.support.dialogues import raw_deflate

SQUEEZE = {b"gzip": gzip.compress, b"x-gzip": gzip.compress, b"deflate": zlib.compress}


def decoded(coding: bytes, *pieces: bytes, limit: int = STEP_BYTES) -> bytes:
    decoder = decoder_for((coding,))
    assert decoder is not None
    found = b""
    for piece in pieces:
        rest, out = piece, b""
        while rest or len(out) == limit:
            out, rest = decoder.decode(rest, limit)
            assert len(out) <= limit
            found += out
    assert decoder.has_ended
    return found


@pytest.mark.parametrize("coding", SQUEEZE)
def test_whole(coding: bytes):
    assert decoded(coding, SQUEEZE[coding](b"hello" * 99)) == b"hello" * 99


def test_deflate_without_wrapper():
    assert decoded(b"deflate", raw_deflate(b"hello" * 99)) == b"hello" * 99


@pytest.mark.parametrize("squeeze", [zlib.compress, raw_deflate], ids=["zlib", "raw"])
def test_deflate_cut_at_every_byte(squeeze):
    data = squeeze(b"some text, and some more text")
    for at in range(1, len(data)):
        assert decoded(b"deflate", data[:at], data[at:]) == b"some text, and some more text"


@pytest.mark.parametrize("size", [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 2 * STEP_BYTES, 3 * STEP_BYTES + 258])
@pytest.mark.parametrize("coding", SQUEEZE)
def test_sizes_around_a_step(coding: bytes, size: int):
    data = SQUEEZE[coding](bytes(size))
    assert decoded(coding, data) == bytes(size)
    assert decoded(coding, data[:-9], data[-9:]) == bytes(size)


def test_several_members():
    assert decoded(b"gzip", gzip.compress(b"a") + gzip.compress(b"b") + gzip.compress(b"")) == b"ab"


def test_several_members_cut_at_every_byte():
    data = gzip.compress(b"a") + gzip.compress(b"b")
    for at in range(1, len(data)):
        first, second = data[:at], data[at:]
        assert decoded(b"gzip", first, second) == b"ab"


@pytest.mark.parametrize("padding", [bytes(9), b"\n", b"garbage"])
@pytest.mark.parametrize("coding", SQUEEZE)
def test_padding_behind_is_let_pass(coding: bytes, padding: bytes):
    assert decoded(coding, SQUEEZE[coding](b"hi") + padding, padding) == b"hi"


@pytest.mark.parametrize("coding", SQUEEZE)
def test_what_is_no_such_coding(coding: bytes):
    with pytest.raises(CodingError):
        decoded(coding, b"<html>this is no such thing</html>")


@pytest.mark.parametrize("coding", SQUEEZE)
def test_a_corrupt_end(coding: bytes):
    data = bytearray(SQUEEZE[coding](b"hello"))
    data[-3] ^= 0xFF
    with pytest.raises(CodingError):
        decoded(coding, bytes(data))


@pytest.mark.parametrize("coding", SQUEEZE)
def test_an_end_that_is_missing(coding: bytes):
    decoder = decoder_for((coding,))
    assert decoder is not None
    decoder.decode(SQUEEZE[coding](b"hello")[:-1], 99)
    assert not decoder.has_ended


@pytest.mark.parametrize("codings", [(), (b"br",), (b"zstd",), (b"gzip", b"gzip"), (b"compress",), (b"",)])
def test_codings_that_are_not_undone(codings: tuple[bytes, ...]):
    assert decoder_for(codings) is None


@given(st.binary(max_size=400), st.sampled_from(sorted(SQUEEZE)), st.lists(st.integers(0, 400), max_size=5))
def test_any_content_cut_anywhere(content: bytes, coding: bytes, cuts: list[int]):
    data = SQUEEZE[coding](content)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert decoded(coding, *pieces, limit=7) == content


@given(st.binary(max_size=200), st.sampled_from(sorted(SQUEEZE)))
def test_any_bytes_decode_or_are_refused(data: bytes, coding: bytes):
    decoder = decoder_for((coding,))
    assert decoder is not None
    try:
        out = b""
        while data or len(out) == 99:
            out, data = decoder.decode(data, 99)
    except CodingError:
        pass
