"""How soon: from the start to the first line, from a response to its line, and from flush() to its return; at rest."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from statistics import median
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

import sockfilter
from tests.bench.runs import ENVIRONMENT
from tests.bench.tools import SOCKFILTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TRIES = 50
BETWEEN_S = 0.02
STARTS = 11
BETWEEN_STARTS_S = 0.2
# between two exchanges while it starts: as fine as its start is told
BETWEEN_REQUESTS_S = 0.001
REQUEST = b"GET /%d HTTP/1.1\r\nHost: bench\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Latency(NamedTuple):
    """Milliseconds: the middle and the longest of some tries."""

    what: str
    median_ms: float
    max_ms: float


class Pair:
    """Both ends of a connection on loopback."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            self.client = socket.create_connection(("127.0.0.1", self.port))
            self.server, _ = listener.accept()

    def exchange(self, number: int = 0) -> None:
        self.client.sendall(REQUEST % number)
        self.server.recv(1 << 16)
        self.server.sendall(RESPONSE)
        self.client.recv(1 << 16)

    def close(self) -> None:
        self.client.close()
        self.server.close()


class Start(NamedTuple):
    """Milliseconds from exec: the middle and the shortest of some tries.

    Attributes:
        what: with which options.
        seen_ms, seen_min_ms: until the line of the first exchange that was seen is out.
        captured_ms: until that exchange began.
        python_ms: until `python -c pass` has ended, tried in turn with it.
    """

    what: str
    seen_ms: float
    seen_min_ms: float
    captured_ms: float
    python_ms: float


def starts() -> list[Start]:
    """With processes named, and without."""
    return [_start("processes named"), _start("--no-processes", "--no-processes")]


def latencies() -> list[Latency]:
    """Of a line, and of flush()."""
    return [_of("a line after its response", _lines()), _of("flush()", _flushes())]


def _of(what: str, seconds: list[float]) -> Latency:
    return Latency(what, median(seconds) * 1e3, max(seconds) * 1e3)


def _start(what: str, *options: str) -> Start:
    seen, captured, python = [], [], []
    for _ in range(STARTS):
        time.sleep(BETWEEN_STARTS_S)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True, env=ENVIRONMENT)
        python.append((time.perf_counter() - began) * 1e3)
        with closing(Pair()) as pair:
            request_s, line_s = _first_seen(pair, options)
        captured.append(request_s * 1e3)
        seen.append(line_s * 1e3)
    return Start(what, median(seen), min(seen), median(captured), median(python))


def _first_seen(pair: Pair, options: Sequence[str]) -> tuple[float, float]:
    """Seconds from exec until the first exchange that is seen began, and until its line is out."""
    command = [str(SOCKFILTER), "-i", "lo", "--ports", str(pair.port), "--format", "jsonl", "-q", *options]
    with _exchanges(pair) as began_s:
        start_s = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
            assert process.stdout is not None
            request = None
            while request is None:  # of one that was under way, the response alone is seen
                request = json.loads(process.stdout.readline())["request"]
                line_s = time.perf_counter()
            process.terminate()
            process.stdout.read()
    return began_s[int(request["target"].removeprefix("/"))] - start_s, line_s - start_s


@contextmanager
def _exchanges(pair: Pair) -> Iterator[list[float]]:
    """One after the other: when each began, by the number that it asks for."""
    began_s: list[float] = []
    is_over = Event()

    def run() -> None:
        while not is_over.wait(BETWEEN_REQUESTS_S):
            began_s.append(time.perf_counter())
            pair.exchange(len(began_s) - 1)

    running = Thread(target=run)
    running.start()
    try:
        yield began_s
    finally:
        is_over.set()
        running.join()


def _lines() -> list[float]:
    pair = Pair()
    command = [str(SOCKFILTER), "-i", "lo", "--ports", str(pair.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.readline()
        found = []
        for _ in range(TRIES):
            time.sleep(BETWEEN_S)
            pair.exchange()
            began = time.perf_counter()
            select.select([process.stdout], (), (), 5)
            found.append(time.perf_counter() - began)
            os.read(process.stdout.fileno(), 1 << 16)
        process.terminate()
    pair.close()
    return found


def _flushes() -> list[float]:
    pair, found = Pair(), []
    with sockfilter.capture("lo", ports=pair.port) as capture:
        for number in range(1, TRIES + 1):
            time.sleep(BETWEEN_S)
            pair.exchange()
            began = time.perf_counter()
            capture.flush()
            found.append(time.perf_counter() - began)
            assert len(capture.exchanges) == number
    pair.close()
    return found
