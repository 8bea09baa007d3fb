"""The names of captures in a dataset, which are in the column "capture" too, and of the files that begin with them."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Bytes at the beginning and at the end of a file that tell it from others: both have times, and the first has more.
LOOKED_AT = 1 << 20
# Digits of the name: by chance, two of a billion captures have the same name once in 80 archives.
DIGITS = 20
HIDDEN = re.compile(r"\.(.+)-\d+\.parquet\..*\.part")
UNUSUAL = re.compile(r"[^A-Za-z0-9.-]+")


def name_of_files(paths: Sequence[str]) -> str:
    """Returns the name of a capture by what is in its files, so that a copy has the same name wherever it lies.

    Args:
        paths: the files, in order.

    Raises OSError.
    """
    from hashlib import sha256

    digest = sha256()
    for path in paths:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest.update(b"%d:" % size)
            digest.update(file.read(LOOKED_AT))
            if size > LOOKED_AT:
                file.seek(max(LOOKED_AT, size - LOOKED_AT))
                digest.update(file.read(LOOKED_AT))
    return f"capture-{digest.hexdigest()[:DIGITS]}"


def name_of_now() -> str:
    """Returns a name for a capture that takes place now, which no other has: of this machine, time and process."""
    now_ns = time.time_ns()
    text = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ns // 10**9))
    host = UNUSUAL.sub("-", os.uname().nodename)
    return f"{host}-{text}.{now_ns % 10**9:09}Z-{os.getpid()}"


def name_of_part(capture: str, number: int) -> str:
    """Returns the name of a file with rows of a capture. number: 1 for the first of its date."""
    return f"{capture}-{number:06}.parquet"


def number_of_part(capture: str, name: str) -> int | None:
    """Returns the number of a file with rows of a capture. None: it is another file."""
    found = re.fullmatch(rf"{re.escape(capture)}-(\d+)\.parquet", name)
    return None if found is None else int(found[1])


def hidden(path: str) -> str:
    """Returns the path of a file while this process writes it. No other has it, not even on another machine."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{os.uname().nodename}.{os.getpid()}.part")


def capture_of_hidden(name: str) -> str | None:
    """Returns the capture whose rows are in a file that is not whole. None: it is another file."""
    found = HIDDEN.fullmatch(name)
    return None if found is None else found[1]
