"""Each coding by itself: its forms, its end, and what stands behind it."""

from __future__ import annotations

import gzip
import sys
import zlib

import brotli
import pytest

from sockfilter.protocols.decoders import STEP_BYTES, Brotli, CodingError, Decoder, Inflate, Zstd
from tests.support.codings import SQUEEZE, raw_deflate

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SKIPPABLE = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"  # RFC 8878, 3.1.2
MAKE = {"gzip": lambda: Inflate(True), "deflate": lambda: Inflate(False), "br": Brotli, "zstd": Zstd}
EACH = pytest.mark.parametrize("coding", MAKE)


def decoded(coding: str, *pieces: bytes) -> bytes:
    decoder: Decoder = MAKE[coding]()
    content = b"".join(out for piece in pieces for out in decoder.decode(piece))
    assert decoder.has_ended
    return content


@pytest.mark.parametrize("size", [0, 1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES + 258])
@EACH
def test_sizes_around_a_step(coding: str, size: int):
    data = SQUEEZE[coding](bytes(size))
    assert decoded(coding, data) == bytes(size)
    assert decoded(coding, data[:-9], data[-9:]) == bytes(size)


@EACH
def test_steps_are_short(coding: str):
    data = SQUEEZE[coding](bytes(40 * STEP_BYTES))
    assert max(len(piece) for piece in MAKE[coding]().decode(data)) <= 2 * STEP_BYTES


@pytest.mark.parametrize("squeeze", [zlib.compress, raw_deflate], ids=["zlib", "raw"])
def test_deflate_with_and_without_wrapper_cut_at_every_byte(squeeze):
    data = squeeze(b"some text, and some more text")
    for at in range(len(data) + 1):
        assert decoded("deflate", data[:at], data[at:]) == b"some text, and some more text"


MEMBERS = {
    "gzip": gzip.compress(b"a") + gzip.compress(b"b") + gzip.compress(b""),
    "zstd": zstd.compress(b"a") + SKIPPABLE + zstd.compress(b"b") + zstd.compress(b""),
}


@pytest.mark.parametrize("coding", MEMBERS)
def test_several_members_cut_at_every_byte(coding: str):
    data = MEMBERS[coding]
    for at in range(len(data) + 1):
        assert decoded(coding, data[:at], data[at:]) == b"ab"


@pytest.mark.parametrize("padding", [bytes(9), b"\n", b"garbage", b"x" + gzip.compress(b"no more", mtime=0)])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_padding_behind_is_let_pass(coding: str, padding: bytes):
    data = SQUEEZE[coding](b"hi")
    assert decoded(coding, data + padding, padding) == b"hi"
    for at in range(len(padding)):
        assert decoded(coding, data, padding[:at], padding[at:]) == b"hi"


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_padding_behind_is_no_part_of_other_codings(coding: str):
    for pieces in ((SQUEEZE[coding](b"hi") + b"garbage",), (SQUEEZE[coding](b"hi"), b"garbage")):
        with pytest.raises(CodingError):
            decoded(coding, *pieces)


@EACH
def test_what_is_no_such_coding(coding: str):
    with pytest.raises(CodingError):
        decoded(coding, b"<html>this is no such thing</html>")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_wrong_checksum(coding: str):
    data = bytearray(SQUEEZE[coding](b"hello"))
    data[-3] ^= 0xFF
    with pytest.raises(CodingError):
        decoded(coding, bytes(data))


@EACH
def test_an_end_that_is_missing(coding: str):
    decoder = MAKE[coding]()
    assert b"hello".startswith(b"".join(decoder.decode(SQUEEZE[coding](b"hello")[:-1])))
    assert not decoder.has_ended


def test_brotli_that_breaks_off_gives_all_that_decodes():
    content = b" ".join(b"%d" % (i * 7919 % 99991) for i in range(30_000))
    data = brotli.compress(content)
    found = b"".join(Brotli().decode(data[: len(data) // 2]))
    assert content.startswith(found)
    assert len(found) > len(content) // 3


@pytest.mark.parametrize(("log", "is_taken"), [(23, True), (24, False), (27, False)])
def test_the_largest_window_of_zstd(log: int, is_taken: bool):
    """RFC 9659, 3: 8 MiB."""
    squeeze = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    data = squeeze.compress(bytes(1000)) + squeeze.flush()
    if is_taken:
        assert decoded("zstd", data) == bytes(1000)
    else:
        with pytest.raises(CodingError):
            decoded("zstd", data)
