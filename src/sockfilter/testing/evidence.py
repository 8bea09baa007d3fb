"""What is kept of a failing test: the frames that crossed, and the exchanges as JSON lines."""

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
    from sockfilter.model import Exchange
    from sockfilter.outputs.fan import OutputSource

# characters of a file's name that come from the test's; the end of it says which test it is
NAME_MAX = 150


class Tap(Member):
    """Where a capture's frames go, which may change from test to test; nowhere, to begin with.

    Attributes:
        target: takes them; None: nobody does.
    """

    name = "frames"
    wants = Wants.FRAMES

    def __init__(self) -> None:
        self.target: Frames | None = None

    def begin(self, source: OutputSource) -> None:
        """Takes note of where they come from."""
        self.source = source

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records."""
        if self.target is not None:
            self.target.take(view, offsets)

    def flush(self) -> None:
        """Sends on what has been written."""
        if self.target is not None:
            self.target.flush()

    def close(self) -> None:
        """Ends the file that is being written."""
        if self.target is not None:
            self.target.close()
        self.target = None


class Evidence:
    """The files of one test: written from the start, kept where it fails.

    Args:
        tap: gives the frames.
        directory: where the files are; made where it is not there.
        test: its name.
        number: of the wire in the test, from 0.

    Raises:
        CaptureFileError: they cannot be made.
    """

    def __init__(self, tap: Tap, directory: str, test: str, number: int) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        name = re.sub(r"[^\w.-]+", "_", test)[-NAME_MAX:] + (f".{number}" if number else "")
        self._tap = tap
        self._frames_path = os.path.join(directory, f"{name}.pcapng")
        self._lines_path = os.path.join(directory, f"{name}.jsonl")
        self._is_kept = False
        for old in (self._frames_path, self._lines_path):
            with suppress(OSError):  # of the last run, perhaps another user's: writing says what is in the way
                os.unlink(old)
        self._frames = Frames(self._frames_path)
        self._frames.begin(tap.source)
        tap.target = self._frames

    def keep(self, exchanges: list[Exchange]) -> str:
        """Keeps the frames, and writes the exchanges with their secrets masked. Returns what to say of it."""
        self._is_kept = True
        self._frames.flush()
        with CaptureFile(self._lines_path) as lines:
            output = JsonOutput(lines, bodies=True)
            for exchange in exchanges:
                output.write(exchange)
            output.flush()
        return f"{self._frames_path}\n{self._lines_path}"

    def close(self) -> None:
        """Ends the files; they go, where they were not kept."""
        if self._tap.target is self._frames:
            self._tap.target = None
        self._frames.close()
        if not self._is_kept:
            with suppress(OSError):
                os.unlink(self._frames_path)
