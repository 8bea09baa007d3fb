"""Content codings, undone as the body arrives (RFC 9110, 8.4.1)."""

from __future__ import annotations

import zlib
from typing import Protocol

# bytes that a body may decode to: what is longer is a bomb, or nothing anybody reads here
DECODED_BYTES_MAX = 64 << 20
# bytes taken out of a decoder at once
STEP_BYTES = 64 << 10
# bytes of zlib's header
WRAPPER_BYTES = 2


class CodingError(Exception):
    """The content does not decode. Stays within this stage: it becomes a named problem."""


class Decoder(Protocol):
    """Undoes a coding piece by piece."""

    def decode(self, data: bytes, limit: int) -> tuple[bytes, bytes]:
        """Decodes a piece.

        Args:
            data: the next bytes; empty: what the decoder holds back because of the limit.
            limit: bytes to give back at most.

        Returns what came out, and what is still to be decoded when that was limit bytes.
        Raises CodingError.
        """

    @property
    def has_ended(self) -> bool:
        """Whether what was decoded is all there is."""


class Inflate:
    """gzip and deflate, the latter with zlib's wrapper or without: both are sent under that name."""

    def __init__(self, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16 if is_gzip else zlib.MAX_WBITS)
        # the first bytes of deflate, until there are enough to know a wrapper (RFC 1950, 2.2)
        self._start: bytes | None = None if is_gzip else b""

    @property
    def has_ended(self) -> bool:
        """As Decoder.has_ended."""
        return self._inflate.eof

    def decode(self, data: bytes, limit: int) -> tuple[bytes, bytes]:
        """As Decoder.decode()."""
        if self._start is not None:
            return self._find_wrapper(self._start + data, limit)
        if self._inflate.eof and data:
            return self._next_member(data, limit)
        try:
            out = self._inflate.decompress(data, limit)
        except zlib.error as error:
            raise CodingError(str(error)) from error
        return out, self._inflate.unconsumed_tail or self._inflate.unused_data

    def _find_wrapper(self, start: bytes, limit: int) -> tuple[bytes, bytes]:
        self._start = start if len(start) < WRAPPER_BYTES else None
        if self._start is not None:
            return b"", b""
        if start[0] & 0x0F != zlib.DEFLATED or int.from_bytes(start[:WRAPPER_BYTES], "big") % 31:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return self.decode(start, limit)

    def _next_member(self, data: bytes, limit: int) -> tuple[bytes, bytes]:
        """gzip members may follow one another (RFC 1952, 2.2); zeros and other padding behind are let pass."""
        if not self._is_gzip or data[:2] != b"\x1f\x8b"[: len(data[:2])]:
            return b"", b""
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return self.decode(data, limit)


def decoder_for(codings: tuple[bytes, ...]) -> Decoder | None:
    """What undoes a Content-Encoding; None where one of them is not known here.

    Args:
        codings: their names in lower case, in the order in which they were applied.
    """
    if len(codings) != 1:
        return None
    name = codings[0].removeprefix(b"x-")
    if name == b"gzip":
        return Inflate(is_gzip=True)
    if name == b"deflate":
        return Inflate(is_gzip=False)
    return None
