"""The files that are kept for a failing test: the frames, and the exchanges as JSON lines."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.outputs.capture_file import CaptureFile
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.road.frames import Frames

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.outputs.fan import OutputSource

# The number of characters of the test's name in the file's name. The end of the name identifies the test.
NAME_MAX = 150


class Tap(Member):
    """Forwards a capture's frames to a target that may change from test to test. Initially there is none.

    Attributes:
        target: receives the frames. None: the frames are dropped.
    """

    name = "frames"
    wants = Wants.FRAMES

    def __init__(self) -> None:
        self.target: Frames | None = None

    def begin(self, source: OutputSource) -> None:
        """Stores the source of the frames."""
        self.source = source

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Forwards a batch of records."""
        if self.target is not None:
            self.target.take(view, offsets)

    def flush(self) -> None:
        """Flushes the file that is being written."""
        if self.target is not None:
            self.target.flush()

    def close(self) -> None:
        """Closes the file that is being written."""
        if self.target is not None:
            self.target.close()
        self.target = None


class Evidence:
    """The files of one test: written from its start, and kept if it fails.

    Args:
        tap: delivers the frames.
        directory: the directory of the files. It is created if it does not exist.
        test: the name of the test.
        number: the number of the wire in the test, from 0.

    Raises:
        CaptureFileError: the files cannot be created.
    """

    def __init__(self, tap: Tap, directory: str, test: str, number: int) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", test)[-NAME_MAX:] + (f".{number}" if number else "")
        self._tap = tap
        self._frames_path = os.path.join(directory, f"{name}.pcapng")
        self._lines_path = os.path.join(directory, f"{name}.jsonl")
        self._is_kept = False
        for old in (self._frames_path, self._lines_path):
            with suppress(OSError):  # a file of an earlier run; if another user owns it, writing reports the error
                os.unlink(old)
        self._frames = Frames(self._frames_path)
        self._frames.begin(tap.source)
        tap.target = self._frames

    def keep(self, exchanges: list[Exchange], messages: list[StreamMessage]) -> str:
        """Keeps the frames, and writes exchanges and messages with secrets masked. Returns the text for the report."""
        self._is_kept = True
        self._frames.flush()
        with CaptureFile(self._lines_path) as lines:
            output = JsonOutput(lines, bodies=True)
            for exchange in exchanges:
                output.write(exchange)
            for message in messages:
                output.write_message(message)
            output.flush()
        return f"{self._frames_path}\n{self._lines_path}"

    def close(self) -> None:
        """Closes the files. Deletes them unless they are kept."""
        if self._tap.target is self._frames:
            self._tap.target = None
        self._frames.close()
        if not self._is_kept:
            with suppress(OSError):
                os.unlink(self._frames_path)
