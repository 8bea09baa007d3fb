"""The command: the only place that prints, exits, reads the environment, or handles signals."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["main"]

OK, FAILED = 0, 1
STDERR = 2

# Without memory, these come in place of MemoryError: from the dynamic linker for an extension module (glibc,
# elf/dl-load.c), and from the interpreter for a module whose code it cannot read.
OUT_OF_MEMORY = ("failed to map segment", "error return without exception set", "without setting an exception")
NO_MEMORY = b"sockfilter: out of memory; raise its limit (ulimit -v), or choose a smaller ring: -B\n"


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
        argv: the words of the command line. None: the arguments of this process, which this call ends.
    """
    if argv is None:
        sys.unraisablehook = _unraisable
    try:
        status = _run(argv)
    except Exception as error:
        # The stack has been unwound, so that there may be memory and descriptors for a line; perhaps not for a call.
        if not (isinstance(error, MemoryError) or _is_out_of_memory(error)):
            raise
        os.write(STDERR, NO_MEMORY)
        status = FAILED
    if argv is None:
        # All is written and closed. The end of the interpreter takes time, and without memory it prints long texts.
        os._exit(status)
    return status


def _run(argv: list[str] | None) -> int:
    # Before the other imports: handle Ctrl-C, and open descriptors that are closed.
    try:
        from sockfilter.cli import descriptors
        from sockfilter.cli.signals import Signals

        if not descriptors.hold():
            descriptors.say("writing to standard output: it is closed; redirect it to a file or a pipe")
            return FAILED
        with Signals(until_exit=argv is None) as signals:
            from sockfilter.cli.command import command

            return command(argv, signals)
    except KeyboardInterrupt:
        return OK


def _unraisable(of: UnraisableHookArgs) -> None:
    """Says nothing of memory that an object lacked at its end: the command says so itself, in one line."""
    if not _is_out_of_memory(of.exc_value):
        sys.__unraisablehook__(of)


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised for, says that there is no memory."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if any(words in str(error) for words in OUT_OF_MEMORY):
            return True
        error = error.__cause__ or error.__context__
    return False
