"""A decoder of header blocks in Python. It is the reference for the one in C, and replaces it where there is none."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sockfilter.protocols.http2 import huffman
from sockfilter.protocols.http2.hpack_table import (
    BLOCK_BYTES_MAX,
    FIELDS_MAX,
    INTEGER_BYTES_MAX,
    INTEGER_MAX,
    STATIC,
    TABLE_BYTES,
    TABLE_BYTES_MAX,
    UNKNOWN,
    Block,
    Field,
    MalformedBlock,
    size_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# measured: bytes of memory that a decoder takes, and an entry beside its size
DECODER_BYTES, ENTRY_BYTES = 1280, 192


class PythonHpackDecoder:
    """Decodes the header blocks of one direction, also if it has not seen all of them.

    Indices count from the newest entry. Therefore the entries that were inserted since the start, or since the last
    loss, have known indices, whatever was before. An index beyond them gives an unknown field, or an unknown name.

    A decoder may keep an entry that the encoder has evicted, as no later block refers to it. Therefore it assumes the
    largest table that the encoder may have, and the smallest size of entries that are partly unknown.

    Args:
        is_whole: whether no header block passed before the first one that will be decoded.
    """

    def __init__(self, is_whole: bool = False) -> None:
        self._entries: deque[Field] = deque()  # the newest first
        self._size = 0  # of the entries; the least that it can be
        # the largest size that the encoder's table may have
        self._limit = TABLE_BYTES if is_whole else INTEGER_MAX
        # whether the encoder's table has no entries that are missing here
        self._is_complete = is_whole

    @property
    def weight(self) -> int:
        """Bytes of memory that the decoder takes."""
        return DECODER_BYTES + self._size + len(self._entries) * ENTRY_BYTES

    def decode(self, block: bytes) -> Block:
        """Decodes the next header block. Every block must be decoded, in the order of the wire.

        Args:
            block: the fragments of the block (RFC 9113, 4.3), joined.
        """
        fields: list[Field] = []
        size = 0
        try:
            for field in self._read(block):
                more = size_of(field)
                if len(fields) == FIELDS_MAX or size + more > BLOCK_BYTES_MAX:
                    raise MalformedBlock
                size += more
                fields.append(field)
        except MalformedBlock:
            self.lost()
            return Block(fields, size, False)
        return Block(fields, size, True)

    def lost(self) -> None:
        """Forgets the table: a header block, or a part of one, was missed. The size of the table is unknown too."""
        self._entries.clear()
        self._size = 0
        self._limit = INTEGER_MAX
        self._is_complete = False

    def allow(self, size: int) -> None:
        """Notes SETTINGS_HEADER_TABLE_SIZE of the other end, in bytes.

        When it takes effect is not known. A larger table is assumed from now on. The encoder announces a smaller one
        in a block, as RFC 7541, 4.2 requires, and until then the larger one is assumed.
        """
        self._limit = max(self._limit, size)

    def _read(self, block: bytes) -> Iterator[Field]:
        at = 0
        has_begun = False
        while at < len(block):
            first = block[at]
            if first & 0x80:  # RFC 7541, 6.1
                index, at = read_integer(block, at, 7)
                yield self._entry(index)
            elif first & 0x40:  # 6.2.1
                name, value, at = self._read_literal(block, at, 6)
                field = Field(name, value)
                self._insert(field)
                yield field
            elif first & 0x20:  # 6.3
                size, at = read_integer(block, at, 5)
                if has_begun:  # it may only stand at the beginning (4.2)
                    raise MalformedBlock
                self._limit = size
                self._evict()
                continue
            else:  # 6.2.2, 6.2.3
                name, value, at = self._read_literal(block, at, 4)
                yield Field(name, value, bool(first & 0x10))
            has_begun = True

    def _entry(self, index: int) -> Field:
        if 0 < index < len(STATIC):
            return STATIC[index]
        at = index - len(STATIC)
        if 0 <= at < len(self._entries):
            return self._entries[at]
        if index == 0 or self._is_complete:
            raise MalformedBlock
        return UNKNOWN

    def _read_literal(self, block: bytes, at: int, bits: int) -> tuple[bytes | None, bytes, int]:
        """Returns the name and the value of a literal field, and the offset behind it."""
        index, at = read_integer(block, at, bits)
        name: bytes | None
        if index:
            name = self._entry(index).name
        else:
            name, at = read_string(block, at)
        value, at = read_string(block, at)
        return name, value, at

    def _insert(self, field: Field) -> None:
        self._entries.appendleft(field)
        self._size += size_of(field)
        self._evict()

    def _evict(self) -> None:
        while self._size > min(self._limit, TABLE_BYTES_MAX):
            self._size -= size_of(self._entries.pop())
            if self._limit > TABLE_BYTES_MAX:
                self._is_complete = False


def read_integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """Reads an integer with a prefix of so many bits (RFC 7541, 5.1). Returns it, and the offset behind it."""
    prefix = (1 << bits) - 1
    value = block[at] & prefix
    at += 1
    if value < prefix:
        return value, at
    for shift in range(0, 7 * INTEGER_BYTES_MAX, 7):
        if at == len(block):
            break
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if value > INTEGER_MAX:
            break
        if byte < 0x80:
            return value, at
    raise MalformedBlock


def read_string(block: bytes, at: int) -> tuple[bytes, int]:
    """Reads a string (RFC 7541, 5.2). Returns it, and the offset behind it."""
    if at == len(block):
        raise MalformedBlock
    is_coded = block[at] & 0x80
    size, at = read_integer(block, at, 7)
    if size > len(block) - at:
        raise MalformedBlock
    data = block[at : at + size]
    return huffman.decode(data) if is_coded else data, at + size
