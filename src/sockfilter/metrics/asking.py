"""How the process that serves metrics asks the capture for them, so that the capture never waits.

A question is four bytes in a pipe. The capture answers when it has read what was there: it writes the counts as JSON
into memory that both share, and their size into another pipe.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from struct import Struct
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Callable

# the number of the question; the bytes of its answer
QUESTION, ANSWER = Struct("=I"), Struct("=II")
# questions that are read at once
QUESTIONS_MAX = 256
# Seconds that an answer may take. A capture that takes longer reads nothing, and its ring fills.
ANSWER_S = 1.0


class Channel(NamedTuple):
    """The descriptors of one end: where to read, where to write, and the shared memory."""

    reading: int
    writing: int
    memory: int


def channels() -> tuple[Channel, Channel]:
    """Returns the capture's end, and that of the server."""
    asked, asking = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    told, telling = os.pipe2(os.O_CLOEXEC)
    memory = os.memfd_create("sockfilter metrics", os.MFD_CLOEXEC)
    os.set_blocking(telling, False)  # an answer that finds no room is for nobody
    return Channel(asked, telling, memory), Channel(told, asking, memory)


class AnsweringEnd(Closing):
    """The capture's end.

    Args:
        channel: its descriptors.
        take: returns the present counts, in a form that JSON has.
    """

    def __init__(self, channel: Channel, take: Callable[[], Any]) -> None:
        self._channel = channel
        self._take = take
        self._is_closed = False

    def fileno(self) -> int:
        """The descriptor that is readable when there is a question."""
        return self._channel.reading

    def answer(self) -> None:
        """Answers the last question, if there is one."""
        if self._is_closed:
            return
        try:
            questions = os.read(self._channel.reading, QUESTION.size * QUESTIONS_MAX)
        except BlockingIOError:
            return
        if len(questions) < QUESTION.size:  # the server has ended
            return
        (number,) = QUESTION.unpack(questions[-QUESTION.size :])
        told = json.dumps(self._take(), separators=(",", ":")).encode()
        with suppress(OSError):  # no memory is left, or the server has ended: it says that nobody answered
            if os.pwrite(self._channel.memory, told, 0) == len(told):
                os.write(self._channel.writing, ANSWER.pack(number, len(told)))

    def close(self) -> None:
        """Closes the descriptors, which ends the server. May be repeated."""
        if not self._is_closed:
            self._is_closed = True
            for fd in self._channel:
                os.close(fd)


class AskingEnd:
    """The server's end. Any thread may ask, one at a time.

    Args:
        channel: its descriptors.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._one = Lock()  # one asks at a time
        self._changed = Condition()
        self._number = 0
        self._answer: Any = None

    def ask(self) -> Any:
        """Returns the present counts. None: the capture has not answered in time."""
        with self._one, self._changed:
            self._number = (self._number + 1) & 0xFFFFFFFF
            self._answer = None
            with suppress(OSError):  # the pipe is full: the capture has not answered for long
                os.write(self._channel.writing, QUESTION.pack(self._number))
            self._changed.wait_for(lambda: self._answer is not None, ANSWER_S)
            answer, self._answer = self._answer, None
            self._number = (self._number + 1) & 0xFFFFFFFF  # a late answer is for nobody
            return answer

    def listen(self) -> None:
        """Takes answers until the capture closes its end."""
        while told := os.read(self._channel.reading, ANSWER.size):
            number, size = ANSWER.unpack(told)
            with self._changed:
                if number == self._number:
                    with suppress(ValueError):  # it was written over
                        self._answer = json.loads(os.pread(self._channel.memory, size, 0))
                    self._changed.notify_all()
