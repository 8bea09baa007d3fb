"""A report: the page and the exchanges in one HTML file, which needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.har import StreamSink
from sockfilter.outputs.har_file import EndedFile
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.page.chunks import Chunks
from sockfilter.page.document import ReportDocument

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.outputs.fan import OutputSource
    from sockfilter.outputs.har import EndedSink
    from sockfilter.outputs.output import ByteSink

# Lines of a report: what the page can hold. The last ones are kept out, and counted.
LINES_MAX = 100_000


class ReportFile(Member, Closing):
    """Writes exchanges to a report that only its owner may read. It is complete after each chunk.

    Args:
        target: the path of the file, or what takes its bytes.
        about: what the front end must know.
        owner: the user and group that the file is given to. None: those of this process.
        limit: the number of exchanges to write. None: all.
        bodies: whether to write what was kept of bodies.
        show_secrets: whether to show secrets instead of masking them.
        messages: whether to write messages of streams.
    """

    name = "report"

    def __init__(
        self,
        target: str | ByteSink,
        about: dict[str, Any],
        owner: tuple[int, int] | None = None,
        limit: int | None = None,
        *,
        bodies: bool = True,
        show_secrets: bool = False,
        messages: bool = True,
    ) -> None:
        self.wants = Wants.EXCHANGES | Wants.MESSAGES if messages else Wants.EXCHANGES
        self._target, self._owner, self._left = target, owner, limit
        self._document = ReportDocument(about)
        self._chunks = Chunks(self._write_chunk)
        self._output = JsonOutput(self._chunks, bodies=bodies, show_secrets=show_secrets)
        self._file: EndedSink | None = None
        self._lines = 0

    def begin(self, source: OutputSource) -> None:
        """Creates the file. Raises CaptureFileError."""
        target = self._target
        if isinstance(target, str):
            self._file = EndedFile(target, self._owner, source.identity)
        else:
            self._file = StreamSink(target)
        self._add(self._document.start.encode())

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange. Raises CaptureFileError."""
        if self._left == 0 or not self._has_room():
            return
        self._output.write(exchange)
        self._left = None if self._left is None else self._left - 1

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message. Raises CaptureFileError."""
        if self._left != 0 and self._has_room():
            self._output.write_message(message)

    def flush(self) -> None:
        """Writes the chunks that are full. Raises CaptureFileError."""
        self._output.flush()

    def close(self) -> None:
        """Writes the rest and closes the file. May be repeated. Raises CaptureFileError."""
        if self._file is None:
            return
        try:
            self._output.flush()
            self._chunks.finish()
        finally:
            file, self._file = self._file, None
            file.finish([(b"", self._end)])

    def _has_room(self) -> bool:
        if self._lines == LINES_MAX:
            self.missed += 1
            return False
        self._lines += 1
        return True

    def _write_chunk(self, content: bytes, lines: int) -> None:
        self._add(b"".join(self._document.chunk(content)))

    def _add(self, data: bytes) -> None:
        if self._file is not None:
            self._file.add([(data, self._end)])

    @property
    def _end(self) -> bytes:
        return self._document.end({"left_out": self.missed}).encode()
