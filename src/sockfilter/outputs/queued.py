"""An output that may have to wait, such as one that sends to a network, and that must not make the others wait."""

from __future__ import annotations

from collections import deque
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Member

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, StreamMessage

# Exchanges and messages that wait for a slow output: about a second of a busy server's, and some 40 MB.
WAITING_MAX = 10_000
# Seconds that close() gives the output to finish. An end of the command takes two seconds in all.
CLOSE_S = 1.0


class Queued(Member):
    """Passes exchanges and messages to an output on a thread of its own, through a bounded queue.

    What finds the queue full is dropped and counted. If the output fails, the next write() raises its error.

    Args:
        member: the output. All its methods but begin() are called on the thread. It takes no frames.
        limit: how many exchanges and messages may wait.
    """

    is_vital = False

    def __init__(self, member: Member, limit: int = WAITING_MAX) -> None:
        self.name, self.wants = member.name, member.wants
        self._member = member
        self._limit = limit
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = Condition()
        self._is_closed = False
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name=f"sockfilter {member.name}", daemon=True)
        self._thread.start()

    def write(self, exchange: Exchange) -> None:
        """Queues an exchange. Raises the error of the output, if it has failed."""
        self._queue(partial(self._member.write, exchange))

    def write_message(self, message: StreamMessage) -> None:
        """Queues a message. Raises the same error as write()."""
        self._queue(partial(self._member.write_message, message))

    def _queue(self, write: Callable[[], None]) -> None:
        with self._changed:
            if self._error is not None:
                raise self._error
            if len(self._waiting) >= self._limit or self._is_closed:
                self.missed += 1
                return
            self._waiting.append(write)
            self._changed.notify()

    def close(self) -> None:
        """Gives the output CLOSE_S to take what waits, and counts the rest. May be called again."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        with self._changed:
            self.missed += len(self._waiting)
            self._waiting.clear()
            if self._error is not None:
                raise self._error

    def _run(self) -> None:
        try:
            while self._write_next():
                pass
            self._member.close()
        except Exception as error:
            with self._changed:
                self._error = error

    def _write_next(self) -> bool:
        """Waits for an exchange or a message and writes it. Returns False at the end."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            if not self._waiting:
                return False
            write = self._waiting.popleft()
            is_last = not self._waiting
        write()
        if is_last:
            self._member.flush()
        return True
