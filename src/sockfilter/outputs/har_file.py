"""HAR files: complete after each batch, and private."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.outputs.capture_file import CaptureFile, fail_writing
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.file_end import FileEnd
from sockfilter.outputs.har import HarOutput

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.outputs.fan import OutputSource
    from sockfilter.outputs.har import Pieces
    from sockfilter.outputs.har_text import HarText


class EndedFile(CaptureFile):
    """A private file that is complete at any moment, if it is a regular one. A pipe gets its end when it is closed."""

    def __init__(self, path: str, owner: tuple[int, int] | None = None, spared: tuple[int, int] | None = None) -> None:
        super().__init__(path, owner, spared)
        self._end = FileEnd(self._fd) if self._is_regular else None

    def add(self, pieces: Pieces) -> None:
        """Adds pieces, each with its end. Raises CaptureFileError, and BrokenPipeError as write() does."""
        if self._end is None:
            self.write(memoryview(b"".join(data for data, _ in pieces)))
            return
        try:
            self._end.write(pieces)
        except OSError as error:
            fail_writing(self.path, error)

    def finish(self, pieces: Pieces) -> None:
        """Adds the last pieces, and closes the file. Raises the same errors."""
        try:
            self.add(pieces)
            if self._end is None:
                self.write(memoryview(pieces[-1][1]))
            else:
                self._end.leave()
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            fail_writing(self.path, error)
        finally:
            self.close()


class HarFile(Member, Closing):
    """Writes exchanges to a HAR file that only its owner may read. It is complete after each batch.

    Args:
        path: the path of the file.
        text: makes the text.
        owner: the user and group that the file is given to. None: those of this process.
        limit: the number of exchanges to write. None: all.
        messages: whether to write messages of WebSockets.
    """

    name = "HAR file"

    def __init__(
        self,
        path: str,
        text: HarText,
        owner: tuple[int, int] | None = None,
        limit: int | None = None,
        *,
        messages: bool = True,
    ) -> None:
        self.wants = Wants.EXCHANGES | Wants.MESSAGES if messages else Wants.EXCHANGES
        self._path, self._text, self._owner, self._left = path, text, owner, limit
        self._output: HarOutput | None = None

    def begin(self, source: OutputSource) -> None:
        """Creates the file. Raises CaptureFileError."""
        self._output = HarOutput(EndedFile(self._path, self._owner, source.identity), self._text)
        self._output.flush()

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange. Raises CaptureFileError."""
        if self._output is not None and self._left != 0:
            self._output.write(exchange)
            self._left = None if self._left is None else self._left - 1

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message. Raises CaptureFileError."""
        if self._output is not None and self._left != 0:
            self._output.write_message(message)
            self.missed = self._output.missed

    def flush(self) -> None:
        """Writes what was added. Raises CaptureFileError."""
        if self._output is not None:
            self._output.flush()

    def close(self) -> None:
        """Writes the rest and closes the file. Raises CaptureFileError."""
        if self._output is not None:
            self._output.close()
