"""The writing end of a pipe to a process beside the capture, which never makes the capture wait."""

from __future__ import annotations

import fcntl
import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Callable

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
        gone: is called if the other process ends by itself.

    Attributes:
        is_gone: whether the other process has ended.
    """

    def __init__(self, fd: int, *, waits: bool, gone: Callable[[], object] = lambda: None) -> None:
        self._fd = fd
        self._waits = waits
        self._gone = gone
        self._waiting = bytearray()
        self._end = select.poll()
        self._end.register(fd, 0)
        self.is_gone = False
        with suppress(OSError):
            fcntl.fcntl(fd, SET_SIZE, PIPE_BYTES)
        os.set_blocking(fd, waits)

    def fileno(self) -> int:
        """The descriptor, which is in an error state once the other process has ended."""
        return self._fd

    def has_room(self, size: int) -> bool:
        """Whether so many bytes may wait too."""
        if len(self._waiting) + size > WAITING_MAX:
            self.push()
        return len(self._waiting) + size <= WAITING_MAX or (self._waits and not self._waiting)

    def push(self) -> None:
        """Passes on what waits, as far as there is room."""
        try:
            while self._waiting and not self.is_gone:
                with memoryview(self._waiting) as view:
                    count = os.write(self._fd, view[:PIPE_BYTES])
                del self._waiting[:count]
        except BlockingIOError:
            pass
        except OSError:  # the other process has ended: the capture goes on without it
            self._leave()

    def check(self) -> None:
        """Notices that the other process has ended, also if nothing is to be passed on."""
        if not self.is_gone and self._fd >= 0 and self._end.poll(0):
            self._leave()

    def _leave(self) -> None:
        """Goes on without the other process."""
        self.is_gone = True
        self._waiting.clear()
        WaitingPipe.close(self)  # or whoever waits for the descriptor too would be woken for ever
        self._gone()

    def close(self) -> None:
        """Closes the pipe, which ends the other process. May be repeated."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
