"""Decoders of single content codings. Each yields its output piece by piece; brotli and zstd are imported if needed."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

# bytes requested of a decoder at once; brotli may return up to half as many more
STEP_BYTES = 64 << 10
# bytes of zlib's header
WRAPPER_BYTES = 2
GZIP_MAGIC = b"\x1f\x8b"
# over HTTP, the window is at most 8 MiB (RFC 9659, 3)
ZSTD_WINDOW_LOG_MAX = 23


# measured: bytes of memory that a decoder takes from the start, without its window
INFLATE_BYTES, BROTLI_BYTES, ZSTD_BYTES = 48 << 10, 256 << 10, 384 << 10
# RFC 7932, 9.1
BROTLI_WINDOW_BYTES_MAX = 16 << 20


class CodingError(Exception):
    """The content cannot be decoded. This exception does not leave the stage: it becomes a problem."""


class Decoder(Protocol):
    """Decodes one coding.

    Attributes:
        state_bytes: bytes of memory that it takes from the start.
        window_bytes: maximum bytes of its output that it keeps.
    """

    state_bytes: int
    window_bytes: int

    @property
    def has_ended(self) -> bool:
        """Whether the content is complete."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decodes the next bytes. Yields the output in pieces of about STEP_BYTES. Raises CodingError."""


class Inflate:
    """gzip and deflate. Peers send deflate with zlib's header or without it."""

    state_bytes, window_bytes = INFLATE_BYTES, 0

    def __init__(self, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16 if is_gzip else zlib.MAX_WBITS)
        # the first bytes of deflate, until there are enough to recognise zlib's header (RFC 1950, 2.2)
        self._start: bytes | None = None if is_gzip else b""
        self._is_padding = False

    @property
    def has_ended(self) -> bool:
        """As Decoder.has_ended."""
        return self._inflate.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        """As Decoder.decode()."""
        if self._start is not None:
            data = self._find_wrapper(data)
        out = b""
        # after a full step, zlib may hold more output although it has consumed all input
        while data or len(out) == STEP_BYTES:
            if self._inflate.eof and not self._next_member(data):
                return
            try:
                out = self._inflate.decompress(data, STEP_BYTES)
            except zlib.error as error:
                raise CodingError(str(error)) from error
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if out:
                yield out

    def _find_wrapper(self, data: bytes) -> bytes:
        """Looks for zlib's header. Returns the bytes to decode now."""
        data = (self._start or b"") + data
        self._start = data if len(data) < WRAPPER_BYTES else None
        if self._start is not None:
            return b""
        if data[0] & 0x0F != zlib.DEFLATED or int.from_bytes(data[:WRAPPER_BYTES], "big") % 31:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return data

    def _next_member(self, data: bytes) -> bool:
        """Begins the next gzip member, if there is one (RFC 1952, 2.2). Padding after the last member is ignored."""
        is_member = self._is_gzip and bool(data) and GZIP_MAGIC.startswith(data[: len(GZIP_MAGIC)])
        self._is_padding = self._is_padding or (bool(data) and not is_member)
        if self._is_padding or not data:
            return False
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return True


class Brotli:
    """br (RFC 7932). Its window is at most 16 MiB, and is allocated as it fills."""

    state_bytes, window_bytes = BROTLI_BYTES, BROTLI_WINDOW_BYTES_MAX

    def __init__(self) -> None:
        import brotli  # imported late: it takes a millisecond, and most captures do not need it

        self._error: type[Exception] = brotli.error
        self._brotli: Any = brotli.Decompressor()

    @property
    def has_ended(self) -> bool:
        """As Decoder.has_ended."""
        return bool(self._brotli.is_finished())

    def decode(self, data: bytes) -> Iterator[bytes]:
        """As Decoder.decode()."""
        out = data
        # it may ask for input while it still holds output: only an empty result means that there is none
        while out:
            try:
                out = self._brotli.process(data, output_buffer_limit=STEP_BYTES)
            except self._error as error:
                raise CodingError(str(error)) from error
            data = b""
            if out:
                yield out


class Zstd:
    """zstd (RFC 8878): one or more frames."""

    state_bytes, window_bytes = ZSTD_BYTES, 1 << ZSTD_WINDOW_LOG_MAX

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self._zstd = zstd
        self._frame = self._next_frame()

    def _next_frame(self) -> Any:
        options = {int(self._zstd.DecompressionParameter.window_log_max): ZSTD_WINDOW_LOG_MAX}
        return self._zstd.ZstdDecompressor(options=options)

    @property
    def has_ended(self) -> bool:
        """As Decoder.has_ended."""
        return bool(self._frame.eof)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """As Decoder.decode()."""
        has_more = bool(data)
        while has_more:
            if self._frame.eof:
                self._frame = self._next_frame()
            try:
                out: bytes = self._frame.decompress(data, STEP_BYTES)
            except self._zstd.ZstdError as error:
                raise CodingError(str(error)) from error
            data = self._frame.unused_data if self._frame.eof else b""
            has_more = bool(data) if self._frame.eof else not self._frame.needs_input
            if out:
                yield out
