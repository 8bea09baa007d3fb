"""The real command, in a process of its own, its two outputs read as they come."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

COMMAND = (sys.executable, "-m", "sockfilter")
# the slowest start is one under load; the longest wait is for what never comes
WAIT_S = 60.0 * float(os.environ.get("SOCKFILTER_PATIENCE", "1"))
# what would make the command behave otherwise than where its user calls it
NOT_INHERITED = ("PYTHONUNBUFFERED", "NO_COLOR", "FORCE_COLOR", "TERM", "SUDO_UID")
OPTION = "SOCKFILTER_"
REDIRECTED = " may go past the network, where packets do not show them: "
BETWEEN_LOOKS_S = 0.005


@dataclass(frozen=True)
class Done:
    """What is left of a command that has ended."""

    status: int
    output: bytes
    errors: bytes

    @property
    def lines(self) -> list[str]:
        return self.output.decode().splitlines()

    @property
    def said(self) -> list[str]:
        """The lines of standard error, less what concerns the whole machine: another test may have a redirector."""
        return [line for line in self.errors.decode().splitlines() if REDIRECTED not in line]

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of the tests, less what a user's shell does not have, and what is this user's own."""
    kept = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED and not k.startswith(OPTION)}
    return kept | {"XDG_CONFIG_HOME": os.devnull} | dict(changes or {})


def run(
    *arguments: str,
    prefix: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | None = None,
    command: Sequence[str] = COMMAND,
) -> Done:
    """Runs a command that ends by itself."""
    done = subprocess.run(
        [*prefix, *command, *arguments],
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        timeout=WAIT_S,
    )
    return Done(done.returncode, done.stdout or b"", done.stderr)


class Lines:
    """A pipe, read by a thread: line by line as they come, and all of it at the end."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._coming: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._all: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def next(self) -> str:
        """The next line, without its end; waits for it. Empty: no more follow."""
        line = self._coming.get(timeout=WAIT_S)
        return (line or b"").decode().rstrip("\n")

    def all(self) -> bytes:
        """Everything; waits for the end."""
        self._thread.join(WAIT_S)
        self._pipe.close()
        return b"".join(self._all)

    def _read(self) -> None:
        # a terminal's other end that was closed is an error
        with suppress(OSError):
            for line in self._pipe:
                self._all.append(line)
                self._coming.put(line)
        self._coming.put(None)


class Sniffer:
    """The command from when it captures until it has ended.

    Args:
        arguments: of the command.
        prefix: what runs it.
        env: more of an environment.
        stdout: where its output goes, in place of a pipe that line() reads.
        command: what it is called by.
    """

    def __init__(
        self,
        *arguments: str,
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        stdout: IO[bytes] | int | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        need_root()
        self._command = [*prefix, *command, *arguments]
        self._env = environment(env)
        self._stdout = stdout
        self._done: Done | None = None

    def __enter__(self) -> Sniffer:
        self.process = subprocess.Popen(
            self._command,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self._stdout is None else self._stdout,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr is not None
        self._errors = Lines(self.process.stderr)
        self._output = Lines(self.process.stdout) if self.process.stdout else None
        try:
            self._await_capture()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._done is None:
            self._kill()

    def line(self) -> str:
        """The next line of the output; waits for it. Empty: there are no more."""
        assert self._output is not None
        return self._output.next()

    def said(self) -> str:
        """The next line on standard error; waits for it. Empty: there are no more."""
        return self._errors.next()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def ended_within(self, seconds: float) -> bool:
        """Whether it ends by itself in so many seconds from now."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, number: int = signal.SIGINT) -> Done:
        """Asks it to end, and waits until it has."""
        self.send(number)
        return self.wait()

    def wait(self) -> Done:
        """Waits until it has ended by itself."""
        status = self.process.wait(WAIT_S)
        output = self._output.all() if self._output else b""
        self._done = Done(status, output, self._errors.all())
        return self._done

    def _await_capture(self) -> None:
        if "-q" not in self._command:
            greeting = self.said()
            assert greeting.startswith("sockfilter: listening on "), greeting
            return
        deadline = time.monotonic() + WAIT_S
        while not captures(self.process.pid):
            assert self.process.poll() is None, self.wait()
            assert time.monotonic() < deadline, "does not capture"
            time.sleep(BETWEEN_LOOKS_S)

    def _kill(self) -> None:
        self.process.kill()
        self.wait()


def captures(pid: int) -> bool:
    """Whether a process has a packet socket that is bound, in its own network namespace."""
    try:
        sockets = Path(f"/proc/{pid}/net/packet").read_text().splitlines()[1:]
        held = set(descriptors(pid))
    except OSError:
        return False
    # sk RefCnt Type Proto Iface R Rmem User Inode
    return any(
        f"socket:[{words[8]}]" in held and words[3] != "0000" for words in (re.split(r"\s+", line) for line in sockets)
    )


def descriptors(pid: int) -> Iterator[str]:
    """What a process has open, less what it closes meanwhile."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{pid}/fd/{name}")
