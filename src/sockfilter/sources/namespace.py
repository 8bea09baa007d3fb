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
        f"entering network namespace {name!r}: there is none of that name;"
        f" {'there are ' + ', '.join(known) if known else 'ip netns lists none'}, or give a process number"
    )


@contextmanager
def entered(name: str | None) -> Iterator[None]:
    """Puts the calling thread, and no other, into a network namespace and back. None: stays where it is.

    Raises NamespaceError where it is not there or may not be entered.
    """
    if name is None:
        yield
        return
    ffi, lib = binding.load()
    path = path_of(name)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise NamespaceError(f"entering network namespace {name}: opening {path}: {error.strerror}") from error
        try:
            if lib.setns(there, CLONE_NEWNET):
                words, is_one = os.strerror(ffi.errno), ffi.errno != errno.EINVAL
                remedy = "it takes CAP_SYS_ADMIN: use sudo" if is_one else f"{path} is no network namespace"
                raise NamespaceError(f"entering network namespace {name}: {words}; {remedy}")
        finally:
            os.close(there)
        try:
            yield
        finally:
            # its own namespace was open before: this cannot fail short of lost rights
            lib.setns(home, CLONE_NEWNET)
    finally:
        os.close(home)
