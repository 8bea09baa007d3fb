"""Signals: a handler records them, and the main loop acts on them between two batches."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While this context is active, SIGINT, SIGTERM and SIGHUP request the end, and SIGUSR1 requests the ledger.

    Args:
        until_exit: the process exits after this context: signals are then ignored, not restored.

    Attributes:
        end_asked, ledger_asked: whether such a signal came. The code that acts on it resets it.
        end_number: the number of the signal that requested the end.
        fd: becomes readable when a signal comes, so that a wait ends.
    """

    def __init__(self, *, until_exit: bool = False) -> None:
        self._until_exit = until_exit
        self.end_asked = False
        self.end_number = signal.SIGTERM
        self._end_forced = False
        self.ledger_asked = False
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Signals:
        # A handler runs between two bytecodes. The byte that it writes to the pipe ends a wait in the kernel.
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*ENDING, signal.SIGUSR1):
            if signal.getsignal(number) is signal.SIG_IGN and number == signal.SIGHUP:
                continue  # as nohup sets it
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            # The work is done: a signal while Python exits must not change the exit status.
            signal.signal(number, signal.SIG_IGN if self._until_exit else handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.fd)
        os.close(self._write)

    @property
    def ignored_before(self) -> list[int]:
        """The signals handled here that were ignored when this process was started."""
        return [number for number, handler in self._before.items() if handler is signal.SIG_IGN]

    @property
    def end_name(self) -> str:
        """The name of the signal that requested the end."""
        return signal.Signals(self.end_number).name

    def ask_for_end(self) -> None:
        """Requests the end, as a signal does. Any thread may call it."""
        self.end_asked = True
        with suppress(OSError):  # it is full, so that a wait ends anyway; or all is over
            os.write(self._write, b"\0")

    def take_ledger_asked(self) -> bool:
        """Returns whether the ledger was requested since the last call."""
        asked, self.ledger_asked = self.ledger_asked, False
        return asked

    def drain(self) -> None:
        """Empties the pipe, so that the next wait blocks."""
        try:
            while os.read(self.fd, 512):
                pass
        except BlockingIOError:
            pass

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self.ledger_asked = True
        elif not self.end_asked:
            self.end_asked = True
            self.end_number = signal.Signals(number)
        elif not self._end_forced:
            # A second request interrupts what is running. A third one must not disturb the cleanup that follows.
            self._end_forced = True
            raise KeyboardInterrupt
