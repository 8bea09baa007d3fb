"""The command after `--`: it runs beside the capture, and its exit status becomes the exit status of the capture."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from sockfilter.captures.command import PausedCommand
from sockfilter.cli import privileges

if TYPE_CHECKING:
    from sockfilter.captures.command import Identity
    from sockfilter.cli.signals import Signals

# A shell's exit status for a command that a signal ended is this number plus the signal's.
SIGNALLED = 128


class Child:
    """A command that has been started and waits for release().

    Args:
        command: its words.
        signals: the signals of this process. A signal that requests the end is passed on; ignored signals stay ignored.
        identity: the user that the command runs as when root starts it. None: the user of this process.

    Raises:
        NoSuchCommand: no command has that name.
        CommandNotExecutable: the command exists and may not be executed.
    """

    def __init__(self, command: tuple[str, ...], signals: Signals, identity: Identity | None = None) -> None:
        privileges.keep_from_programs()
        self._held = PausedCommand(command, identity, signals.ignored_before)
        self._signals = signals
        self._is_told = self._is_left = False
        self.pid = self._held.process.pid
        self._fd = os.pidfd_open(self.pid)

    def fileno(self) -> int:
        """Returns a descriptor that is readable once the command has ended."""
        return self._fd

    def release(self) -> None:
        """Lets the command begin."""
        self._held.release()

    def drop(self) -> None:
        """Ends the command before it begins."""
        self._held.drop()
        self._held.process.wait()
        self.close()

    def has_ended(self) -> bool:
        """Returns whether the command has ended. Passes on a request to end; Ctrl-C reaches the command by itself."""
        process, number = self._held.process, self._signals.end_number
        if self._signals.end_asked and not self._is_told:
            self._is_told = True
            if number != signal.SIGINT:
                try:
                    process.send_signal(number)
                except PermissionError:
                    # The command runs as root and this process has given up its rights, so the command continues alone.
                    self._is_left = True
        return self._is_left or process.poll() is not None

    def close(self) -> None:
        """Closes the descriptor; the command continues."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def status(self) -> int:
        """Returns the exit status of the command, once it has ended."""
        self.close()
        if self._is_left:
            return SIGNALLED + self._signals.end_number
        status = self._held.process.wait()
        return status if status >= 0 else SIGNALLED - status
