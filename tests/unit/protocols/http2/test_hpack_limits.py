"""What a peer can make a decoder keep, and make of a block: no more than the limits."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from sockfilter.protocols.http2.hpack import Block, Field, HpackDecoder
from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder
from sockfilter.protocols.http2.hpack_table import BLOCK_BYTES_MAX, FIELD_BYTES, FIELDS_MAX, TABLE_BYTES_MAX
from tests.support.header_blocks import EACH, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.header_blocks import Make

# an entry of 4 031 bytes, 33 of which are not in its texts
LARGE = b"\x40\x01n\x7f\x9e\x1e" + b"v" * (127 + 0x1E * 128 + 0x1E)


def test_the_decoder_is_the_one_in_c():
    assert HpackDecoder is NativeHpackDecoder


def memory_of(run: Callable[[], object]) -> tuple[int, int]:
    """Returns the bytes that are in use afterwards, and those that were at most."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = run()
        gc.collect()  # frees what Python keeps to make new tuples of
        found = tracemalloc.get_traced_memory()
        del kept
        return found
    finally:
        tracemalloc.stop()


@EACH
def test_a_reference_costs_a_pointer(make: Make):
    decoder = make(True)
    decoder.decode(LARGE)
    decoder.decode(b"\xbe")  # so that what is made once is there
    block = b"\xbe" * 250
    kept, most = memory_of(lambda: decoder.decode(block))
    found = decoder.decode(block)
    assert found.is_valid
    assert found.size > 1_000_000
    assert all(field is found.fields[0] for field in found.fields)
    assert kept < 10_000
    assert most < 50_000


@EACH
def test_no_more_bytes_than_the_limit(make: Make):
    decoder = make(True)
    size = decoder.decode(LARGE).size
    found = decoder.decode(b"\xbe" * 16_000)
    count = BLOCK_BYTES_MAX // size
    assert (len(found.fields), found.size, found.is_valid) == (count, count * size, False)
    assert decoder.decode(b"\xbe").fields == [Field(None, None)]


@EACH
def test_as_many_bytes_as_the_limit(make: Make):
    size = BLOCK_BYTES_MAX - FIELD_BYTES - 1
    for more in range(2):
        number, length = size + more - 127, b""
        while number > 127:
            length, number = length + bytes([number & 127 | 128]), number >> 7
        found = make(True).decode(b"\x00\x01n\x7f" + length + bytes([number]) + b"v" * (size + more))
        assert found.is_valid == (not more)


@EACH
@pytest.mark.parametrize("unit", [b"\x82", b"\x00\x00\x00", b"\x40\x00\x00"], ids=["reference", "literal", "entry"])
def test_no_more_fields_than_the_limit(make: Make, unit: bytes):
    found = make(True).decode(unit * FIELDS_MAX)
    assert (len(found.fields), found.is_valid) == (FIELDS_MAX, True)
    found = make(True).decode(unit * (FIELDS_MAX + 1))
    assert (len(found.fields), found.is_valid) == (FIELDS_MAX, False)


@EACH
def test_no_more_fields_than_the_limit_that_are_not_known(make: Make):
    found = make(False).decode(b"\xbe" * 5000)
    assert found == Block([Field(None, None)] * FIELDS_MAX, FIELDS_MAX * FIELD_BYTES, False)


@EACH
@pytest.mark.parametrize("entry", [b"\x40\x00\x00", b"\x40\x01n\x01v", LARGE], ids=["empty", "small", "large"])
@pytest.mark.parametrize("is_whole", [True, False])
def test_the_table_keeps_no_more_than_its_limit(make: Make, entry: bytes, is_whole: bool):
    def full() -> object:
        decoder = make(is_whole)
        decoder.allow(1 << 30)
        for _ in range(40):
            decoder.decode(entry * 100)
        weights.append(decoder.weight)
        return decoder

    weights: list[int] = []
    full()  # so that what is made once is there
    kept, _ = memory_of(full)
    # the weight counts objects that happen to be shared, as empty strings are
    assert kept <= weights[-1] < 10 * kept
    assert weights[-1] < 10 * TABLE_BYTES_MAX


@EACH
def test_the_weight_of_what_a_client_says(make: Make):
    def heard() -> object:
        decoder = make(True)
        for each in said:
            decoder.decode(each.block)
        weights.append(decoder.weight)
        return decoder

    said, weights = requests(300), []
    heard()
    kept, _ = memory_of(heard)
    assert kept <= weights[-1] < 3 * kept


@EACH
def test_the_weight_of_blocks_that_change_nothing(make: Make):
    def heard() -> object:
        decoder = make(True)
        for number in range(1000):
            decoder.decode(b"\x00\x03%03d\x00" % number * 20)
            decoder.decode(b"\x00\x02ab\x70%112d" % number)
        weights.append(decoder.weight)
        return decoder

    weights: list[int] = []
    heard()
    kept, _ = memory_of(heard)
    assert kept <= weights[-1]


def test_what_fails_in_the_middle_of_a_block_loses_the_table(monkeypatch: pytest.MonkeyPatch):
    decoder = NativeHpackDecoder(True)
    decoder.decode(b"\x40\x01a\x01b")

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(NativeHpackDecoder, "_take_literals", fail)
        with pytest.raises(MemoryError):
            decoder.decode(b"\x40\x01c\x01d")
    assert decoder.decode(b"\xbe\xbf\x40\x01e\x01f\xbe").fields == [*[Field(None, None)] * 2, *[Field(b"e", b"f")] * 2]


@EACH
def test_a_loss_frees_the_table(make: Make):
    decoder = make(True)
    empty = decoder.weight
    for each in requests(9):
        decoder.decode(each.block)
    decoder.decode(b"\x82")
    assert decoder.weight > empty
    decoder.lost()
    assert decoder.weight == empty


@EACH
def test_blocks_that_come_again_have_equal_fields(make: Make):
    decoder = make(True)
    block = b"\x82\x86\x00\x01a\x01b"
    first = decoder.decode(block)
    assert all(decoder.decode(block) == first for _ in range(3))


def test_a_block_that_comes_again_is_read_in_the_table_of_its_time():
    decoder = HpackDecoder(True)
    for value in b"abc":
        decoder.decode(b"\x40\x01n\x01%c" % value)
        for _ in range(2):
            assert decoder.decode(b"\xbe").fields == [Field(b"n", bytes([value]))]
    assert decoder.decode(b"\x20").is_valid
    assert not decoder.decode(b"\xbe").is_valid
    assert decoder.decode(b"\xbe").fields == [Field(None, None)]


def test_a_size_that_comes_again_counts_each_time():
    decoder = HpackDecoder(True)
    for _ in range(3):
        decoder.decode(b"\x3f\xe1\x1f\x40\x01n\x01v")
        assert decoder.decode(b"\xbe").fields == [Field(b"n", b"v")]
        assert decoder.decode(b"\x20\x82").fields == [Field(b":method", b"GET")]
        assert decoder.decode(b"\x40\x01n\x01v").is_valid  # larger than the table: it is not inserted


@EACH
def test_decoders_in_threads(make: Make):
    from threading import Thread

    said = requests(60)
    wrong: list[object] = []

    def run() -> None:
        for _ in range(5):
            decoder = make(True)
            for each in said:
                found = decoder.decode(each.block).fields
                if found != [field._replace(never_indexed=False) for field in each.fields]:
                    wrong.append(found)

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
