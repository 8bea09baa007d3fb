"""Reads the bytes of a capture file from disk, a pipe or standard input, and decompresses gzip."""

from __future__ import annotations

import errno
import os
import stat
import zlib

from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.packet import Damaged

# bytes read at once: enough for many packets, with little memory
READ_BYTES = 1 << 20
# compressed bytes that are decompressed at once; a copy of the state before them is kept, to find a damaged byte
GZIP_BYTES = 1 << 14
GZIP_MAGIC = b"\x1f\x8b"
STDIN = 0


class Stream:
    """Reads a file that may still grow.

    Args:
        path: its name; "-" means standard input.

    Raises:
        CaptureFileError: the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._unzip: zlib._Decompress | None = None
        self._zipped, self._at = b"", 0  # compressed bytes, and how many of them are decompressed
        self._before = 0  # bytes of the file before _zipped
        self._has_more = False  # whether there is more to decompress without a read
        self._damage: Damaged | None = None
        self._is_first = True
        self.is_over = False
        self._is_open = False
        try:
            # without O_NONBLOCK, open() would wait for the writer of a pipe and not handle signals
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
            raise CaptureFileError(f"opening the capture file {path}: {os.strerror(errno.EISDIR)}; use a file in it")

    @property
    def is_zipped(self) -> bool:
        """Whether the file is in gzip."""
        return self._unzip is not None

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode, which identify the file; None if it is a character device, which stores nothing."""
        status = os.fstat(self.fd)
        return None if stat.S_ISCHR(status.st_mode) else (status.st_dev, status.st_ino)

    def close(self) -> None:
        """Closes the file, unless it is standard input."""
        if self._is_open and self.fd != STDIN:
            os.close(self.fd)
        self._is_open = False
        self.is_over = True

    def read(self) -> bytes:
        """Returns the next bytes; no bytes if there are none yet, or if is_over is set.

        Raises:
            CaptureFileError: the system cannot read the file.
            Damaged: the gzip data is damaged or cut short.
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
        # read() returns end of file for a named pipe that has no writer yet
        self.awaits_writer = self._is_first and self._is_pipe and not data
        self.is_over = not data and not self.awaits_writer
        if self._is_first and data:
            self._is_first = False
            if data.startswith(GZIP_MAGIC):
                self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        if self._unzip is None or self.awaits_writer:
            return data
        if not data and not self._unzip.eof:
            raise Damaged(f"the gzip in it is cut short, at byte {self._before + len(self._zipped)} of the file")
        self._before += self._at
        self._zipped, self._at = self._zipped[self._at :] + data, 0
        return self._unzipped()

    def _unzipped(self) -> bytes:
        """Decompresses at most READ_BYTES: a small gzip file may expand to a thousand times its size."""
        assert self._unzip is not None  # checked by the callers
        parts, room = [], READ_BYTES
        while room and (self._at < len(self._zipped) or self._has_more) and self._damage is None:
            self._has_more = False
            zipped = self._zipped[self._at : self._at + GZIP_BYTES]
            if self._unzip.eof:  # members may follow one another (RFC 1952, 2.2)
                if not zipped.startswith(GZIP_MAGIC):
                    if zipped != GZIP_MAGIC[:1]:  # the second byte may follow
                        self._at = len(self._zipped)
                    break
                self._unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            parts.append(self._unzip_part(zipped, room))
            room -= len(parts[-1])
        self._has_more = not room
        if self._damage is not None and not any(parts):
            raise self._damage
        return b"".join(parts)

    def _unzip_part(self, zipped: bytes, room: int) -> bytes:
        """Decompresses a piece; if the piece is damaged, only the bytes before the damage."""
        assert self._unzip is not None  # checked by the caller
        before = self._unzip.copy()
        try:
            part = self._unzip.decompress(zipped, room)
        except zlib.error as error:
            part, at = _before_damage(before, zipped)
            place = f"at byte {self._before + self._at + at} of the file"
            self._damage = Damaged(f"the gzip in it is damaged {place} ({error})")
            return part
        left = self._unzip.unused_data if self._unzip.eof else self._unzip.unconsumed_tail
        self._at += len(zipped) - len(left)
        return part


def _before_damage(unzip: zlib._Decompress, zipped: bytes) -> tuple[bytes, int]:
    """Returns what a damaged piece decompresses to before the damage, and the number of intact bytes."""
    parts: list[bytes] = []
    for at in range(len(zipped)):
        try:
            parts.append(unzip.decompress(zipped[at : at + 1]))
        except zlib.error:
            break
    return b"".join(parts), len(parts)
