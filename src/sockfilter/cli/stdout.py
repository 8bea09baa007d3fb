"""Standard output: it may be full, slow, or have no reader."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sockfilter.cli.descriptors import STDOUT
from sockfilter.errors import SockfilterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.cli.signals import Signals

# Seconds that a reader has to make room after the end was requested. They start anew when it makes room.
PATIENCE_S = 1.0
INT_BYTES = 4


class OutputError(SockfilterError):
    """Standard output cannot be written: make room, or redirect it."""


class Stalled(SockfilterError):
    """The end was requested and standard output has no active reader: what was not written is dropped."""


def flush() -> None:
    """Flushes what was printed. Raises OutputError and BrokenPipeError."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error) from error


def wants_colour(choice: str) -> bool:
    """Returns whether to use colours. An empty NO_COLOR counts as unset (https://no-color.org).

    Args:
        choice: "always", "never", or "auto".
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or os.isatty(STDOUT)


def columns() -> int | None:
    """Returns the current number of columns of the terminal. None: it is unknown, or the output is not a terminal."""
    try:
        return os.get_terminal_size(STDOUT).columns or None
    except OSError:
        return None


class StandardOutput:
    """Standard output as an unbuffered file of bytes; a write takes all bytes or raises.

    Args:
        signals: signals that end a wait for room. None: the wait has no limit.
    """

    def __init__(self, signals: Signals | None = None) -> None:
        # poll() reports when the reader of a write-only pipe goes away. On a terminal it would also report input.
        is_one_way = fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        status = os.fstat(STDOUT)
        mode = status.st_mode
        self.is_pipe = is_one_way and stat.S_ISFIFO(mode)
        # Device and inode.
        self.identity = status.st_dev, status.st_ino
        self._poll = select.poll()
        self._poll.register(STDOUT, 0)
        self._signals = signals
        self._pipe_bytes = fcntl.fcntl(STDOUT, fcntl.F_GETPIPE_SZ) if stat.S_ISFIFO(mode) else 0
        self._is_regular = stat.S_ISREG(mode)
        self._takes_all = self._is_regular or (stat.S_ISCHR(mode) and not os.isatty(STDOUT))
        self._room = select.poll()
        self._room.register(STDOUT, select.POLLOUT)
        self._room_or_signal = select.poll()
        self._room_or_signal.register(STDOUT, select.POLLOUT)
        if signals is not None:
            self._room_or_signal.register(signals.fd, select.POLLIN)
        self._is_stalled = False

    def fileno(self) -> int:
        """Returns the descriptor."""
        return STDOUT

    def offset(self) -> int | None:
        """Returns the offset of the next byte, in a regular file that can be written at any offset. None: it cannot."""
        is_appended = fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_APPEND
        return None if is_appended or not self._is_regular else os.lseek(STDOUT, 0, os.SEEK_CUR)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns errors of the file system into those of write(). Raises OutputError."""
        try:
            yield
        except OSError as error:
            raise _failed(error) from error

    def write(self, data: memoryview | bytes) -> int:
        """Writes all bytes and waits for room if there is none.

        Raises OutputError; BrokenPipeError if the reader has gone; and Stalled once, after which all data is dropped.
        """
        rest = memoryview(data)
        while rest and not self._is_stalled:
            try:
                part = rest if self._takes_all else self._part(rest)
                rest = rest[os.write(STDOUT, part) :]
            except BlockingIOError:  # the descriptor was inherited as non-blocking; others may write to it
                pass
            except BrokenPipeError:
                raise
            except OSError as error:
                raise _failed(error) from error
        return len(data)

    def _part(self, rest: memoryview) -> memoryview:
        """Waits for room and returns a part that can be written without blocking, in whole lines where possible."""
        at_once = self._pipe_bytes
        if not (at_once and _is_empty()):
            self._await_room()
            at_once = select.PIPE_BUF
        if len(rest) <= at_once:
            return rest
        # A pipe takes up to PIPE_BUF bytes atomically (POSIX, write), so an end in between does not cut a shorter line.
        end = bytes(rest[:at_once]).rfind(b"\n") + 1
        return rest[: end or at_once]

    def _await_room(self) -> None:
        if self._signals is None:
            self._room.poll()
            return
        while not self._room.poll(0):
            if not self._signals.end_asked:
                self._room_or_signal.poll()
                self._signals.drain()
            elif not self._room.poll(PATIENCE_S * 1000):
                self._is_stalled = True
                raise Stalled("standard output is full and nobody reads it: the rest was dropped")

    def check_reader(self) -> None:
        """Raises BrokenPipeError if the pipe has no reader. A capture may have nothing to write for a long time."""
        if self.is_pipe and self._poll.poll(0):
            raise BrokenPipeError


def _is_empty() -> bool:
    """Returns whether the reader has read everything in the pipe."""
    return not any(fcntl.ioctl(STDOUT, termios.FIONREAD, bytes(INT_BYTES)))


def _failed(error: OSError) -> OutputError:
    return OutputError(f"writing to standard output: {error.strerror}")
