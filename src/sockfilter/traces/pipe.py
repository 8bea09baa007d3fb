"""Carries spans from the capture to the process that sends them, and what becomes of them back."""

from __future__ import annotations

import fcntl
import os
import select
import time
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Iterator

# what precedes a span: bytes of its resource, and of the span itself
SIZES = Struct("<II")
# In place of the size of a resource: no span follows, but the time to finish by, in seconds of CLOCK_MONOTONIC.
END = 0xFFFFFFFF
TIME = Struct("<d")
# F_SETPIPE_SZ, which Python has since 3.10, and not on all systems
SET_SIZE = 1031
# Bytes of the pipe: what the kernel gives to users without rights. The exporter reads it all the time.
PIPE_BYTES = 1 << 20
# Bytes that wait for room in the pipe, while the exporter gets no processor: a second of a busy server's.
WAITING_MAX = 16 << 20
# seconds beyond its time that an exporter has for its last report, before it is taken for dead
LAST_REPORT_S = 0.5


class SpanPipe(Closing):
    """The capture's end: spans go out, lines of JSON come back.

    Args:
        fd: where spans go.
        reports: where lines come from.
        waits: whether to wait for room, as a capture file can.

    Attributes:
        is_gone: whether the exporter has ended.
    """

    def __init__(self, fd: int, reports: int, *, waits: bool) -> None:
        self._fd = fd
        self._reports = reports
        self._waits = waits
        self._waiting = bytearray()
        self._part = b""
        self.is_gone = False
        with suppress(OSError):
            fcntl.fcntl(fd, SET_SIZE, PIPE_BYTES)
        os.set_blocking(fd, waits)
        os.set_blocking(reports, False)

    def go(self) -> None:
        """Lets the exporter begin."""
        with suppress(OSError):
            os.write(self._fd, b"!")

    def write(self, resource: bytes, span: bytes) -> bool:
        """Takes a span. Returns False if there is no room for it."""
        if len(self._waiting) >= WAITING_MAX:
            self.push()
            if len(self._waiting) >= WAITING_MAX:
                return False
        if self.is_gone:
            return False
        self._waiting += SIZES.pack(len(resource), len(span))
        self._waiting += resource
        self._waiting += span
        return True

    def push(self) -> None:
        """Passes on what waits, as far as there is room."""
        try:
            while self._waiting:
                with memoryview(self._waiting) as view:
                    count = os.write(self._fd, view[:PIPE_BYTES])
                del self._waiting[:count]
        except BlockingIOError:
            pass
        except OSError:
            self.is_gone = True
            self._waiting.clear()

    def lines(self) -> Iterator[bytes]:
        """Returns the lines that have come back by now."""
        with suppress(BlockingIOError):
            while data := os.read(self._reports, PIPE_BYTES):
                *lines, self._part = (self._part + data).split(b"\n")
                yield from lines
            self.is_gone = True

    def finish(self, seconds: float) -> Iterator[bytes]:
        """Says that nothing follows, and returns the lines that come back until the exporter has ended.

        Args:
            seconds: how long the exporter may take to send what waits.
        """
        end_s = time.monotonic() + seconds
        until_s = end_s + LAST_REPORT_S
        self._waiting += SIZES.pack(END, TIME.size) + TIME.pack(end_s)
        os.set_blocking(self._fd, False)
        poll = select.poll()
        poll.register(self._reports, select.POLLIN)
        poll.register(self._fd, select.POLLOUT)
        while not self.is_gone and (left_s := until_s - time.monotonic()) > 0:
            self.push()
            if not self._waiting:
                poll.modify(self._fd, 0)
            poll.poll(left_s * 1000)
            yield from self.lines()

    def close(self) -> None:
        """Closes both ends. May be repeated."""
        for fd in (self._fd, self._reports):
            if fd >= 0:
                os.close(fd)
        self._fd = self._reports = -1
        self.is_gone = True


def received(fd: int) -> Iterator[tuple[bytes, bytes] | float]:
    """Returns resources and spans as they come, and at last, if the capture says so, the time to finish by."""
    data, at = bytearray(), 0
    while more := os.read(fd, PIPE_BYTES):
        data += more
        while len(data) - at >= SIZES.size:
            first, second = SIZES.unpack_from(data, at)
            begin = at + SIZES.size
            if len(data) - begin < (second if first == END else first + second):
                break
            if first == END:
                yield TIME.unpack_from(data, begin)[0]
                return
            middle = begin + first
            at = middle + second
            yield bytes(data[begin:middle]), bytes(data[middle:at])
        del data[:at]
        at = 0
