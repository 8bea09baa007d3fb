"""The parts of rotated captures: which files are one capture, so that its connections go on from file to file.

Two files that follow one another are parts of one capture if

1. they are in the same directory, and their names differ in digits alone, as web-1.pcap and web-2.pcap do;
2. both are pcap files of the same link type, or both are pcapng files;
3. the second begins when the first has ended, and at most GAP_S later. Where the end of a file is not known without
   reading all of it, as in gzip, its beginning stands for it.

The order is the one given; but neighbours by the first rule are ordered by their first packets, because rotation may
have begun again with the first name. All parts of one capture are read one after the other, by one process. Different
captures are read in parallel.
"""

from __future__ import annotations

import os
import re
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.sources.files.ends import Ends, ends_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Seconds between two parts. A quiet network gives no packets; and most stacks and middleboxes have given up a
# connection that is idle for longer.
GAP_S = 3600
# Nanoseconds by which packets at the border of two parts may be out of order, as several processors write them.
DISORDER_NS = 10_000_000
DIGITS = re.compile(r"\d+")


class FileGroup(NamedTuple):
    """Files that are read as one capture.

    Attributes:
        paths: the files, in order.
    """

    paths: tuple[str, ...]


class _CaptureFile(NamedTuple):
    path: str
    bytes: int
    ends: Ends | None


def groups_of(paths: Iterable[str], *, most_bytes: int | None = None) -> list[FileGroup]:
    """Returns the captures that files are parts of.

    Args:
        paths: capture files, as captures_in() returns them.
        most_bytes: bytes of the files of one group; a capture that has more is cut. The connections that are open there
            are then in two groups: the exchanges in them at the time lack a half, and say so. None: no limit.
    """
    groups: list[list[_CaptureFile]] = []
    size = 0
    for part in _in_order(paths):
        size += part.bytes
        if groups and _goes_on(groups[-1][-1], part) and (most_bytes is None or size <= most_bytes):
            groups[-1].append(part)
        else:
            groups.append([part])
            size = part.bytes
    return [FileGroup(tuple(part.path for part in group)) for group in groups]


def _in_order(paths: Iterable[str]) -> Iterator[_CaptureFile]:
    """Yields the files; those next to each other whose names differ in digits alone by their first packets."""
    for _, run in groupby(paths, _pattern):
        parts = [_CaptureFile(path, _size(path), ends_of(path)) for path in run]
        if all(part.ends is not None and part.ends.first_ns is not None for part in parts):
            parts.sort(key=lambda part: part.ends.first_ns if part.ends and part.ends.first_ns else 0)
        yield from parts


def _goes_on(before: _CaptureFile, part: _CaptureFile) -> bool:
    """Whether a file goes on where the one before it ended."""
    if before.ends is None or part.ends is None or _pattern(before.path) != _pattern(part.path):
        return False
    one, other = before.ends, part.ends
    if one.kind != other.kind or one.first_ns is None or other.first_ns is None:
        return False
    last_ns = one.first_ns if one.last_ns is None else one.last_ns
    return last_ns - DISORDER_NS <= other.first_ns <= last_ns + GAP_S * 10**9


def _pattern(path: str) -> tuple[str, str]:
    folder, name = os.path.split(os.path.abspath(path))
    return folder, DIGITS.sub("#", name)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0
