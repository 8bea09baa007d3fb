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
# of a gzip, unzipped at once; what is needed to look for a damaged byte among them is kept meanwhile
GZIP_BYTES = 1 << 14
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
        self._before = 0  # bytes of the file before that
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
            raise CaptureFileError(f"opening the capture file {path}: {os.strerror(errno.EISDIR)}; use a file in it")

    @property
    def is_zipped(self) -> bool:
        """Whether what it gives was in a gzip."""
        return self._unzip is not None

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode, which are the same by whatever name; None: of a device, which holds nothing."""
        status = os.fstat(self.fd)
        return None if stat.S_ISCHR(status.st_mode) else (status.st_dev, status.st_ino)

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
            raise Damaged(f"the gzip in it is cut short, at byte {self._before + len(self._zipped)} of the file")
        self._before += self._at
        self._zipped, self._at = self._zipped[self._at :] + data, 0
        return self._unzipped()

    def _unzipped(self) -> bytes:
        """What is in the gzip, no more than is read at once: a small one may hold a thousand times its size."""
        assert self._unzip is not None  # asked by the only caller
        parts, room = [], READ_BYTES
        while room and (self._at < len(self._zipped) or self._has_more) and self._damage is None:
            self._has_more = False
            zipped = self._zipped[self._at : self._at + GZIP_BYTES]
            if self._unzip.eof:  # members may follow one another (RFC 1952, 2.2)
                if not zipped.startswith(GZIP_MAGIC):
                    if zipped != GZIP_MAGIC[:1]:  # the rest of which may come yet
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
        """What is in a piece of the gzip; where that is damaged, what comes before."""
        assert self._unzip is not None  # asked before
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
    """What can be had of a damaged piece, and how many of its bytes that takes."""
    parts: list[bytes] = []
    for at in range(len(zipped)):
        try:
            parts.append(unzip.decompress(zipped[at : at + 1]))
        except zlib.error:
            break
    return b"".join(parts), len(parts)
