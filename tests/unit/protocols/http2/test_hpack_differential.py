"""Random conversations, against the encoder and the decoder of another project; any bytes, in C and in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hpack
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder
from sockfilter.protocols.http2.hpack_python import PythonHpackDecoder
from sockfilter.protocols.http2.hpack_table import FIELDS_MAX, TABLE_BYTES_MAX
from tests.support.header_blocks import BLOCKS, CONVERSATIONS, EACH, checked, requests
from tests.support.thorough import examples

if TYPE_CHECKING:
    from tests.support.header_blocks import Make, Said

LOST = None


@EACH
@examples(80)
@given(said=CONVERSATIONS)
def test_what_is_encoded_is_decoded(make: Make, said: list[Said]):
    decoder = make(True)
    for each in said:
        heard = checked(decoder.decode(each.block), each)
        assert heard.whole == len(each.fields)


def by_another(decoder: hpack.Decoder, block: bytes) -> list[tuple[bytes, bytes]] | None:
    try:
        return [(bytes(field[0]), bytes(field[1])) for field in decoder.decode(block, raw=True)]
    except hpack.HPACKError:
        return None


@EACH
@examples(80)
@given(said=CONVERSATIONS, blocks=st.lists(BLOCKS, max_size=4))
def test_any_bytes_are_what_another_decoder_says(make: Make, said: list[Said], blocks: list[bytes]):
    decoder, other = make(True), hpack.Decoder(max_header_list_size=1 << 20)
    decoder.allow(TABLE_BYTES_MAX)
    other.max_allowed_table_size = TABLE_BYTES_MAX
    for block in [*(said.block for said in said), *blocks]:
        right = by_another(other, block)
        found = decoder.decode(block)
        if right is None:
            # the other one refuses what is lenient here: a table that is larger than it may be, long integers
            return
        assert found.is_valid
        assert [field[:2] for field in found.fields] == right
        assert len(found.fields) <= FIELDS_MAX


STEPS = st.lists(BLOCKS | st.just(LOST) | st.sampled_from([0, 100, 4096, 65536, 1 << 20, 1 << 32]), max_size=8)


def check_the_same(is_whole: bool, steps: list[bytes | int | None]) -> None:
    native, python = NativeHpackDecoder(is_whole), PythonHpackDecoder(is_whole)
    for step in steps:
        for decoder in (native, python):
            if step is LOST:
                decoder.lost()
            elif isinstance(step, int):
                decoder.allow(step)
        if isinstance(step, bytes):
            assert native.decode(step) == python.decode(step)


@examples(80)
@given(is_whole=st.booleans(), said=CONVERSATIONS, steps=STEPS)
def test_both_decode_the_same_of_anything(is_whole: bool, said: list[Said], steps: list[bytes | int | None]):
    check_the_same(is_whole, [*(said.block for said in said), *steps, *(said.block for said in said)])


def test_both_decode_the_same_cut_at_every_byte():
    said = requests(12)
    for block, _ in said:
        for at in range(len(block) + 1):
            check_the_same(True, [said[0].block, block[:at], block[at:], said[0].block])


def test_both_decode_the_same_with_each_bit_changed():
    first, second = (said.block for said in requests(2))
    for at in range(8 * len(second)):
        changed = bytearray(second)
        changed[at // 8] ^= 1 << at % 8
        check_the_same(True, [first, bytes(changed), first])
