"""The decoder of header blocks in C, and the objects of the entries of its table."""

from __future__ import annotations

from struct import Struct
from typing import Any

from sockfilter.libbpf import binding
from sockfilter.protocols.http2 import huffman
from sockfilter.protocols.http2.hpack_table import INTEGER_MAX, STATIC, Block, Field, size_of

# struct sf_hpack_literal, and the numbers in struct sf_hpack_block before its fields; a test compares the layouts
LITERAL, NUMBERS_BEFORE = Struct("=HHIII"), 6
# measured: bytes of memory that a decoder takes, and an entry beside its size
DECODER_BYTES, ENTRY_BYTES = 2048, 192
# Blocks that are remembered, and bytes and fields of each. Many peers send the same block again and again.
REMEMBERED_MAX, REMEMBERED_BYTES_MAX, REMEMBERED_FIELDS_MAX = 8, 128, 24
# bytes of memory that a remembered block takes at most, without the fields that are not in the table
REMEMBERED_BYTES = 1024

# raises LibbpfMissing
_ffi, _lib = binding.load()
_lib.sf_hpack_prepare(
    huffman.LENGTHS,
    bytes(len(field.name or b"") for field in STATIC),
    bytes(size_of(field) for field in STATIC),
)
_STATIC_COUNT, _NEW_NAME = len(STATIC), _lib.SF_HPACK_NEW_NAME
_NEVER_INDEXED, _INSERTED = _lib.SF_HPACK_NEVER_INDEXED, _lib.SF_HPACK_INSERTED
_decode, _new = _lib.sf_hpack_decode, tuple.__new__
# does not clear the memory, which would touch all of its pages
_allocate = _ffi.new_allocator(should_clear_after_alloc=False)


class Out:
    """Where C writes what it finds in one block: a megabyte, of which blocks of usual sizes touch a few pages."""

    __slots__ = ("block", "literals", "numbers", "text")

    def __init__(self) -> None:
        self.block = block = _allocate("struct sf_hpack_block *")
        fields_end = _ffi.offsetof("struct sf_hpack_block", "literals")
        self.numbers = memoryview(_ffi.buffer(block, fields_end)).cast("I")
        self.literals = _ffi.buffer(block.literals)
        self.text = _ffi.buffer(block.text)


# those that no thread uses now
_outs: list[Out] = []


def take_out() -> Out:
    """Memory for what C finds in one block, which no thread uses now."""
    try:
        return _outs.pop()
    except IndexError:
        return Out()


class NativeHpackDecoder:
    """As PythonHpackDecoder, in C."""

    def __init__(self, is_whole: bool = False) -> None:
        made = _lib.sf_hpack_open(is_whole)
        if not made:
            raise MemoryError
        self._hpack = _ffi.gc(made, _lib.sf_hpack_close)
        # the static table, then the dynamic one, the oldest entry first
        self._entries = STATIC.copy()
        # blocks that did not change the table, since it changed last
        self._remembered: dict[bytes, Block] = {}
        self._remembered_size = 0  # bytes of memory
        # blocks that do not refer to the dynamic table, with the entries that they insert; and bytes of memory
        self._standing: dict[bytes, tuple[Block, list[Field]]] = {}
        self._standing_size = 0
        self._inserted_from = 0  # the position of the first entry of the last block

    @property
    def weight(self) -> int:
        """Bytes of memory that the decoder takes."""
        entries = len(self._entries) - _STATIC_COUNT
        return int(
            DECODER_BYTES + self._hpack.size + entries * ENTRY_BYTES + self._remembered_size + self._standing_size
        )

    @property
    def state(self) -> Any:
        """The decoder in C (struct sf_hpack), which lives as long as this object."""
        return self._hpack

    @property
    def entries(self) -> list[Field]:
        """The entries of the dynamic table, the oldest first."""
        return self._entries[_STATIC_COUNT:]

    @entries.setter
    def entries(self, entries: list[Field]) -> None:
        self._entries[_STATIC_COUNT:] = entries
        self._forget()

    def decode(self, block: bytes) -> Block:
        """As PythonHpackDecoder.decode()."""
        known = self._remembered.get(block)
        if known is not None:
            return known
        standing = self._standing.get(block)
        try:
            out = take_out()
            count = _decode(self._hpack, block, len(block), out.block)
            literal_count, size, is_valid, has_changed, evicted, refers, *at = out.numbers[
                : NUMBERS_BEFORE + (count if standing is None else 0)
            ].tolist()
            if standing is not None:
                made, inserted = standing
                self._entries += inserted
            else:
                made = self._make(out, at, literal_count, size, is_valid)
            _outs.append(out)
            if standing is None and is_valid and len(block) <= REMEMBERED_BYTES_MAX and count <= REMEMBERED_FIELDS_MAX:
                self._remember(block, made, literal_count, has_changed, refers)
            if evicted:
                del self._entries[_STATIC_COUNT : _STATIC_COUNT + evicted]
            if has_changed:
                self._forget()
            return made
        except BaseException:  # no memory, or a signal's handler: the objects may not be those of the table in C
            self.lost()
            raise

    def _make(self, out: Out, at: list[int], literal_count: int, size: int, is_valid: int) -> Block:
        self._inserted_from = len(self._entries)
        alone = self._take_literals(out, literal_count) if literal_count else ()
        fields = list(map(self._entries.__getitem__, at))
        for place, field in alone:
            fields[place] = field
        return _new(Block, (fields, size, is_valid == 1))

    def lost(self) -> None:
        """As PythonHpackDecoder.lost()."""
        _lib.sf_hpack_lost(self._hpack)
        del self._entries[_STATIC_COUNT:]
        self._forget()

    def allow(self, size: int) -> None:
        """As PythonHpackDecoder.allow()."""
        _lib.sf_hpack_allow(self._hpack, min(size, INTEGER_MAX))

    def _remember(self, data: bytes, block: Block, literal_count: int, has_changed: int, refers: int) -> None:
        """Remembers a block that did not change the table, or that does not depend on it."""
        if has_changed and refers:
            return
        block.is_remembered = True
        size = REMEMBERED_BYTES + literal_count * ENTRY_BYTES
        if not has_changed:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._forget()
            self._remembered[data] = block
            self._remembered_size += size
            return
        if len(self._standing) >= REMEMBERED_MAX:
            self._standing.clear()
            self._standing_size = 0
        inserted = self._entries[self._inserted_from :]
        self._standing[data] = block, inserted
        self._standing_size += size

    def _forget(self) -> None:
        """Forgets the blocks whose fields depend on the table."""
        self._remembered.clear()
        self._remembered_size = 0

    def _take_literals(self, out: Out, count: int) -> list[tuple[int, Field]]:
        """Makes the literal fields of a block. Returns those that make no entry, with their places in the block."""
        entries, text = self._entries, out.text
        alone = []
        start = 0
        for place, kind, name_at, value_at, end in LITERAL.iter_unpack(out.literals[: count * LITERAL.size]):
            name = entries[name_at][0] if name_at != _NEW_NAME else text[start:value_at]
            field = _new(Field, (name, text[value_at:end], kind == _NEVER_INDEXED))
            if kind == _INSERTED:
                entries.append(field)
            else:
                alone.append((place, field))
            start = end
        return alone
