"""The writing end of a pipe to a process beside the capture, which never makes the capture wait."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from sockfilter.closing import Closing

# fcntl.F_SETPIPE_SZ is missing before Python 3.10 and on some systems
SET_SIZE = 1031
# Bytes of the pipe: what the kernel gives to users without rights. The other process reads them in a fraction of a
# second.
PIPE_BYTES = 1 << 20
# Bytes that wait for room in the pipe, if the other process is slower for some seconds.
WAITING_MAX = 16 << 20


class WaitingPipe(Closing):
    """Keeps what finds no room in the pipe until push().

    Args:
        fd: its descriptor.
        waits: whether to wait for room, as a capture file can.

    Attributes:
        is_gone: whether the other process has ended.
    """

    def __init__(self, fd: int, *, waits: bool) -> None:
        self._fd = fd
        self._waits = waits
        self._waiting = bytearray()
        self.is_gone = False
        with suppress(OSError):
            fcntl.fcntl(fd, SET_SIZE, PIPE_BYTES)
        os.set_blocking(fd, waits)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes may wait too."""
        if len(self._waiting) + size > WAITING_MAX:
            self.push()
        return len(self._waiting) + size <= WAITING_MAX or (self._waits and not self._waiting)

    def push(self) -> None:
        """Passes on what waits, as far as there is room."""
        try:
            while self._waiting:
                with memoryview(self._waiting) as view:
                    count = os.write(self._fd, view[:PIPE_BYTES])
                del self._waiting[:count]
        except BlockingIOError:
            pass
        except OSError:  # the other process has ended: the capture goes on without it
            self.is_gone = True
            self._waiting.clear()

    def close(self) -> None:
        """Closes the pipe, which ends the other process. May be repeated."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
