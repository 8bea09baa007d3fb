"""Any header blocks of one direction: C and Python say the same of them; what is given after a loss is not made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder
    from sockfilter.protocols.http2.hpack_python import PythonHpackDecoder
    from sockfilter.protocols.http2.hpack_table import BLOCK_BYTES_MAX, FIELDS_MAX, size_of
    from tests.support import header_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.protocols.http2.hpack import Block, HpackDecoder

# what happens before a block, by the first byte of its piece
LOSS, ALLOWANCE = 1, 2
ALLOWANCES = (0, 100, 1 << 16, 1 << 32)


def happen(decoder: HpackDecoder, kind: int) -> None:
    if kind & LOSS:
        decoder.lost()
    if kind & ALLOWANCE:
        decoder.allow(ALLOWANCES[kind >> 2 & 3])


def check(block: Block) -> None:
    assert len(block.fields) <= FIELDS_MAX
    assert block.size <= BLOCK_BYTES_MAX
    assert block.size == sum(map(size_of, block.fields))


def check_the_same(field: tuple[object, ...], whole: tuple[object, ...]) -> None:
    """What is known of a field is what a decoder knows that has seen all blocks."""
    assert field[0] in (None, whole[0])
    assert field[1] in (None, whole[1])


def test(data: bytes) -> None:
    """The first byte says whether the beginning was seen; then blocks, each with what happens before it."""
    if not data:
        return
    is_whole = bool(data[0] & 1)
    native, python, whole = NativeHpackDecoder(is_whole), PythonHpackDecoder(is_whole), NativeHpackDecoder(is_whole)
    has_seen_all = True
    for head, block in harness.pieces(data[1:], 1):
        for decoder in (native, python):
            happen(decoder, head[0])
        happen(whole, head[0] & ~LOSS)
        found, right = native.decode(block), whole.decode(block)
        assert found == python.decode(block)
        check(found)
        has_seen_all &= right.is_valid
        if has_seen_all:
            assert len(found.fields) == len(right.fields)
            for field, known in zip(found.fields, right.fields, strict=True):
                check_the_same(field, known)


def endless(data: bytes, size: int) -> budget.Run:
    """Some blocks come again and again."""
    blocks, choice = [block for _, block in harness.pieces(data[1:], 1)], budget.chosen(data)
    start, end = choice.span(len(blocks))
    again = blocks[start:end]
    times = size // (sum(map(len, again)) or 1)

    def run() -> None:
        decoder = NativeHpackDecoder(choice.of(2) == 0)
        for _ in range(times):
            for block in again:
                decoder.decode(block)

    return run


def seed(is_whole: bool, blocks: list[bytes], kinds: list[int]) -> bytes:
    made = (harness.piece(bytes([kinds[i % len(kinds)]]), block) for i, block in enumerate(blocks))
    return bytes([is_whole]) + b"".join(made)


def seeds() -> Iterator[bytes]:
    for number in range(20):
        blocks = [said.block for said in header_blocks.requests(8, seed=number)]
        yield seed(True, blocks, [0])
        yield seed(bool(number % 2), blocks, [0, 0, number % 16])
    for pieces in (
        [b"\x82\x86\xbe"],
        [b"\x40\x01a\x01b", b"\xbe\x7e\x01c\x00\x01a\x00"],
        [b"\x20\x3f\xe1\x1f", b"\xbe"],
    ):
        yield seed(True, pieces, [0])
        yield seed(False, pieces, [0, 1])


if __name__ == "__main__":
    harness.run("hpack", test, seeds(), endless)
