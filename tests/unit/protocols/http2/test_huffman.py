"""The Huffman code, in Python and in C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protocols.http2 import huffman
from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder
from sockfilter.protocols.http2.hpack_table import MalformedBlock

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def in_c(data: bytes) -> bytes:
    """Decodes a string as the value of a field."""
    head = b"\x00\x01x" + (bytes([0x80 | len(data)]) if len(data) < 127 else b"\xff" + length(len(data) - 127))
    found = NativeHpackDecoder(True).decode(head + data)
    if not found.is_valid:
        raise MalformedBlock
    assert found.fields[0].value is not None
    return found.fields[0].value


def length(number: int) -> bytes:
    made = b""
    while number > 127:
        made += bytes([0x80 | number & 127])
        number >>= 7
    return made + bytes([number])


EACH = pytest.mark.parametrize("decode", [huffman.decode, in_c])


def test_the_code_is_that_of_the_rfc():
    codes = {
        1 << bits | code: i for i, (bits, code) in enumerate(zip(REQUEST_CODES_LENGTH, REQUEST_CODES, strict=True))
    }
    assert codes == huffman.SYMBOLS


@EACH
def test_each_byte_at_each_bit(decode: Callable[[bytes], bytes]):
    for byte in range(256):
        for before in range(9):
            data = b"0" * before + bytes([byte]) + b"&&"
            assert decode(ENCODER.encode(data)) == data


@EACH
@given(st.binary(max_size=300))
def test_what_is_encoded_is_decoded(decode: Callable[[bytes], bytes], data: bytes):
    assert decode(ENCODER.encode(data)) == data


@given(st.binary(max_size=300))
def test_both_decode_the_same_of_anything(data: bytes):
    try:
        right = huffman.decode(data)
    except MalformedBlock:
        with pytest.raises(MalformedBlock):
            in_c(data)
    else:
        assert in_c(data) == right


@EACH
@pytest.mark.parametrize("bits", range(8))
def test_padding(decode: Callable[[bytes], bytes], bits: int):
    """As many bits as are left of the last byte, all of them ones."""
    # "0" takes five bits, "&" eight
    count = next(count for count in range(1, 9) if -5 * count % 8 == bits)
    data = ENCODER.encode(b"0" * count)
    assert decode(data) == b"0" * count
    if bits:
        with pytest.raises(MalformedBlock):
            decode(data[:-1] + bytes([data[-1] & ~1]))
    with pytest.raises(MalformedBlock):
        decode(data + b"\xff")


@EACH
def test_eos_is_malformed(decode: Callable[[bytes], bytes]):
    with pytest.raises(MalformedBlock):
        decode(b"\xff\xff\xff\xff")
