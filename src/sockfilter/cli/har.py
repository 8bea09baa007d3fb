"""An HTTP archive on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.file_end import FileEnd
from sockfilter.outputs.har import StreamSink

if TYPE_CHECKING:
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.outputs.har import Pieces


class HarStandardOutput:
    """Takes the text of the archive. If standard output is a file, the file is complete at any moment.

    Args:
        sink: standard output.
    """

    def __init__(self, sink: StandardOutput) -> None:
        self._sink = sink
        start = sink.offset()
        self._end = None if start is None else FileEnd(sink.fileno(), start)
        self._stream = StreamSink(sink)

    def add(self, pieces: Pieces) -> None:
        """Adds pieces, each with its end. Raises OutputError, BrokenPipeError and Stalled."""
        if self._end is None:
            self._stream.add(pieces)
        else:
            with self._sink.errors():
                self._end.write(pieces)

    def finish(self, pieces: Pieces) -> None:
        """Adds the last pieces. Raises the same errors."""
        if self._end is None:
            self._stream.finish(pieces)
            return
        self.add(pieces)
        with self._sink.errors():
            self._end.leave()
