"""Entering another network namespace for as long as it takes to open a socket there."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sockfilter.errors import NamespaceError
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
# where `ip netns` keeps them
NAMED = "/run/netns"


def number() -> int:
    """That of the calling thread's network namespace, in nsfs: the same for all that are in it."""
    return os.stat("/proc/thread-self/ns/net").st_ino


def path_of(name: str) -> str:
    """The namespace's file: one that `ip netns` made, else that of a process given by its number.

    Raises NamespaceError where there is neither.
    """
    if name and "/" not in name and os.path.exists(f"{NAMED}/{name}"):
        return f"{NAMED}/{name}"
    if name.isdecimal():
        if os.path.exists(f"/proc/{name}"):
            return f"/proc/{name}/ns/net"
        raise NamespaceError(f"entering the network namespace of process {name}: there is no such process")
    known = sorted(os.listdir(NAMED)) if os.path.isdir(NAMED) else []
    raise NamespaceError(
        f"entering network namespace {name!r}: there is no such namespace;"
        f" {'there are ' + ', '.join(known) if known else 'ip netns lists none'}, or give a process number"
    )


class NamedNamespace:
    """A namespace by its name, and whether the name still stands for it: a capture keeps it alive without.

    Args:
        name: as entered() takes it; None: this thread's own, which has no name to lose.

    Raises NamespaceError where it is not there.
    """

    def __init__(self, name: str | None) -> None:
        self._path = None if name is None else path_of(name)
        try:
            self._status = None if self._path is None else os.stat(self._path)
        except OSError:  # entering it says what is in the way
            self._status = None

    def has_gone(self) -> bool:
        """Whether it was deleted, or its process has ended, since the last call; not so where one may not look."""
        if self._path is None or self._status is None:
            return False
        try:
            if os.path.samestat(os.stat(self._path), self._status):
                return False
        except PermissionError:
            return False
        except OSError:
            pass
        self._path = None
        return True


@contextmanager
def entered(name: str | None) -> Iterator[None]:
    """Puts the calling thread, and no other, into a network namespace and back. None: stays where it is.

    Raises NamespaceError where it is not there, may not be entered, or may not be left again.
    """
    if name is None:
        yield
        return
    path = path_of(name)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise NamespaceError(f"entering network namespace {name}: opening {path}: {error.strerror}") from error
        try:
            # home first, for the right to come back: root of a user namespace may enter its own and not leave it again
            number = _enter(home) or _enter(there)
            if number:
                remedy = (
                    f"{path} is no network namespace"
                    if number == errno.EINVAL
                    else "it requires CAP_SYS_ADMIN outside of user namespaces: use sudo"
                )
                raise NamespaceError(f"entering network namespace {name}: {os.strerror(number)}; {remedy}")
        finally:
            os.close(there)
        try:
            yield
        finally:
            number = _enter(home)
            if number:
                raise NamespaceError(
                    f"leaving network namespace {name}: {os.strerror(number)}; this thread is still in it: end it"
                )
    finally:
        os.close(home)


def _enter(fd: int) -> int:
    """Puts the calling thread into a network namespace. Returns why it cannot, as errno; 0: it is there."""
    ffi, lib = binding.load()
    return ffi.errno if lib.setns(fd, CLONE_NEWNET) else 0
