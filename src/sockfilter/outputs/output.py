"""What the outputs have in common: lines are collected, and go out in one write for each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.forms.large import LARGE_BYTES, has_large_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Exchange
    from sockfilter.model.lines import Lines


class ByteSink(Protocol):
    """A file of bytes."""

    def write(self, data: memoryview, /) -> int | None:
        """Takes bytes; may take fewer, and says how many."""


class Output:
    """Collects what its subclasses make of exchanges.

    Args:
        sink: takes the bytes.

    Attributes:
        has_bodies: it writes what was kept of bodies.
    """

    has_bodies = False

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._parts: list[bytes] = []
        # exchanges that it has had as lines
        self.lines_taken = 0

    @property
    def lines(self) -> Lines | None:
        """What takes lines that were written elsewhere, where it may."""
        return None

    def write(self, exchange: Exchange) -> None:
        """Takes an exchange; flush() sends it on. What is large goes at once: raises OSError then."""
        if self.has_bodies and has_large_body(exchange):
            self.flush()
            for piece in self.pieces(exchange):
                self._send(piece)
            return
        part = self.render(exchange)
        self._parts.append(part)
        if len(part) >= LARGE_BYTES:
            del part
            self.flush()

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges, written elsewhere."""
        self._parts.append(text)
        self.lines_taken += count

    def render(self, exchange: Exchange) -> bytes:
        """The exchange in this form."""
        raise NotImplementedError

    def pieces(self, exchange: Exchange) -> Iterable[bytes]:
        """The same, piece by piece: of an exchange with a large body."""
        return (self.render(exchange),)

    def flush(self) -> None:
        """Sends on what has been written. Raises OSError."""
        if not self._parts:
            return
        parts, self._parts = self._parts, []
        if len(parts[-1]) >= LARGE_BYTES:
            self._send(b"".join(parts[:-1]))
            self._send(parts[-1])
        else:
            self._send(b"".join(parts))

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._sink.write(rest) or 0 :]
