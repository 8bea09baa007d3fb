"""The last JSON lines of a capture, for browsers that take them at their own pace."""

from __future__ import annotations

import zlib
from collections import deque
from typing import NamedTuple

from sockfilter.page.chunks import CHUNK_BYTES, LEVEL

# Lines that are kept: as many as the page holds.
LINES_MAX = 100_000
# Bytes that they may take, compressed: 100 000 usual lines take a tenth of it. Bodies that do not compress need it.
BYTES_MAX = 256 << 20


class Chunk(NamedTuple):
    """Some lines, compressed.

    Attributes:
        first: the number of the first line.
        lines: the number of lines.
        content: what zlib.compress() has made of them.
    """

    first: int
    lines: int
    content: bytes


class Part(NamedTuple):
    """What a browser gets at a time.

    Attributes:
        content: lines; compressed by zlib if is_compressed.
        is_compressed: whether they are.
        skipped: how many of those that were asked for are gone.
        next: the number of the line that follows.
    """

    content: bytes
    is_compressed: bool
    skipped: int
    next: int


class KeptLines:
    """The last lines with permanent numbers, compressed in chunks. The oldest chunks go if there are too many.

    Args:
        lines_max: lines that are kept, beside those of the last chunk.
        bytes_max: bytes that they may take.

    Attributes:
        end: the number of the next line.
    """

    def __init__(self, lines_max: int = LINES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._lines_max, self._bytes_max = lines_max, bytes_max
        self._chunks: deque[Chunk] = deque()
        self._bytes = 0
        # the lines after the last chunk
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self.end = 0

    @property
    def first(self) -> int:
        """The number of the oldest line that is kept."""
        return self._chunks[0].first if self._chunks else self.end - len(self._tail)

    def add(self, lines: list[bytes]) -> None:
        """Adds lines, each with its line feed."""
        self._tail += lines
        self._tail_bytes += sum(map(len, lines))
        self.end += len(lines)
        if self._tail_bytes >= CHUNK_BYTES:
            self._seal()

    def _seal(self) -> None:
        content = zlib.compress(b"".join(self._tail), LEVEL)
        self._chunks.append(Chunk(self.end - len(self._tail), len(self._tail), content))
        self._bytes += len(content)
        self._tail, self._tail_bytes = [], 0
        while len(self._chunks) > 1 and (
            self._bytes > self._bytes_max or self.end - self._chunks[0].first - self._chunks[0].lines > self._lines_max
        ):
            self._bytes -= len(self._chunks.popleft().content)

    def since(self, number: int) -> Part:
        """Returns lines from a number on: at most those of one chunk."""
        start = max(number, self.first)
        skipped = start - max(0, number)
        for chunk in self._chunks:
            behind = chunk.first + chunk.lines
            if start < behind:
                if start == chunk.first:
                    return Part(chunk.content, True, skipped, behind)
                lines = zlib.decompress(chunk.content).splitlines(keepends=True)[start - chunk.first :]
                return Part(b"".join(lines), False, skipped, behind)
        first = self.end - len(self._tail)
        return Part(b"".join(self._tail[start - first :]), False, skipped, self.end)
