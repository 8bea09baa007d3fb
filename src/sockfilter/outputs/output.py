"""The base of the outputs: lines are collected and written once for each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.forms.large import LARGE_BYTES, has_large_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Connection, Exchange, StreamMessage
    from sockfilter.model.figures import Figures
    from sockfilter.model.lines import Lines


class ByteSink(Protocol):
    """A file of bytes."""

    def write(self, data: memoryview, /) -> int | None:
        """Writes bytes and returns how many; may write only some of them."""


class Output:
    """Collects what its subclasses make of exchanges.

    Args:
        sink: receives the bytes.

    Attributes:
        has_bodies: whether it writes what was kept of bodies.
        is_json: whether it writes lines of JSON.
        show_secrets: whether to show secrets instead of masking them.
        widths_max: the largest widths of the first two columns, in characters; 0 if there are no columns.
    """

    has_bodies = False
    is_json = False
    show_secrets = False
    widths_max = 0, 0

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._parts: list[bytes] = []
        # The number of exchanges received as lines.
        self.lines_taken = 0

    @property
    def lines(self) -> Lines | None:
        """The receiver of lines that were written elsewhere, if the output accepts them."""
        return None

    @property
    def figures(self) -> Figures | None:
        """The receiver of the numbers of exchanges, if they are enough for the output."""
        return None

    @property
    def widths(self) -> tuple[int, int]:
        """The present widths of the first two columns, in characters; 0 if there are no columns."""
        return 0, 0

    def around(self, connection: Connection) -> tuple[bytes, bytes]:
        """What a line of JSON says of a connection: before the number of the exchange, and behind it."""
        raise NotImplementedError

    def write(self, exchange: Exchange) -> None:
        """Collects an exchange; flush() writes it. A large exchange is written at once, which may raise OSError."""
        if self.has_bodies and has_large_body(exchange):
            self.flush()
            for piece in self.pieces(exchange):
                self._send(piece)
            return
        self._collect(self.render(exchange))

    def write_message(self, message: StreamMessage) -> None:
        """Collects a message without a response, as write() does."""
        self._collect(self.render_message(message))

    def take(self, text: bytes, count: int) -> None:
        """Collects the lines of some exchanges that were written elsewhere."""
        self._parts.append(text)
        self.lines_taken += count

    def render(self, exchange: Exchange) -> bytes:
        """Returns the exchange in this form."""
        raise NotImplementedError

    def render_message(self, message: StreamMessage) -> bytes:
        """Returns a message without a response in this form. Empty: the form has nothing for it."""
        raise NotImplementedError

    def pieces(self, exchange: Exchange) -> Iterable[bytes]:
        """Returns an exchange with a large body in this form, in pieces."""
        return (self.render(exchange),)

    def flush(self) -> None:
        """Writes what was collected. Raises OSError."""
        if not self._parts:
            return
        parts, self._parts = self._parts, []
        if len(parts[-1]) >= LARGE_BYTES:
            self._send(b"".join(parts[:-1]))
            self._send(parts[-1])
        else:
            self._send(b"".join(parts))

    def close(self) -> None:
        """Writes what belongs at the end; called once, after the last exchange. Raises OSError."""

    def abandon(self) -> None:
        """Called in place of close() if the capture could not begin. Raises OSError."""
        self.close()

    def _collect(self, part: bytes) -> None:
        self._parts.append(part)
        if len(part) >= LARGE_BYTES:
            del part
            self.flush()

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._sink.write(rest) or 0 :]
