"""Carries JSON lines from the capture to the process that serves the page, and never makes the capture wait.

A line that begins with a mark says something about the capture; all others are lines of JSON.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.outputs.pipe import WaitingPipe

if TYPE_CHECKING:
    from collections.abc import Callable

ENDED = b"!ended\n"
MISSED = b"!missed "


class LinePipe(WaitingPipe):
    """The end of the pipe that the capture writes to.

    Args:
        fd: its descriptor.
        waits: whether to wait for room, as a capture file can.
        gone: is called if the server ends by itself.

    Attributes:
        missed: how many lines found no room, or no server.
    """

    def __init__(self, fd: int, *, waits: bool, gone: Callable[[], object] = lambda: None) -> None:
        super().__init__(fd, waits=waits, gone=gone)
        self.missed = 0
        self._told = 0

    def write(self, data: memoryview) -> int:
        """Takes lines, or parts of one. Lines that find no room are dropped and counted."""
        if not self.is_gone and self.has_room(len(data)):
            self._waiting += data
        else:
            self.missed += bytes(data).count(b"\n")
        return len(data)

    def push(self) -> None:
        """Passes on what waits, as far as there is room."""
        if self.missed != self._told and not self._waiting:
            self._told = self.missed
            self._waiting += b"%b%d\n" % (MISSED, self.missed)
        super().push()

    def end(self) -> None:
        """Says that nothing follows. The server goes on until close()."""
        if self.is_gone:
            return
        os.set_blocking(self._fd, True)
        self._waiting += ENDED
        self.push()

    def _leave(self) -> None:
        self.missed += sum(not line.startswith(b"!") for line in self._waiting.splitlines())
        super()._leave()
