"""Finds the secrets that a pcapng file carries in Decryption Secrets Blocks, wherever they are in it."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from contextlib import suppress
from struct import Struct
from typing import IO, TYPE_CHECKING

from sockfilter.model.secret import FILE
from sockfilter.sources.files.packet import Damaged
from sockfilter.sources.files.pcapng import (
    BLOCK_BYTES_MAX,
    BLOCK_HEAD,
    BLOCK_TAIL,
    BYTE_ORDER_MAGIC,
    SECRETS,
    SECTION,
    tls_key_log,
)
from sockfilter.sources.files.stream import GZIP_MAGIC
from sockfilter.sources.secrets.keylog import KeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.model.secret import Secret


def secrets_in(path: str, take: Callable[[Secret], None]) -> int | None:
    """Reads the secrets that a file carries.

    A damaged file is read up to the damage.

    Args:
        path: the capture file.
        take: takes each secret.

    Returns how many bytes of the file, or of its unzipped content, were looked at. None: the file cannot be read twice,
    because it is a pipe, or not at all.
    """
    try:
        if path == "-" or not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as plain:
            is_zipped = plain.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            plain.seek(0)
            if not is_zipped:
                return _take_all(plain, take)
            with gzip.open(plain) as unzipped:
                return _take_all(unzipped, take)
    except (OSError, EOFError, ValueError, zlib.error):
        return None


def _take_all(file: IO[bytes] | gzip.GzipFile, take: Callable[[Secret], None]) -> int:
    """Reads the secrets. Returns the offset up to which it has read."""
    with suppress(Damaged):  # whoever reads the packets says so
        for block in _secret_blocks(file):
            log = KeyLog(take, FILE)
            log.feed(block)
            log.end()
    return file.tell()


def _secret_blocks(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """Yields the key logs in the blocks of a pcapng file; nothing if it is another file. Raises Damaged."""
    order = "<"
    while len(head := file.read(BLOCK_HEAD)) == BLOCK_HEAD:
        (kind,) = Struct(order + "I").unpack_from(head)
        if kind == SECTION:
            magic = file.read(4)
            order = next((o for o in "<>" if Struct(o + "I").pack(BYTE_ORDER_MAGIC) == magic), "")
            if not order:
                return
            file.seek(-4, os.SEEK_CUR)
        elif file.tell() == BLOCK_HEAD:
            return  # not a pcapng file
        (size,) = Struct(order + "I").unpack_from(head, 4)
        if size < BLOCK_HEAD + BLOCK_TAIL or size % 4 or size > BLOCK_BYTES_MAX:
            return
        if kind == SECRETS:
            body = file.read(size - BLOCK_HEAD)
            if len(body) < size - BLOCK_HEAD:
                return
            log = tls_key_log(body, 0, len(body) - BLOCK_TAIL, order)
            if log is not None:
                yield log
        else:
            file.seek(size - BLOCK_HEAD, os.SEEK_CUR)
