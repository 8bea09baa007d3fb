"""Inflates the messages of one direction (RFC 7692, 7.2.2), within limits."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sockfilter.protocols.coding import DECODED_BYTES_MAX, TooLongError
from sockfilter.protocols.decoders import INFLATE_BYTES, STEP_BYTES, CodingError

if TYPE_CHECKING:
    from collections.abc import Iterator

# the end of a message, which its sender leaves out
TAIL = b"\x00\x00\xff\xff"


class Inflating:
    """Inflates one message after another.

    Once something was missed, it begins each message with an empty window until one inflates. That one is certain: zlib
    refuses a distance beyond what it has inflated itself.

    Args:
        keeps_window: whether the window of a message continues that of the last.

    Attributes:
        is_lost: whether something was missed that the next message may refer to.
    """

    __slots__ = ("_has_dropped", "_inflate", "_keeps_window", "_room", "is_lost")

    def __init__(self, keeps_window: bool) -> None:
        self._keeps_window = keeps_window
        self._inflate: zlib._Decompress | None = None
        self._has_dropped = False  # zlib has dropped the window within this message
        self._room = 0
        self.is_lost = False

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes."""
        return 0 if self._inflate is None else INFLATE_BYTES

    def lose(self) -> None:
        """Notes that bytes are missing which changed the window, or that cannot be inflated."""
        self._inflate = None
        self.is_lost = self._keeps_window

    def begin(self) -> None:
        """Begins a message."""
        self._room = DECODED_BYTES_MAX
        self._has_dropped = False
        if self._inflate is None or not self._keeps_window:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def whole(self, data: bytes) -> bytes:
        """The content of a whole message of a few KiB. Raises CodingError."""
        self.begin()
        inflate = self._inflate
        assert inflate is not None  # set by begin()
        try:
            content = inflate.decompress(data + TAIL)
        except zlib.error as error:
            raise CodingError(str(error)) from error
        if inflate.eof:  # as in add()
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            content += b"".join(self.add(inflate.unused_data))
            self.is_lost = self._keeps_window
        return content

    def add(self, data: bytes) -> Iterator[bytes]:
        """Yields the content of the next bytes of a message, in pieces of at most STEP_BYTES.

        Raises:
            CodingError: they cannot be inflated.
            TooLongError: the content is longer than DECODED_BYTES_MAX.
        """
        out = b""
        # after a full step, zlib may hold more output although it has consumed all input
        while data or len(out) == STEP_BYTES:
            inflate = self._inflate
            if inflate is None:
                raise CodingError("nothing is known of the window")
            try:
                out = inflate.decompress(data, STEP_BYTES)
            except zlib.error as error:
                raise CodingError(str(error)) from error
            data = inflate.unconsumed_tail
            if inflate.eof:  # a last block (RFC 7692, 7.2.3.4): what follows may refer to the window before it
                data = inflate.unused_data
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
                self._has_dropped = True
                self.is_lost = self._keeps_window
            self._room -= len(out)
            if self._room < 0:
                raise TooLongError
            if out:
                yield out

    def end(self) -> Iterator[bytes]:
        """Ends a message, and yields the rest of its content. Raises the same errors as add()."""
        yield from self.add(TAIL)
        self.is_lost = self._has_dropped and self._keeps_window
