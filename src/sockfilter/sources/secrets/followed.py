"""A key log as a source of secrets: a file that grows, may not exist yet, may be replaced, or is a pipe."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.errors import InvalidArgument
from sockfilter.sources.secrets.keylog import KeyLog, check_keylog

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.secret import Secret

# Bytes of one read(), and of all reads of one turn: about 20 000 lines, which take 50 ms.
READ_BYTES = 64 << 10
TURN_BYTES_MAX = 4 << 20
# Bytes before the end of a file that is read from its end: the secrets of the last 4 000 connections. Older ones have
# most likely been closed.
TAIL_BYTES = 4 << 20
# Bytes before the place that was reached which are compared: a file that was emptied and written again has
# others there, as they are random, even if it has as many bytes as before.
LAST_BYTES = 64
# Bytes at the beginning that must hold a line of a key log, or nothing but comments.
BEGINNING_BYTES = 64 << 10


class FollowedKeyLog(Closing):
    """Reads the secrets of a key log from its beginning, as it grows.

    A file that does not exist yet is opened when it does. A file that was truncated is read from its beginning again,
    and one that was replaced is read to its end, and then the new one. A secret that comes twice does no harm.

    Args:
        path: the path of the key log.
        take: takes each secret.
        is_tail: whether only the end of what is there now is read, for a capture that begins now.

    Attributes:
        problem: why the key log is not read any more, for people; empty if it is. The caller may clear it.

    Raises:
        InvalidArgument: the path cannot be read, or leads to something that is not a key log.
    """

    def __init__(self, path: str, take: Callable[[Secret], None], *, is_tail: bool = False) -> None:
        self.path = path
        self.problem = ""
        self._lines = KeyLog(take)
        self._fd = -1
        self._identity = (0, 0)
        self._at = 0  # bytes of the file that were read
        self._last = b""  # the last of them
        self._is_regular = False
        self._is_within = False  # the next bytes are the rest of a line whose beginning was not read
        try:
            self._open()
        except FileNotFoundError:
            self._check_folder()
        except (OSError, ValueError) as error:
            raise InvalidArgument(_words(path, error)) from error
        self._check_beginning()
        if is_tail and self._is_regular and os.fstat(self._fd).st_size > TAIL_BYTES:
            self._at = os.lseek(self._fd, -TAIL_BYTES, os.SEEK_END)
            self._is_within = True

    @property
    def exists(self) -> bool:
        """Whether the file could be opened."""
        return self._fd >= 0

    @property
    def folder(self) -> str:
        """The directory that must stay readable, so that a new file is found."""
        return os.path.dirname(self.path) or "."

    @property
    def bad_lines(self) -> int:
        """The number of lines that are not lines of a key log."""
        return self._lines.bad

    def read(self) -> None:
        """Passes on the secrets that have been added since. Never waits, and never raises."""
        try:
            size = self._read_more()
            if not size:
                self._look_again()
        except (OSError, ValueError) as error:
            self._drop()
            self.problem = _words(self.path, error)

    def close(self) -> None:
        """Closes the file; may be repeated."""
        self._drop()

    def _open(self) -> None:
        # without O_NONBLOCK, opening a pipe would wait for its writer
        fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        there = os.fstat(fd)
        if stat.S_ISDIR(there.st_mode):
            os.close(fd)
            raise IsADirectoryError("it is a directory; name the file in it")
        self._fd, self._at, self._identity = fd, 0, (there.st_dev, there.st_ino)
        self._is_regular = stat.S_ISREG(there.st_mode)

    def _check_folder(self) -> None:
        if not os.path.isdir(self.folder):
            raise InvalidArgument(f"reading the key log {self.path!r}: there is no directory {self.folder!r}")

    def _check_beginning(self) -> None:
        """Raises InvalidArgument if the file has content, and none of it is a line of a key log."""
        if not self._is_regular:
            return
        try:
            beginning = os.pread(self._fd, BEGINNING_BYTES, 0)
        except OSError as error:
            self._drop()
            raise InvalidArgument(_words(self.path, error)) from error
        log = KeyLog(lambda secret: None)
        log.feed(beginning)
        try:
            check_keylog(self.path, log, may_grow=True)
        except InvalidArgument:
            self._drop()
            raise

    def _read_more(self) -> int:
        """Reads what has been added. Returns the number of bytes."""
        if self._fd < 0:
            return 0
        if self._is_regular and os.pread(self._fd, len(self._last), self._at - len(self._last)) != self._last:
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._begin_anew()
        total = 0
        while total < TURN_BYTES_MAX:
            try:
                data = os.read(self._fd, READ_BYTES)
            except BlockingIOError:  # a pipe whose writer has written nothing
                break
            if not data:
                break
            total += len(data)
            self._last = (self._last + data[-LAST_BYTES:])[-LAST_BYTES:]
            if self._is_within:
                _, end, data = data.partition(b"\n")
                self._is_within = not end
            self._lines.feed(data)
        self._at += total
        return total

    def _look_again(self) -> None:
        """Opens what the path leads to now, if that is another file."""
        try:
            there = os.stat(self.path)
            if (there.st_dev, there.st_ino) == self._identity:
                return
            old = self._fd
            self._open()
            if old >= 0:
                os.close(old)
        except FileNotFoundError:
            return
        self._lines.end()
        self._begin_anew()
        self._read_more()

    def _begin_anew(self) -> None:
        self._lines.end()
        self._at, self._last = 0, b""

    def _drop(self) -> None:
        fd, self._fd, self._identity = self._fd, -1, (0, 0)
        if fd >= 0:
            os.close(fd)


def _words(path: str, error: OSError | ValueError) -> str:
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    advice = "; this user must be able to read it (--user selects another)"
    return f"reading the key log {path!r}: {reason}{advice if isinstance(error, PermissionError) else ''}"
