"""Opening a file for secrets. It refuses a file that another user has put in its place."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MODE = 0o600
WRITE = os.O_WRONLY | os.O_CLOEXEC
ROOT = 0
# The maximum number of steps: symbolic links, as many as the kernel follows (path_resolution(7)), and retries after the
# path has changed.
STEPS_MAX = 40
# A path to a descriptor that this process inherited. /dev/stdout also leads to one.
DESCRIPTOR = re.compile(r"(/dev|/proc/(self|thread-self|\d+))/fd/\d+")


class Refused(OSError):
    """The path leads to something of another user. The text says what it is and what to do."""


class OpenedFile(NamedTuple):
    """A descriptor to write to, and whether it is a regular file."""

    fd: int
    is_regular: bool


def open_private(path: str, owner: tuple[int, int] | None = None) -> OpenedFile:
    """Opens a file for writing from its beginning. Nobody but its owner may read it.

    A new file is created with mode 0600. An existing regular file must belong to the owner and have no other name; it
    is emptied, and its mode becomes 0600. A pipe must belong to the owner or to this user. A symbolic link is followed
    if root, this user or the owner created it. Devices, and descriptors by their names in /dev/fd and /proc, are opened
    without these checks.

    Args:
        path: the path of the file.
        owner: the user and group that the file is given to. None: this user.

    Raises:
        Refused: the file belongs to another user.
        OSError, ValueError: the file cannot be opened.
    """
    is_ours = not DESCRIPTOR.fullmatch(os.path.abspath(path))
    for _ in range(STEPS_MAX):
        with _pinned(path) as pin:
            if pin is None:
                with contextlib.suppress(FileExistsError):  # the file was created meanwhile, or is a link
                    return OpenedFile(_made(path, owner), True)
                continue
            there = os.fstat(pin)
            if stat.S_ISLNK(there.st_mode) and is_ours:
                _check_link(there, owner)
                target = os.path.join(os.path.dirname(path), os.readlink("", dir_fd=pin))
                is_ours = not DESCRIPTOR.fullmatch(os.path.abspath(target))
                path = target
                continue
            if is_ours:
                _check(there, owner)
            fd = _reopened(path, there, follows=not is_ours)
            if fd is not None:
                return _taken_over(fd, owner, is_given=not is_ours)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


@contextlib.contextmanager
def _pinned(path: str) -> Iterator[int | None]:
    """Yields an O_PATH descriptor for the path, even for a link, without opening the file. None: it does not exist."""
    try:
        pin = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield pin
    finally:
        os.close(pin)


def _made(path: str, owner: tuple[int, int] | None) -> int:
    fd = os.open(path, WRITE | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
    _give(fd, owner)
    return fd


def _reopened(path: str, there: os.stat_result, *, follows: bool) -> int | None:
    """Opens the file that was checked. None: it has been replaced or removed."""
    if follows:
        return os.open(path, WRITE)
    try:
        fd = os.open(path, WRITE | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
    if os.path.samestat(os.fstat(fd), there):
        return fd
    os.close(fd)
    return None


def _check_link(there: os.stat_result, owner: tuple[int, int] | None) -> None:
    if there.st_uid not in {ROOT, os.geteuid(), *(owner or ())[:1]}:
        raise Refused(errno.EPERM, f"it is a symbolic link of user {there.st_uid}; use the name of its target")


def _check(there: os.stat_result, owner: tuple[int, int] | None) -> None:
    user = os.geteuid() if owner is None else owner[0]
    if stat.S_ISFIFO(there.st_mode) and there.st_uid not in (user, os.geteuid()):
        raise Refused(errno.EPERM, f"it is a pipe of user {there.st_uid}, who could read everything; create your own")
    if not stat.S_ISREG(there.st_mode):
        return
    if there.st_uid != user:
        raise Refused(
            errno.EPERM, f"it is a file of user {there.st_uid}, not of user {user}; remove it, or use another name"
        )
    if there.st_nlink > 1:
        raise Refused(errno.EPERM, "it is a file with a second name (a hard link); remove it, or use another name")


def _taken_over(fd: int, owner: tuple[int, int] | None, *, is_given: bool) -> OpenedFile:
    """Empties a regular file. Sets its mode and owner unless its descriptor was inherited."""
    try:
        is_regular = stat.S_ISREG(os.fstat(fd).st_mode)
        if is_regular:
            os.ftruncate(fd, 0)
        if is_regular and not is_given:
            _give(fd, owner)
    except BaseException:
        os.close(fd)
        raise
    return OpenedFile(fd, is_regular)


def _give(fd: int, owner: tuple[int, int] | None) -> None:
    # Not all file systems have modes and owners. The capture is worth more than they are.
    with contextlib.suppress(OSError):
        os.fchmod(fd, MODE)
    if owner:
        with contextlib.suppress(OSError):
            os.fchown(fd, *owner)
