"""The ssh session that the command runs in, so that it does not shut itself out."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "SSH_CONNECTION"
# processes above this one that are looked at: a shell, sudo, a terminal multiplexer, and what starts them
ANCESTORS_MAX = 32


class SshSession(NamedTuple):
    """Where the session comes from, and the port of the server."""

    client: str
    port: int


def ssh_session(environment: Mapping[str, str]) -> SshSession | None:
    """Returns the session. None: there is none. sudo removes the variable, so processes above this one are asked too.

    Args:
        environment: that of this process.
    """
    for value in (environment.get(NAME, ""), *_of_ancestors()):
        # ssh(1): client address, client port, server address, server port
        words = value.split()
        if len(words) == 4 and words[3].isdecimal():
            return SshSession(words[0].partition("%")[0].removeprefix("::ffff:"), int(words[3]))
    return None


def _of_ancestors() -> Iterator[str]:
    pid = os.getppid()
    for _ in range(ANCESTORS_MAX):
        if pid <= 1:
            return
        with suppress(OSError, UnicodeDecodeError), open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                if entry.startswith(f"{NAME}=".encode()):
                    yield entry.partition(b"=")[2].decode()
        try:
            with open(f"/proc/{pid}/stat") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return
