"""Lines that end with a line feed, a carriage return, or both, in bytes that come in any pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.protocols.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes that are kept of a line in addition to the limit for content: its name, a name of an event, or an id. A longer
# name is cut, and a longer id is not known.
NAME_BYTES_MAX = 4096
# Bytes of content that may wait for the end of their line, whatever the limit for content is.
LINE_BYTES_MAX = 16 << 20


class EventLines:
    """Divides bytes into lines. Of a long line, the beginning is kept.

    Args:
        limit: bytes of content that may be kept of a line.
    """

    __slots__ = ("_began_ns", "_had_return", "_length", "_pieces", "_room")

    def __init__(self, limit: int) -> None:
        self._room = min(limit, LINE_BYTES_MAX) + NAME_BYTES_MAX
        self._pieces = Pieces()  # of the line that has not ended
        self._length = 0
        self._began_ns = 0
        self._had_return = False  # the last byte was a carriage return, so that a line feed belongs to it

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept of the line that has not ended."""
        return self._pieces.size

    def split(self, data: bytes, time_ns: int) -> Iterator[tuple[bytes, int, int]]:
        """Takes the next bytes.

        Yields each line that ends in them: the bytes that were kept, its length, and when its first byte passed.
        """
        if self._had_return and data.startswith(b"\n"):
            data = data[1:]
            self._had_return = False
        if not data:
            return
        lines = data.splitlines()
        self._had_return = data.endswith(b"\r")
        rest = b"" if data.endswith((b"\n", b"\r")) else lines.pop()
        for line in lines:
            if self._length:
                self._keep(line)
                length, self._length = self._length, 0
                yield self._pieces.take(), length, self._began_ns
            else:
                yield line, len(line), time_ns
        if rest:
            if not self._length:
                self._began_ns = time_ns
            self._keep(rest)

    def skip(self) -> None:
        """Drops the line that has not ended, because bytes are missing in it. What follows is the end of a line."""
        self._drop()
        self._had_return = False
        # a line that is not empty, whatever follows
        self._keep(b"?")

    def _keep(self, data: bytes) -> None:
        self._length += len(data)
        piece = data[: self._room - self._pieces.size]
        if piece:
            self._pieces.add(piece)

    def _drop(self) -> None:
        self._pieces.clear()
        self._length = 0
