"""Reads numbers and texts of binary protocols, in network byte order."""

from __future__ import annotations


class Malformed(Exception):  # caught where a packet is read: it never leaves a protocol
    """A value reaches beyond the end, or has a form that the protocol does not allow."""


def text_of(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 is shown as escapes."""
    return data.decode("utf-8", "backslashreplace")


def text_or_bytes(data: bytes) -> str | bytes:
    """Bytes as text if they are UTF-8, else as they are."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


class Cursor:
    """A place in bytes that moves on with each value that is read.

    Args:
        data: the bytes.
        at: where to begin.
        end: where the bytes end that may be read.
    """

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    @property
    def left(self) -> int:
        """The number of bytes that are left."""
        return self.end - self.at

    def take(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            Malformed: there are not as many.
        """
        start, self.at = self.at, self.at + size
        if self.at > self.end:
            self.at = self.end
            raise Malformed
        return self.data[start : self.at]

    def number(self, size: int) -> int:
        """An unsigned number of so many bytes.

        Raises:
            Malformed: there are not as many.
        """
        return int.from_bytes(self.take(size), "big")

    def within(self, size: int) -> Cursor:
        """A cursor for the next bytes alone; this one moves behind them.

        Raises:
            Malformed: there are not as many.
        """
        start = self.at
        self.take(size)
        return Cursor(self.data, start, self.at)
