"""Signals: noted when they come, acted on between two batches."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While this is entered, SIGINT, SIGTERM and SIGHUP ask for the end, and SIGUSR1 for the ledger.

    Args:
        until_exit: the process ends behind this; then they are ignored, not given back.

    Attributes:
        end_asked, ledger_asked: whether one came; whoever acts on it takes it back.
        end_number: which one asked for the end.
        fd: becomes readable when one comes, so that a wait ends.
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
        # a handler runs between two bytecodes; the byte it leaves in the pipe ends a wait in the kernel
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*ENDING, signal.SIGUSR1):
            if signal.getsignal(number) is signal.SIG_IGN and number == signal.SIGHUP:
                continue  # nohup
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            # the work is done: one that comes while Python ends must not change the exit status
            signal.signal(number, signal.SIG_IGN if self._until_exit else handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.fd)
        os.close(self._write)

    @property
    def ignored_before(self) -> list[int]:
        """Those that are noted here, and that whoever started this process had it ignore."""
        return [number for number, handler in self._before.items() if handler is signal.SIG_IGN]

    @property
    def end_name(self) -> str:
        """The name of the signal that asked for the end."""
        return signal.Signals(self.end_number).name

    def take_ledger_asked(self) -> bool:
        """Whether the ledger was asked for since the last call."""
        asked, self.ledger_asked = self.ledger_asked, False
        return asked

    def drain(self) -> None:
        """Empties the pipe, so that the next wait is one."""
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
            # asked twice: whatever is going on has had its time. Once more must not disturb what then cleans up.
            self._end_forced = True
            raise KeyboardInterrupt
