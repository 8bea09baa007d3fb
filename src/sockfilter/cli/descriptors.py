"""The descriptors of standard input, output and error, which may be closed."""

from __future__ import annotations

import os

STDIN, STDOUT, STDERR = 0, 1, 2


def hold() -> bool:
    """Opens /dev/null in place of standard descriptors that are closed. Returns whether standard output was open.

    The kernel gives the lowest free number to the next descriptor. Without this, text for a person could go to a packet
    socket and onto the network.
    """
    is_open = True
    for fd in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is the closed one
            is_open = is_open and fd != STDOUT
    return is_open


def say(text: str) -> None:
    """Writes lines to standard error. Ignores errors."""
    from sockfilter.escape import printable  # other users choose names of interfaces

    for line in text.split("\n"):
        try:
            os.write(STDERR, f"sockfilter: {printable(line)}\n".encode())
        except OSError:
            return


def give_up() -> None:
    """Closes standard output after an error, so that Python's flush at exit does not fail again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    os.close(null)
