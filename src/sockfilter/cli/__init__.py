"""The command: the only place that prints, exits, reads the environment, or handles signals."""

from __future__ import annotations

import os

__all__ = ["main"]

OK, FAILED = 0, 1
STDERR = 2

# Without memory, these come in place of MemoryError: from the dynamic linker for an extension module (glibc,
# elf/dl-load.c), and from the interpreter for a module whose code it cannot read.
OUT_OF_MEMORY = ("failed to map segment", "error return without exception set")


def main(argv: list[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
        argv: the words of the command line. None: the arguments of this process, which exits after this call.
    """
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
    except (MemoryError, ImportError, SystemError) as error:
        if not any(words in str(error) for words in OUT_OF_MEMORY) and not isinstance(error, MemoryError):
            raise
        # The stack has been unwound, so there may be memory and descriptors for a line.
        os.write(STDERR, b"sockfilter: out of memory; raise its limit (ulimit -v), or choose a smaller ring: -B\n")
        return FAILED
