"""How a capture ends: its exit status, and the reason for it."""

from __future__ import annotations

import errno
import os
import resource
from enum import Enum

from sockfilter.cli.descriptors import give_up, say
from sockfilter.errors import (
    FILE_LIMITS,
    RAISE_FILE_LIMIT,
    CommandNotExecutable,
    InvalidArgument,
    NoSuchCommand,
    TooManyOpenFiles,
)

OK, FAILED, USAGE, LOST, CHECK_FAILED, BROKEN_PIPE = 0, 1, 2, 3, 4, 141
# Descriptors that are enough for any capture: it needs about twenty, and one more for each interface.
DESCRIPTORS = 64
# Exit statuses beside a command, which may itself return any of the usual ones. env(1), nohup(1) and timeout(1) reserve
# these numbers.
LOST_BESIDE, FAILED_BESIDE, NOT_EXECUTABLE, NO_COMMAND = 124, 125, 126, 127


class Reason(Enum):
    """Why a capture ended; the values stand in the summary line."""

    SIGNAL = "signal"  # SIGINT, SIGTERM or SIGHUP
    COUNT = "count"  # -c
    DURATION = "duration"  # --duration
    FILE_END = "file-end"  # -r: the whole file was read
    IDLE = "idle"  # --exit-on-idle
    FILES_FULL = "files-full"  # -W: the last file is full
    COMMAND_END = "command-end"  # the command behind -- has ended
    READER_GONE = "reader-gone"  # standard output has no reader any more
    READER_STOPPED = "reader-stopped"  # a signal requested the end while standard output was full
    ERROR = "error"  # an error prevented or ended the capture


def lacks_descriptors(error: Exception) -> bool:
    """Whether an error says that no more files can be opened; the dynamic linker says so in an ImportError."""
    number = next((each.errno for each in (error, error.__cause__) if isinstance(each, OSError)), None)
    return isinstance(error, TooManyOpenFiles) or number in FILE_LIMITS or os.strerror(errno.EMFILE) in str(error)


def said_of(error: Exception) -> str:
    """Returns the text of an error. For a descriptor limit, adds how to raise the limit."""
    if not lacks_descriptors(error):
        return str(error)
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit >= DESCRIPTORS:
        return str(error) if isinstance(error, TooManyOpenFiles) else f"{error}; {RAISE_FILE_LIMIT}"
    return (
        f"opening the capture's files: {os.strerror(errno.EMFILE)}: the limit is {limit}, and a capture needs"
        f" {DESCRIPTORS}; raise the limit: ulimit -n {DESCRIPTORS}{'' if most >= DESCRIPTORS else ', as root'}"
    )


def fail(error: Exception, *, beside: bool = False) -> int:
    """Reports an error and returns the exit status.

    Args:
        error: the error.
        beside: a command runs beside the capture; use a status that a command is unlikely to return.
    """
    if isinstance(error, BrokenPipeError):
        give_up()
        return BROKEN_PIPE
    say(said_of(error))
    if isinstance(error, NoSuchCommand):
        return NO_COMMAND
    if isinstance(error, CommandNotExecutable):
        return NOT_EXECUTABLE
    if isinstance(error, InvalidArgument):
        return USAGE
    give_up()
    return FAILED_BESIDE if beside else FAILED
