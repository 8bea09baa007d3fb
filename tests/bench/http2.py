"""HTTP/2: recordings of h2load read as text and as JSON, beside HTTP/1 and tshark; and a load that is captured live."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import load
from tests.bench.runs import ENVIRONMENT, watch
from tests.bench.table import Verdict, at_most
from tests.bench.tools import OURS, SOCKFILTER
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.load import Load, Server

# streams of a connection at a time
STREAMS = 10
# what is asked for
ONE, MANY = ["/"], [f"/shop/items/{7919 * i % 100_003}?page={i % 17}&sort=price" for i in range(load.UNIQUE_TARGETS)]
# the most that it may cost, by tshark's cost, and by that of HTTP/1
BY_TSHARK = {"one path": 1 / 10, "distinct paths": 1 / 8}
BY_HTTP1 = {"text": 1.3, "jsonl": 2.0}
SETTLE_S = 0.5


class Cost(NamedTuple):
    """Processor seconds of one way to read one recording: the least of all rounds.

    Attributes:
        way: "text", "jsonl" or "tshark".
        what: the recording.
        cpu_s: user and system time.
    """

    way: str
    what: str
    cpu_s: float


def http2(rounds: int, requests: int) -> tuple[list[Cost], list[Verdict]]:
    """The costs, and what they are by those of others. All ways are taken in turn in each round."""
    with load.server(http2=True) as two, load.server() as one, tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        work.chmod(0o777)  # tcpdump gives up its rights before it opens the file
        files = {
            "one path": _record(work / "one", two, requests, ONE),
            "distinct paths": _record(work / "many", two, requests, MANY),
            "HTTP/1, one path": _record(work / "http1", one, requests, ONE),
            "HTTP/1, distinct paths": _record(work / "http1-many", one, requests, MANY),
        }
        commands = _commands(files, two.port)
        found: dict[tuple[str, str], list[float]] = {ways: [] for ways in commands}
        for way in BY_HTTP1:
            _cpu_s(commands[way, "one path"])  # warm-up
        for _ in range(rounds):
            for ways, command in commands.items():
                found[ways].append(_cpu_s(command))
        live = [watch(OURS, two.port, lambda: _load(two, requests, ONE)) for _ in range(rounds)]
    costs = [Cost(way, what, min(times)) for (way, what), times in found.items()]
    figures = ", ".join(f"{run.messages}/{2 * run.requests}" for run in live)
    is_all = all(run.messages == 2 * run.requests and not run.status for run in live)
    return costs, [*_verdicts(costs), Verdict("all of HTTP/2 live", figures, is_all)]


def _load(server: Server, requests: int, paths: list[str]) -> Load:
    return server.load(requests, 16, *paths, streams=STREAMS if server.is_http2 else 0)


def _record(path: Path, server: Server, requests: int, paths: list[str]) -> Path:
    """A recording of a load."""
    command = [need_tool("tcpdump"), "-i", "lo", "--immediate-mode", "-B", "262144", "-w", str(path)]
    with subprocess.Popen([*command, "tcp", "port", str(server.port)], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(SETTLE_S)
        _load(server, requests, paths)
        time.sleep(SETTLE_S)
        process.terminate()
        said = process.stderr.read().decode()
    assert "\n0 packets dropped by kernel" in said, said  # a loss costs what is measured elsewhere
    return path


def _commands(files: dict[str, Path], port: int) -> dict[tuple[str, str], list[str]]:
    """The commands, by way and recording."""
    made = {
        (way, what): [str(SOCKFILTER), "-r", str(path), "--format", way]
        for what, path in files.items()
        for way in BY_HTTP1
    }
    if shutil.which("tshark"):
        for what in BY_TSHARK:
            fields = [f"http2.headers.{name}" for name in ("method", "path", "status")]
            made["tshark", what] = [
                *("tshark", "-n", "-r", str(files[what]), "-d", f"tcp.port=={port},http2", "-Y", "http2.headers"),
                *("-T", "fields", *(word for name in ("http2.streamid", *fields) for word in ("-e", name))),
            ]
    return made


def _cpu_s(command: list[str]) -> float:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=ENVIRONMENT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert not process.returncode, command
    return used.ru_utime + used.ru_stime


def _verdicts(costs: list[Cost]) -> list[Verdict]:
    by = {(cost.way, cost.what): cost.cpu_s for cost in costs}
    found = []
    for what, by_tshark in BY_TSHARK.items():
        for way, by_http1 in BY_HTTP1.items():
            ours = by[way, what]
            about = f"HTTP/2 read from a file, {what}, {way}: CPU"
            if ("tshark", what) in by:
                found.append(at_most(f"{about} by that of tshark", ours / by["tshark", what], by_tshark))
            found.append(at_most(f"{about} by that of HTTP/1", ours / by[way, f"HTTP/1, {what}"], by_http1))
    return found


def shown(costs: list[Cost], requests: int, show: Callable[[str], None]) -> None:
    """Shows the costs, one in a line."""
    for cost in costs:
        show(
            f"{f'{cost.what}, {cost.way}':<34} {cost.cpu_s:>7.2f} s, {cost.cpu_s / requests * 1e6:>6.2f} us an exchange"
        )
