"""Standard output: it may be full, slow, or have nobody at the other end."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys
import termios
from typing import TYPE_CHECKING

from sockfilter.cli.descriptors import STDOUT
from sockfilter.errors import SockfilterError

if TYPE_CHECKING:
    from sockfilter.cli.signals import Signals

# seconds that a reader has to make room once the end was asked for, again each time that it did
PATIENCE_S = 1.0
INT_BYTES = 4


class OutputError(SockfilterError):
    """Standard output takes no more: make room, or redirect it."""


class Stalled(SockfilterError):
    """The end was asked for, and nobody reads: what was not written is dropped."""


def flush() -> None:
    """Sends on what was printed. Raises OutputError and BrokenPipeError."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error) from error


def wants_colour(choice: str) -> bool:
    """Whether what goes there is to have colours; https://no-color.org: an empty NO_COLOR counts as none.

    Args:
        choice: "always", "never", or "auto".
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or os.isatty(STDOUT)


def columns() -> int | None:
    """How many columns the terminal there has now; None: it does not say, or is none."""
    try:
        return os.get_terminal_size(STDOUT).columns or None
    except OSError:
        return None


class StandardOutput:
    """Standard output as a file of bytes: unbuffered, and all or nothing.

    Args:
        signals: that end a wait for room; None: it waits for as long as it takes.
    """

    def __init__(self, signals: Signals | None = None) -> None:
        # of a pipe that can only be written to, poll() says when its reader goes away; a terminal has keys to tell of
        is_one_way = fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        status = os.fstat(STDOUT)
        mode = status.st_mode
        self.is_pipe = is_one_way and stat.S_ISFIFO(mode)
        # device and inode
        self.identity = status.st_dev, status.st_ino
        self._poll = select.poll()
        self._poll.register(STDOUT, 0)
        self._signals = signals
        self._pipe_bytes = fcntl.fcntl(STDOUT, fcntl.F_GETPIPE_SZ) if stat.S_ISFIFO(mode) else 0
        self._takes_all = stat.S_ISREG(mode) or (stat.S_ISCHR(mode) and not os.isatty(STDOUT))
        self._room = select.poll()
        self._room.register(STDOUT, select.POLLOUT)
        self._room_or_signal = select.poll()
        self._room_or_signal.register(STDOUT, select.POLLOUT)
        if signals is not None:
            self._room_or_signal.register(signals.fd, select.POLLIN)
        self._is_stalled = False

    def write(self, data: memoryview | bytes) -> int:
        """Writes all of it, waiting for room where there is none.

        Raises OutputError, BrokenPipeError where the reader has gone, and once Stalled, after which all is dropped.
        """
        rest = memoryview(data)
        while rest and not self._is_stalled:
            try:
                part = rest if self._takes_all else self._part(rest)
                rest = rest[os.write(STDOUT, part) :]
            except BlockingIOError:  # whoever started us left it like this, and others write too
                pass
            except BrokenPipeError:
                raise
            except OSError as error:
                raise _failed(error) from error
        return len(data)

    def _part(self, rest: memoryview) -> memoryview:
        """As much as there is room for, once there is: it can be written without a wait, and in whole lines."""
        at_once = self._pipe_bytes
        if not (at_once and _is_empty()):
            self._await_room()
            at_once = select.PIPE_BUF
        if len(rest) <= at_once:
            return rest
        # a pipe takes so much whole or not at all (POSIX, write): an end in between cuts no line that is shorter
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
        """Raises BrokenPipeError where nobody will read the pipe: there may be nothing to write for long."""
        if self.is_pipe and self._poll.poll(0):
            raise BrokenPipeError


def _is_empty() -> bool:
    """Whether all that is in the pipe has been read."""
    return not any(fcntl.ioctl(STDOUT, termios.FIONREAD, bytes(INT_BYTES)))


def _failed(error: OSError) -> OutputError:
    return OutputError(f"writing to standard output: {error.strerror}")
