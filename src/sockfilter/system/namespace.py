"""Network namespaces: find one by name, and enter it to open sockets there."""

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
# the folder of `ip netns`
NAMED = "/run/netns"


def number() -> int:
    """Returns the inode number of the calling thread's network namespace, which identifies the namespace."""
    return os.stat("/proc/thread-self/ns/net").st_ino


def path_of(name: str) -> str:
    """Returns the path of a namespace's file: one made by `ip netns`, or that of a process given by its PID.

    Raises NamespaceError if there is neither.
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
    """Checks whether a namespace's name still refers to it. A capture keeps the namespace alive without the name.

    Args:
        name: as for entered(). None means this thread's namespace, which has no name.

    Raises NamespaceError if there is no such namespace.
    """

    def __init__(self, name: str | None) -> None:
        self._path = None if name is None else path_of(name)
        try:
            self._status = None if self._path is None else os.stat(self._path)
        except OSError:  # entered() reports the error
            self._status = None

    def has_gone(self) -> bool:
        """Whether it was deleted, or its process ended, since the last call; False without permission to check."""
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
    """Moves only the calling thread into a network namespace, and back at the end. None does nothing.

    Raises NamespaceError if it does not exist, or the thread may not enter it or leave it again.
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
            # enter home first, to check that the thread may return: root of a user namespace may enter a network
            # namespace of its own, but may not return
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
    """Moves the calling thread into a network namespace. Returns 0, or the errno of the failure."""
    ffi, lib = binding.load()
    return ffi.errno if lib.setns(fd, CLONE_NEWNET) else 0
