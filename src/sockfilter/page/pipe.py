"""Carries JSON lines from the capture to the process that serves the page, and never makes the capture wait.

A line that begins with a mark says something about the capture; all others are lines of JSON.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from sockfilter.closing import Closing

# fcntl.F_SETPIPE_SZ is missing before Python 3.10 and on some systems
SET_SIZE = 1031
# Bytes of the pipe: what the kernel gives to users without rights. The server needs a fraction of a second for them.
PIPE_BYTES = 1 << 20
# Bytes that wait for room in the pipe, if the server is slower for some seconds. Lines that find none are counted.
WAITING_MAX = 16 << 20
ENDED = b"!ended\n"
MISSED = b"!missed "


class LinePipe(Closing):
    """The end of the pipe that the capture writes to.

    Args:
        fd: its descriptor.
        waits: whether to wait for room, as a capture file can.

    Attributes:
        missed: how many lines found no room.
    """

    def __init__(self, fd: int, *, waits: bool) -> None:
        self._fd = fd
        self._waits = waits
        self._waiting = bytearray()
        self.missed = 0
        self._told = 0
        self._is_gone = False
        with suppress(OSError):
            fcntl.fcntl(fd, SET_SIZE, PIPE_BYTES)
        os.set_blocking(fd, waits)

    def write(self, data: memoryview) -> int:
        """Takes lines, or parts of one. Lines that find no room are dropped and counted."""
        if self._is_gone:
            return len(data)
        if len(self._waiting) + len(data) > WAITING_MAX and not self._waits:
            self.push()
            if len(self._waiting) + len(data) > WAITING_MAX:
                self.missed += bytes(data).count(b"\n")
                return len(data)
        self._waiting += data
        return len(data)

    def push(self) -> None:
        """Passes on what waits, as far as there is room."""
        if self.missed != self._told and not self._waiting:
            self._told = self.missed
            self._waiting += b"%b%d\n" % (MISSED, self.missed)
        try:
            while self._waiting:
                with memoryview(self._waiting) as view:
                    count = os.write(self._fd, view[:PIPE_BYTES])
                del self._waiting[:count]
        except BlockingIOError:
            pass
        except OSError:  # the server has ended: the capture goes on without it
            self._is_gone = True
            self._waiting.clear()

    def end(self) -> None:
        """Says that nothing follows. The server goes on until close()."""
        os.set_blocking(self._fd, True)
        self._waiting += ENDED
        self.push()

    def close(self) -> None:
        """Closes the pipe, which ends the server. May be repeated."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
