"""File rotation: when a new file begins, and its name. Both follow tcpdump."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from sockfilter.errors import InvalidArgument

SECOND_NS = 1_000_000_000


class Limits(NamedTuple):
    """When a new file begins. None: no limit.

    Args:
        megabytes: when the file is larger than this number of million bytes (-C).
        seconds: when the file has been written to for this number of seconds (-G).
        files: with megabytes, the number of files that are reused in turn; otherwise, the number after which the
            capture ends (-W).
    """

    megabytes: int | None = None
    seconds: int | None = None
    files: int | None = None

    def check(self) -> None:
        """Raises InvalidArgument if a value or a combination is invalid."""
        for name, number in self._asdict().items():
            if number is not None and number < 1:
                raise InvalidArgument(f"{name}={number}: it must be 1 or more")
        if self.files and not self.megabytes and not self.seconds:
            raise InvalidArgument(f"files={self.files}: it needs megabytes or seconds of each file")


class FileNames:
    """The names of the files, as in MakeFilename() of tcpdump.

    Args:
        path: the path; with seconds, a pattern for strftime().
        limits: the limits of each file.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        # Enough digits that the names sort.
        self._digits = len(str(limits.files - 1)) if limits.files and limits.files > 1 else 0

    def name(self, count: int, since_ns: int) -> str:
        """Returns the name of the file with this number, of those begun since then."""
        path = self._path
        if self._limits.seconds:
            path = time.strftime(path, time.localtime(since_ns // SECOND_NS))
        if not self._limits.megabytes or (not count and not self._digits):
            return path
        return f"{path}{count:0{self._digits}d}"

    def is_one_of_them(self, name: str, since_ns: int) -> bool:
        """Returns whether a name belongs to a file begun since then, with any number."""
        first = self.name(0, since_ns)
        stem = first[: len(first) - self._digits]
        count = name[len(stem) :]
        if not self._limits.megabytes or not name.startswith(stem) or not count.isdecimal():
            return name == first
        return name == self.name(int(count), since_ns) and int(count) < (self._limits.files or math.inf)
