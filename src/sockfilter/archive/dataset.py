"""The directory of a dataset: what marks it, and who may add to it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.archive.naming import hidden
from sockfilter.errors import CaptureFileError, InvalidArgument, installing

if TYPE_CHECKING:
    from collections.abc import Iterator

# The file that marks a dataset. Readers of datasets ignore names that begin with an underscore.
MARK = "_sockfilter_dataset"
# The version of the schema that this program writes.
VERSION = 1
# Bytes of the mark that are read: it has one line.
MARK_BYTES = 100
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600


def need_pyarrow() -> None:
    """Raises InvalidArgument if pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise InvalidArgument(f"writing Parquet needs pyarrow ({error}): {installing('parquet')}") from error


class Dataset:
    """A directory that holds a dataset. It is created if it does not exist.

    An existing dataset is added to if its schema is of the same version. Nothing else in a directory is touched.

    Args:
        path: the directory.
        owner: the user and group that new files are given to. None: those of this process.

    Raises:
        InvalidArgument: the directory holds something else.
        CaptureFileError: it cannot be created, or written to.
    """

    def __init__(self, path: str, owner: tuple[int, int] | None = None) -> None:
        self.path, self._owner = path, owner
        is_marked = check(path)
        try:
            self.make_directory(path)
            if not is_marked:
                self._write_mark(os.path.join(path, MARK))
        except OSError as error:
            raise failed(path, error) from error

    def make_directory(self, path: str) -> None:
        """Creates a directory in the dataset, or the dataset's own. Raises OSError."""
        with suppress(FileExistsError):
            os.mkdir(path, DIRECTORY_MODE)
            self.give(path)
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))

    def give(self, path: str) -> None:
        """Gives a new file or directory to its owner. Not all file systems have owners."""
        if self._owner is not None:
            with suppress(OSError):
                os.chown(path, *self._owner, follow_symlinks=False)

    def _write_mark(self, mark: str) -> None:
        """Writes the mark whole: several writers may begin at the same time."""
        made = hidden(mark)
        fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            os.write(fd, f"schema {VERSION}\n".encode())
        finally:
            os.close(fd)
        self.give(made)
        os.replace(made, mark)

    def partitions(self, table: str) -> Iterator[str]:
        """Yields the directories of a table, one for each date."""
        with suppress(FileNotFoundError), os.scandir(os.path.join(self.path, table)) as entries:
            yield from (entry.path for entry in entries if entry.is_dir())


def check(path: str) -> bool:
    """Returns whether a directory holds a dataset that can be added to; False: one can be made there.

    Raises:
        InvalidArgument: the directory holds something else.
        CaptureFileError: it cannot be created, or written to.
    """
    try:
        if not os.path.lexists(path):
            os.stat(os.path.dirname(os.path.abspath(path)))
            return False
        is_empty = not os.listdir(path)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        known = _known(os.path.join(path, MARK))
    except OSError as error:
        raise failed(path, error) from error
    if known is None and not is_empty:
        raise InvalidArgument(
            f"writing the dataset {path!r}: the directory is not empty, and holds no dataset of sockfilter; "
            "use another one"
        )
    if known not in (None, f"{VERSION}"):
        raise InvalidArgument(
            f"writing the dataset {path!r}: it has version {known} of the schema, and this sockfilter writes "
            f"version {VERSION}; use another directory"
        )
    return known is not None


def _known(mark: str) -> str | None:
    """Returns the version of the schema of a dataset. None: there is none."""
    try:
        with open(mark, "rb") as file:
            return file.read(MARK_BYTES).decode("ascii", "replace").strip().removeprefix("schema ")
    except FileNotFoundError:
        return None


def failed(path: str, error: OSError) -> CaptureFileError:
    """Returns the error for a dataset that cannot be written."""
    reason = error.strerror or str(error)
    rest = (
        "what was there before is whole"
        if os.path.isdir(path)
        else "the directory is not there: create it, or use another one"
    )
    return CaptureFileError(f"writing the dataset {path!r}: {reason}; {rest}")
