"""Bytes that come in pieces, and are joined when all have come."""

from __future__ import annotations

# pieces that are kept separately: each takes about 50 bytes in addition to its content
PIECES_MAX = 256


class Pieces:
    """Joins pieces. Each byte is copied a constant number of times, however many pieces come.

    Attributes:
        size: bytes so far.
    """

    __slots__ = ("_joined", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._joined = bytearray()  # the parts follow it
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Takes the next piece."""
        self.size += len(piece)
        self._parts.append(piece)
        if len(self._parts) >= PIECES_MAX:
            self._join()

    def take(self) -> bytes:
        """Removes and returns all bytes. While they are joined, they are in memory at most twice."""
        if self._joined:
            self._join()
            content = bytes(self._joined)
        else:
            content = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self.clear()
        return content

    def clear(self) -> None:
        """Drops all bytes."""
        self._parts.clear()
        if self._joined:
            self._joined = bytearray()
        self.size = 0

    def _join(self) -> None:
        for part in self._parts:
            self._joined += part
        self._parts.clear()
