"""Threads and processes at one capture: who may go on, who waits, and when it can be closed."""

from __future__ import annotations

import os
from threading import RLock, get_ident
from typing import TYPE_CHECKING, TypeVar

from sockfilter.errors import Busy, Closed

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Turns:
    """Lets one thread at a time do something with a capture; a child of fork, which shares its memory, nothing.

    A thread may look at it in the middle of something: in emit, in a signal handler. close() waits for other threads;
    where its own is in the middle of something, that is brought to its end first.

    Args:
        end: ends the capture. It is called once, when no thread does anything, or sleeps, in it.

    Attributes:
        wake_fd: readable once close() was called; who sleeps is to wake up then.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._process = os.getpid()
        self._sleep = RLock()  # taken before _lock where both are
        self._sleeper = 0  # the thread that has it
        self._lock = RLock()
        self._depth = 0  # calls of the thread that has it, one within the other
        self._is_asked_to_end = False
        self._is_due = False  # put off
        self._has_ended = False
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    @property
    def is_here(self) -> bool:
        """Whether this is the process that made it."""
        return os.getpid() == self._process

    def check_process(self) -> None:
        """Raises Closed in a child of fork."""
        if not self.is_here:
            raise Closed(f"the capture belongs to process {self._process}; open another in this one")

    def do(self, work: Callable[[], Result]) -> Result:
        """Calls it when it is this thread's turn. Raises Closed in a child of fork, where the others do not exist."""
        self.check_process()
        try:
            with self._lock:  # itself, and no context manager in Python: an interrupt cannot come between
                self._depth += 1
                try:
                    return work()
                finally:
                    self._depth -= 1
        finally:
            if self._is_due:
                self.close()

    def do_alone(self, work: Callable[[], Result]) -> Result:
        """The same. Raises Busy where this thread is in the middle of something."""
        return self.do(lambda: self._alone(work))

    def sleep(self, wait: Callable[[float], None], timeout_s: float) -> None:
        """Sleeps, while others have their turns. Returns early where another thread slept already and has woken up.

        Args:
            wait: sleeps so many seconds, or until wake_fd is readable.
            timeout_s: seconds.
        """
        if not self._sleep.acquire(blocking=False):
            if self._sleep.acquire(timeout=timeout_s):
                self._sleep.release()
            return
        try:
            self._sleeper = get_ident()
            if not self._is_asked_to_end:
                wait(timeout_s)
        finally:
            self._sleeper = 0
            self._sleep.release()
        if self._is_due:
            self.close()

    def close(self) -> None:
        """Ends the capture, now or when this thread has come out of what it is at."""
        with self._lock:
            if self._has_ended:
                return
            self._is_asked_to_end = True
            os.eventfd_write(self.wake_fd, 1)
            if self._depth or self._sleeper == get_ident():
                self._is_due = True
                return
        with self._sleep, self._lock:
            if self._has_ended:
                return
            self._has_ended = True
            self._depth = 1
            try:
                self._end()
            finally:
                self._depth = 0
                self.release()

    def release(self) -> None:
        """Closes the descriptor."""
        fd, self.wake_fd = self.wake_fd, -1
        if fd >= 0:
            os.close(fd)

    def _alone(self, work: Callable[[], Result]) -> Result:
        if self._depth > 1:
            raise Busy("this cannot be called inside emit; call it after emit has returned")
        return work()
