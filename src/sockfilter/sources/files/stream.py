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
        return data if self._unzip is None or self.awaits_writer else self._unzipped(data)

    def _unzipped(self, data: bytes) -> bytes:
        assert self._unzip is not None  # asked by the only caller
        parts = []
        try:
            if not data and not self._unzip.eof:
                parts.append(self._unzip.flush())
                raise Damaged("the gzip in it is cut short")
            while data:
                if self._unzip.eof:  # members may follow one another (RFC 1952, 2.2)
                    if not data.startswith(GZIP_MAGIC):
                        break
                    self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
                parts.append(self._unzip.decompress(data))
                data = self._unzip.unused_data
        except zlib.error as error:
            raise Damaged(f"the gzip in it is damaged ({error})") from error
        return b"".join(parts)
