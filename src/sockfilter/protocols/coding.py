"""Decodes the content codings of a body as it arrives (RFC 9110, 8.4.1), within limits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.protocols.decoders import Brotli, CodingError, Decoder, Inflate, Zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Bytes that one body may decode to; the output of each of its codings counts. This bounds decompression bombs.
DECODED_BYTES_MAX = 64 << 20
# codings of one body; curl has the same limit
CODINGS_MAX = 5
# Bytes decoded at once. If a slice is damaged, the output of the slices before it is kept.
SLICE_BYTES = 512

DECODERS: dict[bytes, Callable[[], Decoder]] = {
    b"gzip": partial(Inflate, is_gzip=True),
    b"x-gzip": partial(Inflate, is_gzip=True),  # RFC 9110, 8.4.1.3
    b"deflate": partial(Inflate, is_gzip=False),
    b"br": Brotli,
    b"zstd": Zstd,
}

# magic numbers of codings: gzip (RFC 1952, 2.3.1), zstd (RFC 8878, 3.1.1)
MAGIC = {b"\x1f\x8b": b"gzip", b"\x28\xb5\x2f\xfd": b"zstd"}

__all__ = ["CODINGS_MAX", "DECODED_BYTES_MAX", "Chain", "CodingError", "TooLongError", "coding_of", "decoder_for"]


class TooLongError(Exception):
    """The decoded content is larger than DECODED_BYTES_MAX. This exception does not leave the stage."""


class Chain:
    """Decodes one body that may have several codings.

    Args:
        decoders: one for each coding; the coding that was applied last comes first.

    Attributes:
        weight: bytes of memory that the decoders take now.
    """

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders
        self._room = DECODED_BYTES_MAX
        self._windows = [decoder.window_bytes for decoder in decoders]  # bytes that are not yet filled
        self.weight = sum(decoder.state_bytes for decoder in decoders)

    @property
    def has_ended(self) -> bool:
        """Whether the content is complete."""
        return all(decoder.has_ended for decoder in self._decoders)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Decodes the next bytes. Yields the output piece by piece. Raises CodingError and TooLongError."""
        for start in range(0, len(data), SLICE_BYTES):
            yield from self._through(0, data[start : start + SLICE_BYTES])

    def _through(self, place: int, data: bytes) -> Iterator[bytes]:
        is_last = place + 1 == len(self._decoders)
        for piece in self._decoders[place].decode(data):
            self._room -= len(piece)
            if self._windows[place]:
                grown = min(len(piece), self._windows[place])
                self._windows[place] -= grown
                self.weight += grown
            if self._room < 0:
                raise TooLongError
            if is_last:
                yield piece
            else:
                yield from self._through(place + 1, piece)


def decoder_for(codings: tuple[bytes, ...]) -> Chain | None:
    """The decoder for the codings of a body; None if one of them is not supported, or if there are too many.

    Args:
        codings: their names in lower case, in the order in which they were applied.
    """
    makers = [DECODERS[name] for name in reversed(codings) if name in DECODERS]
    if not makers or len(makers) < len(codings) or len(makers) > CODINGS_MAX:
        return None
    try:
        return Chain([make() for make in makers])
    except ImportError:  # the library is not installed: content stays as sent
        return None


def coding_of(data: bytes) -> bytes | None:
    """The coding of content, recognised by its first bytes; None if they do not show it.

    The header of zlib has 16 bits: a multiple of 31, with method 8 and a window of at most 32 KiB (RFC 1950, 2.2).
    """
    for magic, name in MAGIC.items():
        if data.startswith(magic):
            return name
    head = int.from_bytes(data[:2], "big")
    is_zlib = len(data) > 1 and data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and not head % 31 and not data[1] & 0x20
    return b"deflate" if is_zlib else None
