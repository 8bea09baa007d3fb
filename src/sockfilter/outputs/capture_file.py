"""A file for captured frames: readable by its owner alone, and valid up to its end."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, NoReturn

from sockfilter.closing import Closing
from sockfilter.errors import CaptureFileError, Closed
from sockfilter.outputs.private_file import Refused, open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAKE_FOLDER = "create its folder first"
ELSEWHERE = "use a path to which this user can write"
MAKE_ROOM = "free some space, or use another disk"
ADVICE = {
    errno.ENOENT: MAKE_FOLDER,
    errno.ENOTDIR: MAKE_FOLDER,
    errno.EISDIR: "use a file in it",
    errno.EACCES: ELSEWHERE,
    errno.EPERM: ELSEWHERE,
    errno.EROFS: ELSEWHERE,
    errno.ENOSPC: MAKE_ROOM,
    errno.EDQUOT: MAKE_ROOM,
    errno.EFBIG: "raise the limit (ulimit -f), or use another file system",
}
# of files that can follow one another
SEVERAL = "free some space, or write fewer and smaller files (-C and -W)"
ADVICE_OF_SEVERAL = {**ADVICE, errno.ENOSPC: SEVERAL, errno.EDQUOT: SEVERAL, errno.EFBIG: "write smaller files (-C)"}
OTHER_ADVICE = "use another name"


class CaptureFile(Closing):
    """A file of bytes. An existing file is overwritten if it belongs to the owner.

    Args:
        path: the path of the file.
        owner: the user and group that the file is given to. None: those of this process.
        spared: device and inode of the file that is being read and must not be overwritten. None: there is none.
        whole: returns how many of the bytes of an incomplete write are worth keeping. None: none of them.
        advice: what to do, by the number of the error.

    Raises CaptureFileError.
    """

    def __init__(
        self,
        path: str,
        owner: tuple[int, int] | None = None,
        spared: tuple[int, int] | None = None,
        whole: Callable[[memoryview], int] | None = None,
        advice: Mapping[int, str] = ADVICE,
    ) -> None:
        self.path = path
        self._advice = advice
        self._whole = whole
        self._failure: OSError | None = None
        if is_that_file(path, spared):
            raise CaptureFileError(over_itself(path))
        try:
            self._fd, self._is_regular = open_private(path, owner)
        except (OSError, ValueError) as error:
            fail_writing(path, error, advice)

    def write(self, data: memoryview, /) -> int:
        """Writes all bytes. Raises CaptureFileError, and BrokenPipeError if the reader of a pipe has gone.

        If the first write fails, and nothing of it is kept, each further write fails too: a file needs its beginning.
        """
        if self._fd < 0:
            raise Closed(f"{self.path!r} is closed: nothing more can be written to it")
        if self._failure is not None:
            fail_writing(self.path, self._failure, self._advice)
        rest = data
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            self._forget_part(data[: len(data) - len(rest)], error)
            fail_writing(self.path, error, self._advice)
        return len(data)

    def close(self) -> None:
        """Closes the file; may be repeated. Raises CaptureFileError: some file systems report a full disk only now."""
        fd, self._fd = self._fd, -1
        try:
            if fd >= 0:
                os.close(fd)
        except OSError as error:
            fail_writing(self.path, error, self._advice)

    def _forget_part(self, written: memoryview, error: OSError) -> None:
        """Removes the end of an incomplete write: a partial block would make the file invalid."""
        size = len(written) - (0 if self._whole is None else self._whole(written))
        if self._is_regular:
            with contextlib.suppress(OSError):
                end = os.lseek(self._fd, -size, os.SEEK_CUR)
                os.ftruncate(self._fd, end)
                self._failure = None if end else error


def is_that_file(path: str, identity: tuple[int, int] | None) -> bool:
    """Returns whether a path leads to a certain file, directly or through links.

    Args:
        path: the path, which need not exist.
        identity: device and inode of the file. None: returns False.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False  # opening it will report the error
    return (status.st_dev, status.st_ino) == identity


def over_itself(path: str) -> str:
    """Returns the message for a file that would overwrite the file being read."""
    return f"writing {path!r}: this is the file that is being read; use another name"


def fail_writing(path: str, error: OSError | ValueError, known: Mapping[int, str] = ADVICE) -> NoReturn:
    """Raises the CaptureFileError for an error of the file system: what was tried, what was found, what to do."""
    reason, advice = str(error), OTHER_ADVICE
    if isinstance(error, Refused):
        raise CaptureFileError(f"writing {path!r}: {error.strerror}") from error
    if isinstance(error, OSError):
        reason, advice = error.strerror or reason, known.get(error.errno or 0, advice)
    raise CaptureFileError(f"writing {path!r}: {reason}; {advice}") from error
