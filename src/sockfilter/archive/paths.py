"""What to read: capture files, directories of them, and patterns."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.pcap import KINDS
from sockfilter.sources.files.pcapng import PCAPNG_MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# How capture files begin: pcap in both byte orders, pcapng. Files in gzip are known by their names: most of them are
# something else.
BEGINNINGS = (*(kind.to_bytes(4, order) for kind in KINDS for order in ("big", "little")), PCAPNG_MAGIC)
# Names of capture files; a directory's file of such a name is read even if it does not begin like one, so that its
# damage is told.
NAMED = re.compile(r"\.(pcap|pcapng|cap|dmp|har)\d*(\.gz)?$", re.IGNORECASE)
PATTERN = re.compile(r"[*?\[]")
DIGITS = re.compile(r"(\d+)")


def captures_in(places: Sequence[str]) -> list[str]:
    """Returns the capture files in some places, in the order given, each file once.

    The files of a directory, and of those below it, are those that begin like captures or are named so; hidden ones are
    left out. They are in the order of their names, with numbers in them as numbers.

    Args:
        places: files, directories, and patterns as a shell has them, with ** for directories of any depth.

    Raises:
        CaptureFileError: there is no capture file in a directory, or none has the pattern.
    """
    found: dict[object, str] = {}
    for place in places:
        for path in _in_place(place):
            found.setdefault(_identity(path), path)
    return list(found.values())


def _in_place(place: str) -> list[str]:
    if os.path.isdir(place):
        paths = sorted(_below(place), key=in_order)
        if not paths:
            raise CaptureFileError(f"reading the directory {place}: there is no capture file in it")
        return paths
    if PATTERN.search(place) and not os.path.lexists(place):
        from glob import glob  # imported late: few commands have patterns

        paths = sorted((path for path in glob(place, recursive=True) if not os.path.isdir(path)), key=in_order)
        if not paths:
            raise CaptureFileError(f"reading {place}: no file has such a name")
        return paths
    return [place]


def _below(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise CaptureFileError(f"reading the directory {error.filename}: {error.strerror}") from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (
            path
            for path in (os.path.join(here, name) for name in names if not name.startswith("."))
            if os.path.isfile(path) and (NAMED.search(path) or _begins_so(path))
        )


def _begins_so(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(4).startswith(BEGINNINGS)
    except OSError:
        return False


def in_order(path: str) -> list[tuple[int, int, str]]:
    """Returns the key that sorts names with numbers in them by the numbers: web2 before web10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in DIGITS.split(path)]


def _identity(path: str) -> object:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return path
    # a pipe is read once, whatever it is called
    return status.st_dev, status.st_ino
