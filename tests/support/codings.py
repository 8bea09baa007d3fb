"""Content codings, as the libraries that servers use apply them."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import TYPE_CHECKING

import brotli

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(content: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(content) + squeeze.flush()


# coding -> what applies it; the names in brackets are other forms of one
SQUEEZE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate (raw)": raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
# the same by the library's own one-shot function
EXPAND: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "deflate (raw)": lambda data: zlib.decompress(data, -15),
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}


def name_of(coding: str) -> bytes:
    """As it stands in Content-Encoding."""
    return coding.partition(" ")[0].encode()


def squeezed(content: bytes, codings: Sequence[str]) -> bytes:
    for coding in codings:
        content = SQUEEZE[coding](content)
    return content
