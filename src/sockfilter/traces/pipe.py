"""Carries spans from the capture to the process that sends them, and what becomes of them back."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.outputs.pipe import PIPE_BYTES, WaitingPipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# what precedes a span: bytes of its resource, and of the span itself
SIZES = Struct("<II")
# In place of the size of a resource: no span follows, but the time to finish by, in seconds of CLOCK_MONOTONIC.
END = 0xFFFFFFFF
TIME = Struct("<d")
# seconds between two looks at whether the time has become shorter
LOOK_S = 0.1
# seconds beyond its time that an exporter has for its last report, before it is taken for dead
LAST_REPORT_S = 0.5


class SpanPipe(WaitingPipe):
    """The capture's end: spans go out, lines of JSON come back.

    Args:
        fd: where spans go.
        reports: where lines come from.
        waits: whether to wait for room, as a capture file can.
        gone: is called if the exporter ends before finish().
    """

    def __init__(self, fd: int, reports: int, *, waits: bool, gone: Callable[[], object] = lambda: None) -> None:
        super().__init__(fd, waits=waits, gone=gone)
        self._reports = reports
        self._part = b""
        os.set_blocking(reports, False)

    def go(self) -> None:
        """Lets the exporter begin."""
        with suppress(OSError):
            os.write(self._fd, b"!")

    def write(self, resource: bytes, span: bytes) -> bool:
        """Takes a span. Returns False if there is no room for it."""
        if self.is_gone or not self.has_room(SIZES.size + len(resource) + len(span)):
            return False
        self._waiting += SIZES.pack(len(resource), len(span))
        self._waiting += resource
        self._waiting += span
        return True

    def lines(self) -> Iterator[bytes]:
        """Returns the lines that have come back by now."""
        if self._reports < 0:
            return
        with suppress(BlockingIOError):
            while data := os.read(self._reports, PIPE_BYTES):
                *lines, self._part = (self._part + data).split(b"\n")
                yield from lines
            if not self.is_gone:
                self._leave()
            self.close()

    def finish(self, patience: Callable[[], float]) -> Iterator[bytes]:
        """Says that nothing follows, and returns the lines that come back until the exporter has ended.

        Args:
            patience: returns how many seconds from now the exporter may take to send what waits. It is asked again
                and again, and may return less: a person may press Ctrl-C meanwhile.
        """
        self._gone = lambda: None  # it is to end
        if not self.is_gone:
            os.set_blocking(self._fd, False)
        seconds = patience()
        end_s = self._end_in(seconds)
        while self._reports >= 0 and (left_s := end_s + LAST_REPORT_S - time.monotonic()) > 0:
            self.push()
            poll = select.poll()
            poll.register(self._reports, select.POLLIN)
            if self._waiting and not self.is_gone:
                poll.register(self._fd, select.POLLOUT)
            poll.poll(min(left_s, LOOK_S) * 1000)
            yield from self.lines()
            if patience() < seconds:
                seconds = patience()
                end_s = min(end_s, self._end_in(seconds))

    def _end_in(self, seconds: float) -> float:
        """Tells the exporter when it must have ended, and returns this time."""
        end_s = time.monotonic() + seconds
        self._waiting += SIZES.pack(END, TIME.size) + TIME.pack(end_s)
        return end_s

    def close(self) -> None:
        """Closes both ends. May be repeated."""
        super().close()
        if self._reports >= 0:
            os.close(self._reports)
        self._reports = -1
        self.is_gone = True


def received(fd: int) -> Iterator[tuple[bytes, bytes] | float]:
    """Returns resources and spans as they come, and behind them, if the capture says so, times to finish by."""
    data, at = bytearray(), 0
    while more := os.read(fd, PIPE_BYTES):
        data += more
        while len(data) - at >= SIZES.size:
            first, second = SIZES.unpack_from(data, at)
            begin = at + SIZES.size
            if len(data) - begin < (second if first == END else first + second):
                break
            if first == END:
                at = begin + second
                yield TIME.unpack_from(data, begin)[0]
                continue
            middle = begin + first
            at = middle + second
            yield bytes(data[begin:middle]), bytes(data[middle:at])
        del data[:at]
        at = 0
