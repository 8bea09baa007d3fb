"""A running sockfilter, what it takes from time to time, and what it says at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from tests.bench.runs import cpu_s
from tests.support.command import COMMAND, environment

if TYPE_CHECKING:
    from types import TracebackType

# for what is still in its ring and its pipe
END_S = 120.0
CHUNK_BYTES = 1 << 16


class Sample(NamedTuple):
    """At one moment. cpu_us: of a processor for each request since the sample before."""

    memory_mb: float
    descriptors: int
    cpu_us: float


class Watched:
    """The command, from when it listens until it has ended.

    Args:
        name: what it is called in the table.
        options: of the command.
        output: a file for its output; None: a pipe, whose lines are counted.
    """

    def __init__(self, name: str, options: list[str], output: Path | None) -> None:
        self.name = name
        self._options = options
        self._path = output
        self.samples: list[Sample] = []
        self.lines = 0
        self.said: list[str] = []
        self.status: int | None = None

    def __enter__(self) -> Watched:
        with open(self._path or os.devnull, "wb") as file:
            self._process = subprocess.Popen(
                [*COMMAND, "--fail-on-loss", *self._options],
                stdin=subprocess.DEVNULL,
                stdout=file if self._path else subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
            )
        assert self._process.stderr is not None
        greeting = self._process.stderr.readline().decode()
        assert "listening" in greeting, greeting
        self._reader = threading.Thread(target=self._count, args=(self._process.stdout,))
        if self._path is None:
            self._reader.start()
        self._cpu_s, self._requests = cpu_s(self._process.pid), 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status is None:
            self._process.kill()
            self._process.communicate()

    def sample(self, requests: int) -> None:
        """Notes what it takes now, when there have been so many requests."""
        pid = self._process.pid
        resident = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        assert resident is not None, f"{self.name} has ended"
        used, descriptors = cpu_s(pid), len(os.listdir(f"/proc/{pid}/fd"))
        cpu_us = 1e6 * (used - self._cpu_s) / max(1, requests - self._requests)
        self.samples.append(Sample(int(resident[1]) / 1024, descriptors, cpu_us))
        self._cpu_s, self._requests = used, requests

    def end(self) -> None:
        """Asks it to end, and takes what it says."""
        self._process.send_signal(signal.SIGTERM)
        if self._path is None:
            self._reader.join(END_S)
        assert self._process.stderr is not None
        self.said = self._process.stderr.read().decode().splitlines()
        self.status = self._process.wait(END_S)
        if self._path is not None:
            with self._path.open("rb") as file:
                self._count(file)

    def figure(self, noun: str) -> int:
        """What its summary counts, or -1."""
        found = re.search(rf"(\d+) {noun}s?\b", " ".join(self.said))
        return int(found[1]) if found else -1

    def _count(self, file: IO[bytes] | None) -> None:
        assert file is not None
        while chunk := os.read(file.fileno(), CHUNK_BYTES):
            self.lines += chunk.count(b"\n")
