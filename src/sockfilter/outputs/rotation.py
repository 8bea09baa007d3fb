"""The files of a capture: one, or several by size and time."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import Closed, InvalidArgument
from sockfilter.outputs.capture_file import ADVICE_OF_SEVERAL, CaptureFile, is_that_file, over_itself
from sockfilter.outputs.file_names import SECOND_NS, FileNames, Limits
from sockfilter.outputs.pcapng import PcapngWriter, whole_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.outputs.output import ByteSink

MEGABYTE = 1_000_000


class FileCounters(NamedTuple):
    """The counters of an interface since the beginning of the capture, as for PcapngWriter.statistics()."""

    received: int
    dropped: int
    filter_accepted: int | None = None


NO_LIMITS = Limits()


class CaptureFiles:
    """Writes frames to files, each of which is complete.

    Args:
        target: a path, or a sink for the bytes. A sink is never rotated.
        counters: returns an interface's counters by its number, for the end of each file. None: not known.
        limits: when another file begins.
        owner: the user and group that the files are given to.
        clock_ns: returns the time in nanoseconds since 1970.
        application: name and version of the writing program.
        spared: device and inode of the file that is being read and must not be overwritten. None: there is none.
        open_secrets: returns the secrets of TLS that each file begins with, as a key log.

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
        open_secrets: Callable[[], bytes] = lambda: b"",
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
        self._open_secrets = open_secrets
        self._turn: int | None = None  # since when blocks are held
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
        """Adds an interface to this file and to all later files. Returns its number for packet()."""
        self._interfaces.append((name, link_type))
        return self._writer.interface(name, link_type)

    def packet(self, interface: int, time_ns: int | None, frame: bytes | memoryview, wire_len: int) -> bool:
        """Writes a frame like PcapngWriter.packet(). False: it was dropped, because the last file is full (is_full)."""
        if self._window_ns is not None and self._is_open:
            self._rotate_by_time(self._window_ns)
        if not self._is_open:
            if self.is_full:
                return False
            raise Closed("the capture file is closed: nothing more can be written to it")
        # tcpdump also begins a new file only after the size has been exceeded.
        if self._size_max is not None and self._writer.size > self._size_max:
            self._end()
            self._count += 1
            if self._limits.files:
                self._count %= self._limits.files
            self._writer = self._begin()
        self._writer.packet(interface, time_ns, frame, wire_len)
        return True

    def secrets(self, key_log: bytes) -> None:
        """Writes secrets of TLS like PcapngWriter.secrets()."""
        if self._is_open:
            self._writer.secrets(key_log)

    def hold(self, turn: int) -> None:
        """Keeps what is written from here on in memory, like PcapngWriter.hold(), until release() or the file's end."""
        self._turn = turn
        self._writer.hold(turn)

    def release(self, turn: int | None = None) -> None:
        """Lets what was kept be written, like PcapngWriter.release()."""
        self._writer.release(turn)

    @property
    def held_bytes(self) -> int:
        """The number of bytes that wait since hold()."""
        return self._writer.held_bytes

    def flush(self) -> None:
        """Flushes what was written."""
        if self._is_open:
            self._writer.flush()

    def close(self) -> None:
        """Closes the last file. May be repeated."""
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
        # With a size limit, the number of files applies to each time window.
        self.is_full = self._limits.files is not None and not self._size_max and self._windows >= self._limits.files
        if not self.is_full:
            self._writer = self._begin()

    def _check_names(self) -> None:
        """Refuses names of this and later files if one is the name of the file being read.

        Names with a later time are not known yet, so each file is checked again before it is opened.
        """
        if self._spared is None:
            return
        first = self._names.name(0, self._since_ns)
        if is_that_file(first, self._spared):
            raise InvalidArgument(over_itself(first))
        folder, entries = os.path.dirname(first), []
        with suppress(OSError, ValueError):  # a directory that cannot be listed may still be writable
            entries = os.listdir(folder or ".")
        for path in (os.path.join(folder, entry) for entry in entries):
            if self._names.is_one_of_them(path, self._since_ns) and is_that_file(path, self._spared):
                raise InvalidArgument(over_itself(path))

    def _begin(self) -> PcapngWriter:
        name = self._names.name(self._count, self._since_ns)
        self._file = CaptureFile(name, self._owner, self._spared, whole_blocks, ADVICE_OF_SEVERAL)
        writer = PcapngWriter(self._file, self._application)
        if secrets := self._open_secrets():
            writer.secrets(secrets)
        for name, link_type in self._interfaces:
            writer.interface(name, link_type)
        if self._turn is not None:
            writer.hold(self._turn)
        self._is_open = True
        return writer

    def _end(self) -> None:
        self._is_open = False  # set first: after an error such as a full disk, close() does not try again
        now_ns = self._clock_ns()
        try:
            for number in range(len(self._interfaces)):
                counters = self._counters(number)
                if counters:
                    self._writer.statistics(number, now_ns, *counters)
            self._writer.release()
            self._writer.flush()
        finally:
            if self._file:
                self._file.close()
