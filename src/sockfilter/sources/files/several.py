"""The files of one source, one after the other. If there are several, a bad one does not stop the others."""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING

from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence


class FileSequence:
    """The files that are read, in order.

    Args:
        path: the first file; "-" means standard input.
        others: the files after it.

    Attributes:
        changes: what was wrong with one of several files, to be told.
    """

    def __init__(self, path: str, others: Sequence[str] = ()) -> None:
        self._waiting: deque[str | Stream] = deque((path, *others))
        self._count, self._bad = 1 + len(others), 0
        self.changes: deque[CaptureFileError] = deque()

    def first(self) -> Stream:
        """Opens the first file that can be opened. Raises CaptureFileError: none can."""
        if self._count == 1:
            return self._opened(self._waiting.popleft())
        found = self.next()
        if found is None:
            raise CaptureFileError("; ".join(map(str, self.changes)))
        return found

    def next(self) -> Stream | None:
        """Opens the next file that can be opened. None: there are no more."""
        while self._waiting:
            try:
                return self._opened(self._waiting.popleft())
            except CaptureFileError as error:
                self._note(error)
        return None

    def open_all(self) -> None:
        """Opens all files now, which may not be possible later. Raises CaptureFileError: no descriptor is left."""
        for _ in range(len(self._waiting)):
            try:
                self._waiting.append(self._opened(self._waiting.popleft()))
            except CaptureFileError as error:
                if getattr(error.__cause__, "errno", None) in (errno.EMFILE, errno.ENFILE):
                    raise
                self._note(error)

    def close(self) -> None:
        """Closes the files that are open and have not been read."""
        for file in self._waiting:
            if isinstance(file, Stream):
                file.close()
        self._waiting.clear()

    @staticmethod
    def _opened(file: str | Stream) -> Stream:
        return file if isinstance(file, Stream) else Stream(file)

    def bad(self, error: CaptureFileError) -> CaptureFileError | None:
        """Takes what is wrong with the present file. Returns the error to end with; None: go on with the next file."""
        if self._count == 1:
            return error
        self._note(error)
        return None if self._waiting else self.damage

    @property
    def has_more(self) -> bool:
        """Whether there are files that have not been opened."""
        return bool(self._waiting)

    @property
    def damage(self) -> CaptureFileError | None:
        """How many of several files were bad. None: none was."""
        if not self._bad:
            return None
        return CaptureFileError(f"{self._bad} of {self._count} capture files could not be read whole")

    def _note(self, error: CaptureFileError) -> None:
        self._bad += 1
        self.changes.append(error)
