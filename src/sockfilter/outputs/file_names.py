"""When a capture goes on in another file, and what that is called: as tcpdump does it."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from sockfilter.errors import InvalidArgument

SECOND_NS = 1_000_000_000


class Limits(NamedTuple):
    """When a file is followed by another; None: never.

    Args:
        megabytes: when it is larger than so many million bytes (-C).
        seconds: when it has been written to for so long (-G).
        files: with megabytes, so many are written in turn; else, the capture ends after so many (-W).
    """

    megabytes: int | None = None
    seconds: int | None = None
    files: int | None = None

    def check(self) -> None:
        """Raises InvalidArgument."""
        for name, number in self._asdict().items():
            if number is not None and number < 1:
                raise InvalidArgument(f"{name}={number}: it must be 1 or more")
        if self.files and not self.megabytes and not self.seconds:
            raise InvalidArgument(f"files={self.files}: it needs megabytes or seconds of each file")


class FileNames:
    """What each file is called, as in MakeFilename() of tcpdump.

    Args:
        path: with seconds, a pattern for strftime().
        limits: which rotation there is.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        # so many that they sort
        self._digits = len(str(limits.files - 1)) if limits.files and limits.files > 1 else 0

    def name(self, count: int, since_ns: int) -> str:
        """The file with a number, of those begun since then."""
        path = self._path
        if self._limits.seconds:
            path = time.strftime(path, time.localtime(since_ns // SECOND_NS))
        if not self._limits.megabytes or (not count and not self._digits):
            return path
        return f"{path}{count:0{self._digits}d}"

    def is_one_of_them(self, name: str, since_ns: int) -> bool:
        """Whether a name is that of one of the files begun since then, whatever its number."""
        first = self.name(0, since_ns)
        stem = first[: len(first) - self._digits]
        count = name[len(stem) :]
        if not self._limits.megabytes or not name.startswith(stem) or not count.isdecimal():
            return name == first
        return name == self.name(int(count), since_ns) and int(count) < (self._limits.files or math.inf)
