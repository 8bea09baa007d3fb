"""Writes exchanges as an HTTP archive (HAR), which browsers and other tools open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from sockfilter.errors import Closed
from sockfilter.forms.large import LARGE_BYTES, has_large_body
from sockfilter.outputs.output import Output

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.outputs.har_text import HarText
    from sockfilter.outputs.output import ByteSink


# text, and what must follow it until more comes
Pieces: TypeAlias = "list[tuple[bytes, bytes]]"


class EndedSink(Protocol):
    """Takes the text of a HAR file."""

    def add(self, pieces: Pieces) -> None:
        """Adds pieces, each with what makes the file complete until more comes. Raises OSError and SockfilterError."""

    def finish(self, pieces: Pieces) -> None:
        """Adds the last pieces. Raises the same errors."""


class StreamSink:
    """Passes a HAR file on to where only the last end can be written, such as a pipe.

    Args:
        sink: receives the bytes.
    """

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink

    def add(self, pieces: Pieces) -> None:
        """Writes the data. Raises OSError and SockfilterError."""
        self._write(b"".join(data for data, _ in pieces))

    def finish(self, pieces: Pieces) -> None:
        """Writes the data and the last end. Raises OSError and SockfilterError."""
        self._write(b"".join([*(data for data, _ in pieces), pieces[-1][1]]))

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._sink.write(rest) or 0 :]


class HarOutput(Output):
    """Writes exchanges as a HAR file.

    Args:
        sink: receives the text.
        text: makes the text.
    """

    has_bodies = True

    def __init__(self, sink: EndedSink, text: HarText) -> None:
        self._har_sink = sink
        self._text = text
        self._size = 0  # bytes of bodies that wait for flush()
        self._is_closed = False
        self.lines_taken = 0

    @property
    def missed(self) -> int:
        """The number of messages for which there was no room in their entry."""
        return self._text.missed

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange; flush() writes it. A large one is written at once, which may raise OSError."""
        if self._is_closed:
            raise Closed("the HAR file is closed: nothing more can be written to it")
        self._text.add(exchange)
        for message in (exchange.request, exchange.response):
            self._size += 0 if message is None else len(message.body)
        if self._size >= LARGE_BYTES or has_large_body(exchange):
            self.flush()

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message of a WebSocket to the entry of its exchange."""
        if not self._is_closed:
            self._text.add_message(message)

    def flush(self) -> None:
        """Writes what was added. Raises OSError."""
        if not self._is_closed and self._text.has_more:
            self._size = 0
            self._har_sink.add(self._text.take())

    def close(self) -> None:
        """Writes the rest. May be repeated. Raises OSError."""
        if not self._is_closed:
            self._is_closed = True
            self._har_sink.finish(self._text.take())
