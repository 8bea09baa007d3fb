"""The bytes of a capture file: from disk, a pipe or standard input, out of gzip where they are in it."""

from __future__ import annotations

import errno
import os
import stat
import zlib

from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.packet import Damaged

# bytes read at once: many packets, and few of memory
READ_BYTES = 1 << 20
# of a gzip, unzipped at once: that many are lost where it is damaged
GZIP_BYTES = 1 << 10
GZIP_MAGIC = b"\x1f\x8b"
STDIN = 0


class Stream:
    """Reads a file as far as it goes now.

    Args:
        path: its name; "-": standard input.

    Raises:
        CaptureFileError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._unzip: zlib._Decompress | None = None
        self._zipped, self._at = b"", 0  # what was read of a gzip, and how far it has been unzipped
        self._has_more = False  # to unzip, without reading on
        self._damage: Damaged | None = None
        self._is_first = True
        self.is_over = False
        self._is_open = False
        try:
            # a pipe that nobody writes yet would make open() wait where no signal is looked at
            self.fd = STDIN if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise CaptureFileError(f"opening the capture file {path}: {words}") from error
        self._is_open = True
        kind = os.fstat(self.fd).st_mode
        self._is_pipe = stat.S_ISFIFO(kind) and self.fd != STDIN
        self.awaits_writer = False
        if stat.S_ISDIR(kind):
            self.close()
            raise CaptureFileError(f"opening the capture file {path}: {os.strerror(errno.EISDIR)}; name a file in it")

    def close(self) -> None:
        """Closes the file, unless it is standard input."""
        if self._is_open and self.fd != STDIN:
            os.close(self.fd)
        self._is_open = False
        self.is_over = True

    def read(self) -> bytes:
        """More of it; nothing: there is none yet, or is_over.

        Raises:
            CaptureFileError: the system cannot read it.
            Damaged: it is no whole gzip.
        """
        if self._damage is not None:
            raise self._damage
        if self._has_more and (more := self._unzipped()):
            return more
        try:
            data = os.read(self.fd, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise CaptureFileError(f"reading the capture file {self.path}: {error.strerror}") from error
        # a named pipe that nobody has opened for writing yet looks as if it had ended
        self.awaits_writer = self._is_first and self._is_pipe and not data
        self.is_over = not data and not self.awaits_writer
        if self._is_first and data:
            self._is_first = False
            if data.startswith(GZIP_MAGIC):
                self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        if self._unzip is None or self.awaits_writer:
            return data
        if not data and not self._unzip.eof:
            raise Damaged("the gzip in it is cut short")
        self._zipped, self._at = self._zipped[self._at :] + data, 0
        return self._unzipped()

    def _unzipped(self) -> bytes:
        """What is in the gzip, no more than is read at once: a small one may hold a thousand times its size."""
        assert self._unzip is not None  # asked by the only caller
        parts, room = [], READ_BYTES
        try:
            while room and (self._at < len(self._zipped) or self._has_more):
                self._has_more = False
                zipped = self._zipped[self._at : self._at + GZIP_BYTES]
                if self._unzip.eof:  # members may follow one another (RFC 1952, 2.2)
                    if not zipped.startswith(GZIP_MAGIC):
                        if zipped != GZIP_MAGIC[:1]:  # the rest of which may come yet
                            self._at = len(self._zipped)
                        break
                    self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
                part = self._unzip.decompress(zipped, room)
                left = self._unzip.unused_data if self._unzip.eof else self._unzip.unconsumed_tail
                self._at += len(zipped) - len(left)
                parts.append(part)
                room -= len(part)
            self._has_more = not room
        except zlib.error as error:
            self._damage = Damaged(f"the gzip in it is damaged ({error})")
        if self._damage is not None and not parts:
            raise self._damage
        return b"".join(parts)
