"""The names of captures in a dataset. They begin the names of files, and are in the column "capture"."""

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
