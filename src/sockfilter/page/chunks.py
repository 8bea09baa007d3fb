"""JSON lines in chunks that zlib has compressed: small enough to read one, large enough to compress well."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Bytes of text after which a chunk ends: a thousand usual lines. The front end reads one chunk to show a detail.
CHUNK_BYTES = 1 << 20
# JSON lines repeat themselves. A higher level takes twice the time to make reports that are 15 % smaller.
LEVEL = 1


class Chunks:
    """Collects lines, and passes them on in chunks.

    Args:
        take: takes the compressed bytes of a chunk, and the number of its lines.
    """

    def __init__(self, take: Callable[[bytes, int], object]) -> None:
        self._take = take
        self._text = bytearray()

    def write(self, data: memoryview) -> int:
        """Collects text, which may end within a line."""
        self._text += data
        if len(self._text) >= CHUNK_BYTES:
            end = self._text.rfind(b"\n") + 1
            if end:
                self._pass_on(end)
        return len(data)

    def finish(self) -> None:
        """Passes on what is left."""
        if self._text:
            self._pass_on(len(self._text))

    def _pass_on(self, end: int) -> None:
        with memoryview(self._text) as view:
            content = zlib.compress(view[:end], LEVEL)
        lines = self._text.count(b"\n", 0, end)
        del self._text[:end]
        self._take(content, lines)
