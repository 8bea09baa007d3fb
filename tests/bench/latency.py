"""How soon: from a response to its line, and from flush() to its return, on a machine that has nothing else to do."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from statistics import median
from typing import NamedTuple

import sockfilter
from tests.bench.runs import ENVIRONMENT
from tests.bench.tools import SOCKFILTER

TRIES = 50
BETWEEN_S = 0.02
STARTS = 11
BETWEEN_STARTS_S = 0.2
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
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

    def exchange(self) -> None:
        self.client.sendall(REQUEST)
        self.server.recv(1 << 16)
        self.server.sendall(RESPONSE)
        self.client.recv(1 << 16)

    def close(self) -> None:
        self.client.close()
        self.server.close()


def latencies() -> list[Latency]:
    """Of the start, of a line, and of flush()."""
    return [_of("start", _starts()), _of("a line after its response", _lines()), _of("flush()", _flushes())]


def _of(what: str, seconds: list[float]) -> Latency:
    return Latency(what, median(seconds) * 1e3, max(seconds) * 1e3)


def _starts() -> list[float]:
    """From the command to where it listens."""
    found = []
    for _ in range(STARTS):
        time.sleep(BETWEEN_STARTS_S)
        began = time.perf_counter()
        command = [str(SOCKFILTER), "-i", "lo", "--ports", "1"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
            assert process.stderr is not None
            process.stderr.readline()
            found.append(time.perf_counter() - began)
            process.terminate()
    return found


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
