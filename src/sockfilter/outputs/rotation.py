"""The files that a capture is written to: one, or one after the other by size and time."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import Closed, InvalidArgument
from sockfilter.outputs.capture_file import CaptureFile, is_that_file, over_itself
from sockfilter.outputs.file_names import SECOND_NS, FileNames, Limits
from sockfilter.outputs.pcapng import PcapngWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.outputs.output import ByteSink

MEGABYTE = 1_000_000


class FileCounters(NamedTuple):
    """Of an interface, since the beginning of the capture: as for PcapngWriter.statistics()."""

    received: int
    dropped: int
    filter_accepted: int | None = None


NO_LIMITS = Limits()


class CaptureFiles:
    """Frames, into files that are each complete.

    Args:
        target: a path, or what takes the bytes: that is never followed by another.
        counters: an interface's, by its number, for the end of each file; None: not known.
        limits: when another file begins.
        owner: user and group to whom the files are given.
        clock_ns: the time, since 1970.
        application: name and version of who writes.
        spared: device and inode of a file that is being read, and must not be overwritten; None: there is none.

    Raises CaptureFileError, as all methods do, and InvalidArgument.
    """

    def __init__(
        self,
        target: str | ByteSink,
        counters: Callable[[int], FileCounters | None],
        limits: Limits = NO_LIMITS,
        owner: tuple[int, int] | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        application: str = "sockfilter",
        spared: tuple[int, int] | None = None,
    ) -> None:
        limits.check()
        if not isinstance(target, str) and (limits.megabytes or limits.seconds):
            raise InvalidArgument("several files need a name: an open file is only one")
        self._counters = counters
        self._limits = limits
        self._size_max = limits.megabytes * MEGABYTE if limits.megabytes else None
        self._window_ns = limits.seconds * SECOND_NS if limits.seconds else None
        self._owner = owner
        self._clock_ns = clock_ns
        self._application = application
        self._spared = spared
        self._interfaces: list[tuple[str, int]] = []
        self._since_ns = clock_ns()
        self._count = 0
        self._windows = 0
        self._file: CaptureFile | None = None
        self.is_full = False
        self._is_open = True
        if isinstance(target, str):
            self._names = FileNames(target, limits)
            self._check_names()
            self._writer = self._begin()
        else:
            self._writer = PcapngWriter(target, application)

    def interface(self, name: str, link_type: int) -> int:
        """Adds an interface, to this file and all that follow, and gives its number for packet()."""
        self._interfaces.append((name, link_type))
        return self._writer.interface(name, link_type)

    def packet(self, interface: int, time_ns: int | None, frame: bytes | memoryview, wire_len: int) -> bool:
        """Writes a frame, as PcapngWriter.packet(). False: not so, as the last file has had its time (is_full)."""
        if self._window_ns is not None and self._is_open:
            self._rotate_by_time(self._window_ns)
        if not self._is_open:
            if self.is_full:
                return False
            raise Closed("the capture file is closed: nothing more can be written to it")
        # not before it is larger: tcpdump's meaning too
        if self._size_max is not None and self._writer.size > self._size_max:
            self._end()
            self._count += 1
            if self._limits.files:
                self._count %= self._limits.files
            self._writer = self._begin()
        self._writer.packet(interface, time_ns, frame, wire_len)
        return True

    def flush(self) -> None:
        """Sends on what has been written."""
        if self._is_open:
            self._writer.flush()

    def close(self) -> None:
        """Ends the last file; again is nothing."""
        if self._is_open:
            self._end()

    def _rotate_by_time(self, window_ns: int) -> None:
        now_ns = self._clock_ns()
        if now_ns - self._since_ns < window_ns:
            return
        self._end()
        self._since_ns = now_ns
        self._count = 0
        self._windows += 1
        # with a size too, the number of files is one for each window
        self.is_full = self._limits.files is not None and not self._size_max and self._windows >= self._limits.files
        if not self.is_full:
            self._writer = self._begin()

    def _check_names(self) -> None:
        """Refuses names, those of later files too, of which one is that of a file to be spared.

        Those of later times are not known yet: each file is looked at again before it is opened.
        """
        if self._spared is None:
            return
        first = self._names.name(0, self._since_ns)
        if is_that_file(first, self._spared):
            raise InvalidArgument(over_itself(first))
        folder, entries = os.path.dirname(first), []
        with suppress(OSError, ValueError):  # a folder that cannot be listed may be written to all the same
            entries = os.listdir(folder or ".")
        for path in (os.path.join(folder, entry) for entry in entries):
            if self._names.is_one_of_them(path, self._since_ns) and is_that_file(path, self._spared):
                raise InvalidArgument(over_itself(path))

    def _begin(self) -> PcapngWriter:
        self._file = CaptureFile(self._names.name(self._count, self._since_ns), self._owner, self._spared)
        writer = PcapngWriter(self._file, self._application)
        for name, link_type in self._interfaces:
            writer.interface(name, link_type)
        self._is_open = True
        return writer

    def _end(self) -> None:
        self._is_open = False  # also where the disk is full: closing does not try again
        now_ns = self._clock_ns()
        for number in range(len(self._interfaces)):
            counters = self._counters(number)
            if counters:
                self._writer.statistics(number, now_ns, *counters)
        try:
            self._writer.flush()
        finally:
            if self._file:
                self._file.close()
