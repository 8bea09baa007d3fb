"""The decoder of header blocks in C, and the objects of the entries of its table."""

from __future__ import annotations

from struct import Struct

from sockfilter.libbpf import binding
from sockfilter.protocols.http2 import huffman
from sockfilter.protocols.http2.hpack_table import INTEGER_MAX, STATIC, Block, Field, size_of

# the beginning of struct sf_hpack_block, and struct sf_hpack_literal, of hpack.h; a test compares the layouts
HEADER, LITERAL = Struct("=IIIHH"), Struct("=HHHHII")
# measured: bytes of memory that a decoder takes, and an entry beside its size
DECODER_BYTES, ENTRY_BYTES = 1024, 192

# raises LibbpfMissing
_ffi, _lib = binding.load()
_lib.sf_hpack_prepare(
    huffman.LENGTHS,
    bytes(len(field.name or b"") for field in STATIC),
    bytes(size_of(field) for field in STATIC),
)
_STATIC_COUNT, _NUMBERS, _NEW_NAME = len(STATIC), _lib.SF_HPACK_NUMBERS, _lib.SF_HPACK_NEW_NAME
_decode, _unpack, _new = _lib.sf_hpack_decode, _ffi.unpack, tuple.__new__


class _Out:
    """Where C writes what it finds in one block: a megabyte, of which blocks of usual sizes touch a few pages."""

    def __init__(self) -> None:
        self.block = block = _ffi.new("struct sf_hpack_block *")
        self.header = _ffi.buffer(block, HEADER.size)
        self.fields = block.fields
        self.literals = _ffi.buffer(block.literals)
        self.text = _ffi.buffer(block.text)


# those that no thread uses now
_outs: list[_Out] = []


class NativeHpackDecoder:
    """As PythonHpackDecoder, in C."""

    def __init__(self, is_whole: bool = False) -> None:
        made = _lib.sf_hpack_open(is_whole)
        if not made:
            raise MemoryError
        self._hpack = _ffi.gc(made, _lib.sf_hpack_close)
        self._entries: dict[int, Field] = {}  # by number
        self._oldest = _STATIC_COUNT  # the number of the oldest entry

    @property
    def weight(self) -> int:
        """Bytes of memory that the decoder takes."""
        return int(DECODER_BYTES + self._hpack.size + len(self._entries) * ENTRY_BYTES)

    def decode(self, block: bytes) -> Block:
        """As PythonHpackDecoder.decode()."""
        out = _outs.pop() if _outs else _Out()
        _decode(self._hpack, block, len(block), out.block)
        count, literal_count, size, is_valid, oldest = HEADER.unpack_from(out.header)
        alone = self._take_literals(out, literal_count) if literal_count else ()
        entries, static = self._entries, STATIC
        fields = [
            static[number] if number < _STATIC_COUNT else entries[number] for number in _unpack(out.fields, count)
        ]
        for at, field in alone:
            fields[at] = field
        _outs.append(out)
        if oldest != self._oldest:
            self._evict(oldest)
        return _new(Block, (fields, size, bool(is_valid)))

    def lost(self) -> None:
        """As PythonHpackDecoder.lost()."""
        _lib.sf_hpack_lost(self._hpack)
        self._entries.clear()

    def allow(self, size: int) -> None:
        """As PythonHpackDecoder.allow()."""
        _lib.sf_hpack_allow(self._hpack, min(size, INTEGER_MAX))

    def _take_literals(self, out: _Out, count: int) -> list[tuple[int, Field]]:
        """Makes the literal fields of a block. Returns those that make no entry, with their places in the block."""
        entries, static, text = self._entries, STATIC, out.text
        alone = []
        start = 0
        records = LITERAL.iter_unpack(out.literals[: count * LITERAL.size])
        for at, number, name_number, never_indexed, name_len, value_len in records:
            middle = start + name_len
            end = middle + value_len
            if name_number < _STATIC_COUNT:
                name = static[name_number][0]
            elif name_number == _NEW_NAME:
                name = text[start:middle]
            else:
                name = entries[name_number][0]
            field = _new(Field, (name, text[middle:end], never_indexed == 1))
            if number:
                entries[number] = field
            else:
                alone.append((at, field))
            start = end
        return alone

    def _evict(self, oldest: int) -> None:
        """Drops the entries before a number."""
        while self._oldest != oldest:
            self._entries.pop(self._oldest, None)
            self._oldest = (self._oldest + 1 - _STATIC_COUNT) % _NUMBERS + _STATIC_COUNT
