"""Standard output: it may be full, slow, or have nobody at the other end."""

from __future__ import annotations

import fcntl
import os
import select
import stat
import sys

from sockfilter.cli.descriptors import STDOUT
from sockfilter.errors import SockfilterError


class OutputError(SockfilterError):
    """Standard output takes no more: make room, or redirect it."""


def flush() -> None:
    """Sends on what was printed. Raises OutputError and BrokenPipeError."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _failed(error) from error


class StandardOutput:
    """Standard output as a file of bytes: unbuffered, and all or nothing."""

    def __init__(self) -> None:
        # of a pipe that can only be written to, poll() says when its reader goes away; a terminal has keys to tell of
        is_one_way = fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        self.is_pipe = is_one_way and stat.S_ISFIFO(os.fstat(STDOUT).st_mode)
        self._poll = select.poll()
        self._poll.register(STDOUT, 0)

    def write(self, data: memoryview | bytes) -> int:
        """Writes all of it, waiting for room where there is none.

        Raises OutputError, and BrokenPipeError where the reader has gone.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(STDOUT, rest) :]
            except BlockingIOError:  # whoever started us left it like this
                select.select((), (STDOUT,), ())
            except BrokenPipeError:
                raise
            except OSError as error:
                raise _failed(error) from error
        return len(data)

    def check_reader(self) -> None:
        """Raises BrokenPipeError where nobody will read the pipe: there may be nothing to write for long."""
        if self.is_pipe and self._poll.poll(0):
            raise BrokenPipeError


def _failed(error: OSError) -> OutputError:
    return OutputError(f"writing to standard output: {error.strerror}")
