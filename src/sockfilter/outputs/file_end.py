"""A regular file whose last bytes are always the same end: what comes is written in front of it."""

from __future__ import annotations

import os
from contextlib import suppress


class FileEnd:
    """Writes in front of the end of a file. After each write the file is complete.

    New data and the end are one write, so that a process that is killed between two writes leaves a complete file.

    Args:
        fd: the descriptor of a regular file that was not opened for appending. The caller closes it.
        start: the offset at which to begin, in bytes.
    """

    def __init__(self, fd: int, start: int = 0) -> None:
        self._fd = fd
        self._at = start
        self._end = b""

    def write(self, data: bytes, end: bytes) -> None:
        """Adds data, and replaces the end.

        If that fails, the file is as it was before.

        Args:
            data: what to add.
            end: the new end.

        Raises OSError.
        """
        try:
            self._put(data + end)
        except OSError:
            with suppress(OSError):  # these bytes are in the file already, and need no room
                self._put(self._end)
                os.ftruncate(self._fd, self._at + len(self._end))
            raise
        if len(data) + len(end) < len(self._end):
            os.ftruncate(self._fd, self._at + len(data) + len(end))
        self._at += len(data)
        self._end = end

    def leave(self) -> None:
        """Moves the file's offset behind the end, for what others write there next. Raises OSError."""
        os.lseek(self._fd, self._at + len(self._end), os.SEEK_SET)

    def _put(self, data: bytes) -> None:
        rest, at = memoryview(data), self._at
        while rest:
            count = os.pwrite(self._fd, rest, at)
            rest, at = rest[count:], at + count
