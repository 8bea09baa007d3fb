"""The terminal of the screen: standard output, so that standard error stays free for the lines of the capture."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from types import TracebackType

# bytes of what is said that are kept until the screen ends
SAID_MAX = 64 << 10
STDERR = 2


class OutputDriver(LinuxDriver):
    """Draws on standard output. Textual's own draws on standard error."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stdout__ is not None  # the command has seen that it is a terminal
        self._file = sys.__stdout__


class SaidLines:
    """Collects what is written to standard error while the screen is there. It is written at the end.

    Writing never waits: what finds the pipe full is lost.
    """

    def __enter__(self) -> SaidLines:
        self._read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._before = os.dup(STDERR)
        os.dup2(write, STDERR)
        os.close(write)
        self._rest = b""
        self._all = b""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.take()
        os.dup2(self._before, STDERR)
        os.close(self._before)
        os.close(self._read)
        if self._all:
            os.write(STDERR, self._all)

    def take(self) -> list[str]:
        """Returns the lines since the last call."""
        while True:
            try:
                data = os.read(self._read, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                break
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        self._all = (self._all + b"".join(line + b"\n" for line in lines))[-SAID_MAX:]
        return [line.decode("utf-8", "replace").removeprefix("sockfilter: ") for line in lines if line]
