"""Looks for TLS libraries in what processes run, and attaches probes to their functions."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import SockfilterError
from sockfilter.sources.secrets import mappings
from sockfilter.sources.secrets.finding import SearchResult, find
from sockfilter.sources.secrets.reasons import is_relevant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.sources.secrets.cache import Cache
    from sockfilter.sources.secrets.mappings import Mapping
    from sockfilter.sources.secrets.probes import Probes

# Libraries that programs load after their start, so that they are probed before: those of the system, and those in the
# folders that belong to a program, as of a conda environment.
SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
# in these, folders such as x86_64-linux-gnu
MACHINE_FOLDERS, MACHINE_MARK = ("/lib", "/usr/lib"), "-linux-gnu"
LIBRARIES = ("libssl.so", "libgnutls.so")
# files that one process has probed: more than any machine has TLS libraries
PROBED_MAX = 1024

File = tuple[int, int, int]


class Looked(NamedTuple):
    """A file that was looked at.

    Attributes:
        path: its path, as the first process that uses it sees it.
        found: what was found in it; None: it could not be read.
        error: why it could not be read, or why no probe could be attached; empty if neither.
    """

    path: str
    found: SearchResult | None
    error: str = ""

    @property
    def is_probed(self) -> bool:
        """Whether its functions are probed, or would be."""
        return self.found is not None and bool(self.found.functions) and not self.error

    @property
    def is_relevant(self) -> bool:
        """Whether it is worth a line: it has TLS, or could not be read."""
        return self.found is None or is_relevant(self.path, self.found.how)


class Prober:
    """Looks at the files of processes, each once.

    Args:
        probes: attaches; None: this only looks.
        cache: what earlier runs have found.
        told: is called with each file that is relevant.
    """

    def __init__(
        self, probes: Probes | None, cache: Cache, told: Callable[[Looked], None] = lambda looked: None
    ) -> None:
        self._probes = probes
        self._cache = cache
        self._told = told
        self.looked: dict[File, Looked] = {}
        self._probed: set[tuple[int, int]] = set()
        # the files that send and receive, with descriptors of them: they may be deleted meanwhile
        self._calling: list[tuple[int, SearchResult]] = []

    def close(self) -> None:
        """Closes the files that it has kept open."""
        for fd, _ in self._calling:
            os.close(fd)
        self._calling.clear()

    def attach_calls(self) -> None:
        """Attaches to what sends and receives on connections, in all files that are probed by now."""
        if self._probes is None or not self._probes.copies_objects:
            return  # connections that are open stay closed, and are counted
        for fd, found in self._calling:
            with suppress(SockfilterError):
                self._probes.attach_calls(fd, found)

    def detach_calls(self) -> None:
        """Ends attach_calls()."""
        if self._probes is not None:
            self._probes.detach_calls()

    def look_everywhere(self) -> None:
        """Looks at the files of all processes, at the libraries of the system, and at what was used before."""
        for pid in mappings.processes():
            self.look(pid)
        for path in [*system_libraries(), *self._cache.paths]:
            self.look_at(path)
        self._cache.save()

    def look(self, pid: int) -> bool:
        """Looks at the files of a process. Returns whether it could be looked at."""
        try:
            mapped = mappings.of(pid)
        except OSError:  # it has ended, or belongs to somebody else
            return False
        for mapping in mapped:
            self.look_at_mapping(mapping)
        return True

    def look_at_mapping(self, mapping: Mapping) -> Looked | None:
        """Looks at a file that a process has mapped. Returns None if it cannot be opened; it may be another time."""
        known = self.looked.get(mapping.file)
        if known is not None:
            return known
        try:
            fd = mappings.opened(mapping)
        except OSError:
            return None
        try:
            return self._look_into(fd, mapping.path, mapping.file)
        finally:
            os.close(fd)

    def look_at(self, path: str) -> Looked:
        """Looks at a file by its path."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except (OSError, ValueError) as error:
            return Looked(path, None, getattr(error, "strerror", None) or str(error))
        try:
            there = os.fstat(fd)
            if not stat.S_ISREG(there.st_mode):
                return Looked(path, None, "it is not a file")
            file = os.major(there.st_dev), os.minor(there.st_dev), there.st_ino
            return self.looked.get(file) or self._look_into(fd, path, file)
        finally:
            os.close(fd)

    def save(self) -> None:
        """Keeps what was found for the next run."""
        self._cache.save()

    def _look_into(self, fd: int, path: str, file: File) -> Looked:
        made = self._searched(fd, path)
        if made.is_probed and self._probes is not None:
            made = self._attached(self._probes, fd, made)
        self.looked[file] = made
        if made.is_relevant:
            self._told(made)
        return made

    def _searched(self, fd: int, path: str) -> Looked:
        try:
            status = os.fstat(fd)
            found = self._cache.get(status)
            if found is None:
                found = find(fd)
                self._cache.put(status, found, path)
            return Looked(path, found)
        except OSError as error:
            return Looked(path, None, error.strerror or str(error))

    def _attached(self, probes: Probes, fd: int, looked: Looked) -> Looked:
        # the same file may have another device where a process sees it, as in a container
        there = os.fstat(fd)
        if (there.st_dev, there.st_ino) in self._probed:
            return looked
        if len(self._probed) >= PROBED_MAX:
            return looked._replace(error=f"{PROBED_MAX} files are probed, which is the limit")
        assert looked.found is not None  # is_probed says so
        try:
            probes.attach(fd, looked.found)
        except SockfilterError as error:
            return looked._replace(error=str(error))
        self._probed.add((there.st_dev, there.st_ino))
        if looked.found.calls:
            self._calling.append((os.dup(fd), looked.found))
        return looked


def system_libraries() -> list[str]:
    """Returns the TLS libraries in the usual folders."""
    of_machines = (f"{folder}/{name}" for folder in MACHINE_FOLDERS for name in _names(folder) if MACHINE_MARK in name)
    return libraries_in([*SYSTEM_FOLDERS, *of_machines])


def libraries_in(folders: Iterable[str]) -> list[str]:
    """Returns the TLS libraries in folders, each once."""
    real = {os.path.realpath(folder) for folder in folders}
    found = (f"{folder}/{name}" for folder in real for name in _names(folder) if name.startswith(LIBRARIES))
    return sorted({os.path.realpath(path) for path in found})


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def files_of_program(path: str) -> list[str]:
    """Returns the files that a program will use, as far as they are known before it runs: itself, the program that
    interprets it, and TLS libraries in its folders."""
    found = [path]
    with suppress(OSError), open(path, "rb") as file:
        first = file.readline(256)
        if first.startswith(b"#!"):
            words = os.fsdecode(first[2:]).split()
            found += words[:1]
    folders = [os.path.dirname(os.path.realpath(each)) for each in found]
    near = (f"{folder}{suffix}" for folder in folders for suffix in ("", "/../lib", "/../lib64"))
    return [*found, *libraries_in(near)]
