"""What processes have mapped as code: their programs and libraries."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = "/proc"
# A line of /proc/PID/maps (proc(5)) whose mapping can be executed and has a file.
LINE = re.compile(rb"^([0-9a-f]+-[0-9a-f]+) ..x. \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) +(/.*)$", re.MULTILINE)
# Bytes of a process's maps that are read: 100 000 mappings, of which a process may have 65 530 (vm.max_map_count).
MAPS_BYTES_MAX = 16 << 20
# sf_watch_fd() of a CPU after the last one
NO_SUCH_CPU = -2
# After a file's name where it has been deleted or replaced.
DELETED = " (deleted)"


class Mapping(NamedTuple):
    """A file that a process has mapped as code.

    Attributes:
        pid: the process.
        span: the addresses, as a name in /proc/PID/map_files.
        file: the file: major and minor number of its device, and its inode.
        path: its path, as the process sees it.
    """

    pid: int
    span: str
    file: tuple[int, int, int]
    path: str


def processes() -> list[int]:
    """Returns the PIDs of all processes."""
    return [int(name) for name in os.listdir(PROC) if name.isdecimal()]


def of(pid: int) -> list[Mapping]:
    """Returns the files that a process has mapped as code. Raises OSError: it is gone, or rights are missing."""
    with open(f"{PROC}/{pid}/maps", "rb") as lines:
        content = lines.read(MAPS_BYTES_MAX)
    found: dict[tuple[int, int, int], Mapping] = {}
    for span, major, minor, inode, path in LINE.findall(content):
        file = int(major, 16), int(minor, 16), int(inode)
        if file not in found:
            found[file] = Mapping(pid, span.decode(), file, os.fsdecode(path))
    return list(found.values())


def opened(mapping: Mapping) -> int:
    """Opens the file of a mapping, also in another root directory, and also if it was deleted.

    Returns a descriptor. Raises OSError: the process has ended, the file has gone, or rights are missing.
    """
    name = mapping.path.removesuffix(DELETED)
    # leads to the file itself, whatever has become of its path; it requires CAP_CHECKPOINT_RESTORE, or all rights
    paths = [f"{PROC}/{mapping.pid}/map_files/{mapping.span}", f"{PROC}/{mapping.pid}/root{name}", name]
    refused: OSError | None = None
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            refused = error if refused is None or isinstance(error, PermissionError) else refused
            continue
        there = os.fstat(fd)
        # some file systems show another device in maps
        if stat.S_ISREG(there.st_mode) and there.st_ino == mapping.file[2]:
            return fd
        os.close(fd)
    raise refused or FileNotFoundError(2, "it was replaced")


class Watch(Closing):
    """Reports the files that processes map as code from now on, each once.

    Raises:
        MissingCapability: CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no such events.
    """

    def __init__(self) -> None:
        self._watch: Any = None
        self._ffi, self._lib = binding.load()
        self._watch = self._lib.sf_watch_open()
        if not self._watch:
            number = self._ffi.errno
            words = f"watching for new programs: {os.strerror(number)}"
            if isinstance(OSError(number, ""), PermissionError):
                raise MissingCapability(f"{words}; it requires CAP_PERFMON, or sudo")
            raise KernelUnsupported(words)
        self._mapping = self._ffi.new("struct sf_mapping *")
        # whether some were not reported, because there were too many at once
        self.has_lost = False

    def close(self) -> None:
        """Ends it."""
        if self._watch:
            self._lib.sf_watch_close(self._watch)
        self._watch = None

    @property
    def descriptors(self) -> list[int]:
        """Descriptors that are readable when there is something to read."""
        made: list[int] = []
        while (fd := self._lib.sf_watch_fd(self._watch, len(made))) != NO_SUCH_CPU:
            made.append(fd)
        return [fd for fd in made if fd >= 0]

    def read(self) -> Iterator[Mapping]:
        """Yields what was mapped since. Sets has_lost if there was more."""
        while result := self._lib.sf_watch_next(self._watch, self._mapping):
            if result < 0:
                self.has_lost = True
                continue
            made = self._mapping
            path = os.fsdecode(self._ffi.string(made.path))
            yield Mapping(made.pid, f"{made.start:x}-{made.end:x}", (made.major, made.minor, made.inode), path)

    def forget(self, mapping: Mapping) -> None:
        """Reports a file again when it is mapped again: it could not be opened this time."""
        self._lib.sf_watch_forget(self._watch, mapping.file[2])
