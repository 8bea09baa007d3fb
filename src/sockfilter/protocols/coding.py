"""Content codings, undone as the body arrives (RFC 9110, 8.4.1): the chain of them, and what it may cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.protocols.decoders import Brotli, CodingError, Decoder, Inflate, Zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Bytes that one body may decode to, those between two codings included: what is longer is a bomb, or
# nothing anybody reads here.
DECODED_BYTES_MAX = 64 << 20
# codings of one body: as many as curl takes
CODINGS_MAX = 5
# bytes decoded at once: where damage is found, what came out of the bytes before it is kept
SLICE_BYTES = 512

DECODERS: dict[bytes, Callable[[], Decoder]] = {
    b"gzip": partial(Inflate, is_gzip=True),
    b"x-gzip": partial(Inflate, is_gzip=True),  # RFC 9110, 8.4.1.3
    b"deflate": partial(Inflate, is_gzip=False),
    b"br": Brotli,
    b"zstd": Zstd,
}

# How the content of some codings begins, whatever it is called: gzip (RFC 1952, 2.3.1), zstd (RFC 8878, 3.1.1).
MAGIC = {b"\x1f\x8b": b"gzip", b"\x28\xb5\x2f\xfd": b"zstd"}

__all__ = ["CODINGS_MAX", "DECODED_BYTES_MAX", "Chain", "CodingError", "TooLongError", "coding_of", "decoder_for"]


class TooLongError(Exception):
    """The content decodes to more than is looked at. Stays within this stage."""


class Chain:
    """Undoes the codings of one body.

    Args:
        decoders: one for each, what was applied last first.

    Attributes:
        weight: bytes of memory that they take by now.
    """

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders
        self._room = DECODED_BYTES_MAX
        self._windows = [decoder.window_bytes for decoder in decoders]  # what is left of them to be filled
        self.weight = sum(decoder.state_bytes for decoder in decoders)

    @property
    def has_ended(self) -> bool:
        """Whether what was decoded is all there is."""
        return all(decoder.has_ended for decoder in self._decoders)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Takes the next bytes. Gives what comes out of them, piece by piece. Raises CodingError, TooLongError."""
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
    """What undoes the codings of a body; None where one of them is not known here, or there are too many.

    Args:
        codings: their names in lower case, in the order in which they were applied.
    """
    makers = [DECODERS[name] for name in reversed(codings) if name in DECODERS]
    if not makers or len(makers) < len(codings) or len(makers) > CODINGS_MAX:
        return None
    try:
        return Chain([make() for make in makers])
    except ImportError:  # installed without the library: content stays as sent
        return None


def coding_of(data: bytes) -> bytes | None:
    """The coding that content has by its first bytes; None: none that can be told.

    zlib's header is 16 bits that are a multiple of 31, with method 8 and a window of at most 32 KiB (RFC 1950, 2.2).
    """
    for magic, name in MAGIC.items():
        if data.startswith(magic):
            return name
    head = int.from_bytes(data[:2], "big")
    is_zlib = len(data) > 1 and data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and not head % 31 and not data[1] & 0x20
    return b"deflate" if is_zlib else None
