"""Commands that hold fewer rights than the tests."""

from __future__ import annotations

from tests.support.skips import need_tool

# before Linux 5.11 maps count as locked memory, which is a limit and not a right
UNLIMITED = ("sh", "-c", 'ulimit -l unlimited 2>&- || true; exec "$@"', "sh")


def without_rights(*kept: str) -> tuple[str, ...]:
    """As nobody, with these capabilities alone, and that of reading files, so that the project may lie anywhere."""
    return *UNLIMITED, *limited(*sets("dac_read_search", *kept))


def limited(*options: str) -> tuple[str, ...]:
    """As nobody, with setpriv's options."""
    return need_tool("setpriv"), "--reuid=65534", "--clear-groups", *options


def sets(*kept: str) -> tuple[str, str]:
    """setpriv's options for these capabilities alone."""
    names = ",".join(f"+{name}" for name in kept)
    return f"--inh-caps={names}", f"--ambient-caps={names}"
