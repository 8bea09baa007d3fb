"""The descriptors of standard input, output and error, which may be closed."""

from __future__ import annotations

import os

STDIN, STDOUT, STDERR = 0, 1, 2


def hold() -> bool:
    """Puts something in the place of those that are closed. Returns whether standard output was open.

    The next descriptors would take their places: what is meant for a person would go to a packet
    socket, and so to the network.
    """
    is_open = True
    for fd in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            is_open = is_open and fd != STDOUT
    return is_open


def say(text: str) -> None:
    """Lines on standard error, if it takes them."""
    from sockfilter.escape import printable  # interfaces, too, are named by others

    for line in text.split("\n"):
        try:
            os.write(STDERR, f"sockfilter: {printable(line)}\n".encode())
        except OSError:
            return


def give_up() -> None:
    """After standard output has failed: what Python still wants to flush at exit must not fail once more."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    os.close(null)
