"""The configuration file: its owner, whether it can be trusted, and its content by line."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import nullcontext
from typing import Any, NamedTuple

from sockfilter.cli.privileges import ROOT, CannotBecome, acting_as, user
from sockfilter.errors import InvalidArgument, pip

NAME = "sockfilter/config.toml"
# Bytes. A configuration file has a few options and many comments; a longer file is something else.
FILE_BYTES_MAX = 1 << 16
# A user who can write the file would control what root does.
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


class Entry(NamedTuple):
    """A key's value as TOML has it, with the file and line where it stands."""

    value: Any
    where: str


def path() -> str | None:
    """Returns the path of the configuration file of the user, also under sudo. None: the user has no home."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG Base Directory Specification says to ignore a relative path.
    if not os.path.isabs(folder):
        folder = os.path.join(_home(), ".config")
    return os.path.join(folder, NAME) if os.path.isabs(folder) else None


def read() -> dict[str, Entry]:
    """Reads the configuration file. Returns no entries if there is no file.

    Raises:
        InvalidArgument: the file cannot be read, cannot be trusted, or is not valid TOML.
    """
    place = path()
    content = None if place is None else _content(place)
    return {} if place is None or content is None else _entries(place, content)


def _behind_sudo() -> int | None:
    """Returns the id of the user who ran sudo, be this process root or that user. None: sudo was not used."""
    number = os.environ.get("SUDO_UID", "")
    is_number = number.isascii() and number.isdecimal()
    if is_number and (os.geteuid() == ROOT or number == str(os.geteuid())):
        return user(number, "SUDO_UID=").uid
    return None


def _home() -> str:
    number = _behind_sudo()
    if number is None:
        return os.path.expanduser("~")
    import pwd

    try:
        return pwd.getpwuid(number).pw_dir
    except (KeyError, OverflowError):
        return ""


def _content(place: str) -> bytes | None:
    """Returns the bytes. None: no file. Root opens it as the user behind sudo: no link exposes root's files."""
    number = _behind_sudo()
    is_root = os.geteuid() == ROOT
    try:
        with acting_as(user(str(number))) if is_root and number else nullcontext():
            fd = _open(place)
        if fd is None:
            return None
        with open(fd, "rb") as file:
            if is_root:
                _check_owner(place, os.fstat(fd), {ROOT, number or ROOT})
                _check_folder(place, {ROOT, number or ROOT})
            content = file.read(FILE_BYTES_MAX + 1)
    except CannotBecome as error:
        if not os.path.lexists(place):
            return None
        raise _refused(place, str(error)) from error
    except OSError as error:
        raise _refused(place, error.strerror or str(error)) from error
    if len(content) > FILE_BYTES_MAX:
        raise _refused(place, f"it has more than {FILE_BYTES_MAX} bytes")
    return content


def _open(place: str) -> int | None:
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        # This user may not enter the home: it belongs to the user before setpriv, or to a service.
        if error.errno in NOT_THERE or (error.errno == errno.EACCES and not os.path.exists(place)):
            return None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _refused(place, "it is not a regular file")
    return fd


def _check_owner(place: str, found: os.stat_result, owners: set[int]) -> None:
    """Refuses a file that a user could change to control what root does."""
    if found.st_uid not in owners:
        raise _refused(place, f"it belongs to user {found.st_uid}, not to root or to the user who ran sudo")
    if found.st_mode & OTHERS_WRITE:
        raise _refused(place, f"other users can write to it; fix that: chmod go-w {place}")


def _check_folder(place: str, owners: set[int]) -> None:
    """Refuses a folder in which another user could replace the file."""
    # The folder of the file itself if the path is a link.
    folder = os.path.dirname(os.path.realpath(place))
    for each in {folder, os.path.dirname(place)}:
        status = os.stat(each)
        if status.st_uid not in owners:
            raise _refused(
                place, f"its folder {each} belongs to user {status.st_uid}, not to root or to the user who ran sudo"
            )
        # In a sticky folder, users cannot replace the files of others. The owner of the file was checked before.
        if status.st_mode & OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
            raise _refused(place, f"other users can write to its folder {each}; fix that: chmod go-w {each}")


def _refused(place: str, found: str) -> InvalidArgument:
    return InvalidArgument(f"reading {place}: {found}; --no-config ignores the file")


def _entries(place: str, content: bytes) -> dict[str, Entry]:
    try:
        text = content.decode()
        found = _parsed(text)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidArgument(f"{place}:{line}: it is not UTF-8") from error
    except RecursionError as error:
        raise InvalidArgument(f"{place}: the arrays are nested too deeply") from error
    except ValueError as error:
        raise InvalidArgument(f"{place}: {error}") from error
    return {name: Entry(value, f"{place}:{_line_of(name, text)}") for name, value in found.items()}


def _parsed(text: str) -> dict[str, Any]:
    """Parses TOML. Imports the parser here, so that starting without a file is faster."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError as error:
            words = f"Python before 3.11 needs tomli: {pip()} install tomli, or use --no-config"
            raise InvalidArgument(words) from error
    return tomllib.loads(text)


def _line_of(name: str, text: str) -> int:
    """Returns the line of a key, counted from 1. The TOML parser does not give it."""
    lines = text.splitlines()
    key = re.compile(rf"""\s*\[*\s*["']?{re.escape(name)}\b""")
    for number, line in enumerate(lines, 1):
        if key.match(line) and _is_whole("\n".join(lines[: number - 1])):
            return number
    return 1


def _is_whole(text: str) -> bool:
    """Returns whether the text ends between statements, and not inside a value of several lines."""
    try:
        _parsed(text)
    except ValueError:
        return False
    return True
