"""A terminal for the command to write to."""

from __future__ import annotations

import fcntl
import os
import termios
from struct import pack
from typing import TYPE_CHECKING

from tests.support.command import Lines

if TYPE_CHECKING:
    from types import TracebackType


class Terminal:
    """A terminal, with a thread for a person in front of it. Its end for the command is fd."""

    def __enter__(self) -> Terminal:
        self._master, self.fd = os.openpty()
        # as it is written, without a carriage return before each end of line
        attributes = termios.tcgetattr(self.fd)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
        self._lines = Lines(open(self._master, "rb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.all()

    def resize(self, columns: int) -> None:
        """Makes it so wide, as a person does who draws its edge."""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, pack("HHHH", 24, columns, 0, 0))

    def next(self) -> str:
        """The next line; waits for it."""
        return self._lines.next()

    def all(self) -> bytes:
        """All that was shown; ends the terminal."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            self._shown = self._lines.all()
        return self._shown
