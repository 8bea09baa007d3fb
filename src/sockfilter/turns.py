"""Access of several threads and processes to one capture, or its like: whose turn it is, and when it can be closed."""

from __future__ import annotations

import os
from threading import RLock, get_ident
from typing import TYPE_CHECKING, TypeVar

from sockfilter.errors import Busy, Closed

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Turns:
    """Lets one thread at a time work on a capture. A child of fork, which shares its memory, may not work on it.

    Code that interrupts such work in the same thread, in emit or in a signal handler, may look at the capture. close()
    waits for other threads. If its own thread is working, the work is finished first.

    Args:
        what: what it is, for messages.

    Attributes:
        wake_fd: becomes readable when close() is called, so that a sleeping thread wakes up.
    """

    def __init__(self, what: str = "the capture") -> None:
        self._what = what
        self._end: Callable[[], None] | None = None  # known from close() on: a circle would wait for the collector
        self._process = os.getpid()
        self._sleep = RLock()  # acquired before _lock if both are needed
        self._sleeper = 0  # the id of the thread that holds _sleep
        self._lock = RLock()
        self._depth = 0  # nested calls of the thread that holds _lock
        self._is_asked_to_end = False
        self._is_due = False  # close() was called and is deferred
        self._has_ended = False
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    @property
    def is_here(self) -> bool:
        """Whether this process created the object."""
        return os.getpid() == self._process

    def check_process(self) -> None:
        """Raises Closed in a child of fork."""
        if not self.is_here:
            raise Closed(f"{self._what} belongs to process {self._process}; open another in this one")

    def do(self, work: Callable[[], Result]) -> Result:
        """Calls work when it is this thread's turn. Raises Closed in a child of fork, which lacks the other threads."""
        self.check_process()
        try:
            with self._lock:  # not a context manager in Python: an interrupt could leave that half-entered
                self._depth += 1
                try:
                    return work()
                finally:
                    self._depth -= 1
        finally:
            self._end_if_due()

    def do_alone(self, work: Callable[[], Result]) -> Result:
        """Does the same as do(), but raises Busy if this thread is already working on the capture."""
        return self.do(lambda: self._alone(work))

    def sleep(self, wait: Callable[[float], None], timeout_s: float) -> None:
        """Sleeps while other threads have their turns. Returns early if another thread already slept and has woken up.

        Args:
            wait: sleeps for this number of seconds, or until wake_fd is readable.
            timeout_s: the maximum, in seconds.
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
        self._end_if_due()

    def close(self, end: Callable[[], None], leave: Callable[[], None]) -> None:
        """Ends the capture, now or when this thread has finished its current work.

        Args:
            end: ends it. Of several, one is called, once, when no thread works on the capture or sleeps in it.
            leave: is called in its place in a child of fork: releases the child's copies. May be called again.
        """
        if self.is_here:
            self._close(end)
        else:
            leave()
            self._release()

    def _close(self, end: Callable[[], None]) -> None:
        with self._lock:
            if self._has_ended:
                return
            self._end = end
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
                end()
            finally:
                self._depth = 0
                self._end = None
                self._release()

    def _release(self) -> None:
        fd, self.wake_fd = self.wake_fd, -1
        if fd >= 0:
            os.close(fd)

    def _end_if_due(self) -> None:
        if self._is_due and self._end is not None:
            self._close(self._end)

    def _alone(self, work: Callable[[], Result]) -> Result:
        if self._depth > 1:
            raise Busy(
                "this cannot be called inside emit, or in a signal handler that interrupts such a call; call it after"
                " that has returned"
            )
        return work()
