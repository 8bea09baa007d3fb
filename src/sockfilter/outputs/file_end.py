"""A regular file whose last bytes are always the same end: what comes is written in front of it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# White space that is kept behind the end. New data is written over it, so that the file system has all pages of a write
# when the write begins: it then takes a microsecond. 64 KiB are some twenty entries of a HAR file.
SPARE_BYTES = 64 << 10


class FileEnd:
    """Writes in front of the end of a file of text. After each write the file is complete.

    Each piece of data and the end are one write, so that a process that is killed between two writes leaves a complete
    file. White space follows the end until leave().

    Args:
        fd: the descriptor of a regular file that was not opened for appending. The caller closes it.
        start: the offset at which to begin, in bytes.
    """

    def __init__(self, fd: int, start: int = 0) -> None:
        self._fd = fd
        self._at = self._size = start
        self._end = b""

    def write(self, pieces: Iterable[tuple[bytes, bytes]]) -> None:
        """Adds data piece by piece, each with the end that follows it from then on.

        If that fails, the file has all pieces before, and the end that followed them.

        Raises OSError.
        """
        for data, end in pieces:
            block = data + end
            # the old end may be longer
            block += b" " * (len(self._end) - len(block))
            try:
                self._make_room(self._at + len(block))
                self._put(block, self._at)
            except OSError:
                with suppress(OSError):  # these bytes are in the file already, and need no room
                    self._put(self._end, self._at)
                    self._cut()
                raise
            self._at += len(data)
            self._end = end

    def leave(self) -> None:
        """Removes the white space, and moves the file's offset behind the end. Raises OSError."""
        self._cut()
        os.lseek(self._fd, self._size, os.SEEK_SET)

    def _make_room(self, size: int) -> None:
        if size > self._size:
            wanted = size + SPARE_BYTES
            try:
                self._put(b" " * (wanted - self._size), self._size)
            except OSError:  # there may still be room for the data
                self._size = os.fstat(self._fd).st_size
            else:
                self._size = wanted

    def _cut(self) -> None:
        self._size = self._at + len(self._end)
        os.ftruncate(self._fd, self._size)

    def _put(self, data: bytes, at: int) -> None:
        rest = memoryview(data)
        while rest:
            count = os.pwrite(self._fd, rest, at)
            rest, at = rest[count:], at + count
