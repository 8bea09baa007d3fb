"""The command behind --: it runs beside the capture, and its exit status becomes that of the capture."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from sockfilter.captures.command import PausedCommand
from sockfilter.cli import privileges

if TYPE_CHECKING:
    from sockfilter.captures.command import Identity
    from sockfilter.cli.signals import Signals

# what a shell says of who was ended by a signal
SIGNALLED = 128


class Child:
    """A command that has been started, and waits.

    Args:
        command: its words.
        signals: those of this process; what asks for the end is passed on, and what was ignored before stays ignored.
        identity: as whom root runs it; None: as this process.

    Raises:
        NoSuchCommand: there is none of that name.
        CommandNotExecutable: it is there, and may not be executed.
    """

    def __init__(self, command: tuple[str, ...], signals: Signals, identity: Identity | None = None) -> None:
        privileges.keep_from_programs()
        self._held = PausedCommand(command, identity, signals.ignored_before)
        self._signals = signals
        self._is_told = self._is_left = False
        self.pid = self._held.process.pid
        self._fd = os.pidfd_open(self.pid)

    def fileno(self) -> int:
        """Readable once it has ended."""
        return self._fd

    def release(self) -> None:
        """Lets it begin."""
        self._held.release()

    def drop(self) -> None:
        """It never begins."""
        self._held.drop()
        self._held.process.wait()
        self.close()

    def has_ended(self) -> bool:
        """Whether it has. Where this process was asked to end, it is asked too, and waited for; Ctrl-C reaches both."""
        process, number = self._held.process, self._signals.end_number
        if self._signals.end_asked and not self._is_told:
            self._is_told = True
            if number != signal.SIGINT:
                try:
                    process.send_signal(number)
                except PermissionError:
                    # it is root's, and this process has given up its rights: it goes on alone
                    self._is_left = True
        return self._is_left or process.poll() is not None

    def close(self) -> None:
        """Gives its descriptor back; the command goes on."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def status(self) -> int:
        """Its exit status, once it has ended."""
        self.close()
        if self._is_left:
            return SIGNALLED + self._signals.end_number
        status = self._held.process.wait()
        return status if status >= 0 else SIGNALLED - status
