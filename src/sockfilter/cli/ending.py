"""How a capture ends: its exit status, and the reason for it."""

from __future__ import annotations

import errno
import os
import resource
from enum import Enum

from sockfilter.cli.descriptors import give_up, say
from sockfilter.errors import CommandNotExecutable, InvalidArgument, NoSuchCommand

OK, FAILED, USAGE, LOST, BROKEN_PIPE = 0, 1, 2, 3, 141
# descriptors that a capture is sure to get along with: it has some twenty, and one more for each interface
DESCRIPTORS = 64
# beside a command, whose own status may be any of these: the numbers that env(1), nohup(1) and timeout(1) keep for
# themselves
LOST_BESIDE, FAILED_BESIDE, NOT_EXECUTABLE, NO_COMMAND = 124, 125, 126, 127


class Reason(Enum):
    """Why a capture ended, as the summary line has it."""

    SIGNAL = "signal"  # SIGINT, SIGTERM or SIGHUP
    COUNT = "count"  # -c
    DURATION = "duration"  # --duration
    FILE_END = "file-end"  # -r: all of it was read
    FILES_FULL = "files-full"  # -W: the last file has had its time
    COMMAND_END = "command-end"  # the command behind -- has ended
    READER_GONE = "reader-gone"  # nobody reads standard output any more
    READER_STOPPED = "reader-stopped"  # a signal asked for the end, and standard output was full
    ERROR = "error"  # something was in the way


def said_of(error: Exception) -> str:
    """What to say of it: the kernel's words alone where it is another's, with what to do about a limit."""
    number = next((each.errno for each in (error, error.__cause__) if isinstance(each, OSError)), None)
    is_short = number in (errno.EMFILE, errno.ENFILE) or os.strerror(errno.EMFILE) in str(error)
    if not is_short:
        return str(error)
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit >= DESCRIPTORS:
        return f"{error}; close some files, or raise the limit: ulimit -n"
    return (
        f"opening the capture's files: {os.strerror(errno.EMFILE)}: the limit is {limit}, and a capture needs"
        f" {DESCRIPTORS}; raise the limit: ulimit -n {DESCRIPTORS}{'' if most >= DESCRIPTORS else ', as root'}"
    )


def fail(error: Exception, *, beside: bool = False) -> int:
    """Says what was in the way, and returns the exit status.

    Args:
        error: what was.
        beside: the status is that of a command, as long as it can be.
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
