"""A subcommand that runs until it is asked to end, its outputs read as they come."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from tests.support.command import COMMAND, WAIT_S, Done, Lines, environment
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Mapping


class Running:
    """A subcommand from when it has said its first line until it has ended.

    Args:
        arguments: the words after sockfilter.
        env: more of an environment.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        need_root()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.output, self.errors = Lines(self.process.stdout), Lines(self.process.stderr)
        self.greeting = self.errors.next()

    def wait(self) -> Done:
        """Waits until it has ended by itself."""
        try:
            return Done(self.process.wait(WAIT_S), self.output.all(), self.errors.all())
        finally:
            self.process.kill()

    def end(self, number: int = signal.SIGINT) -> Done:
        """Asks it to end, and waits until it has."""
        self.process.send_signal(number)
        return self.wait()
