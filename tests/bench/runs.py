"""One run: a tool looks on while a load goes by. What it saw, what it cost, and what the load felt of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.load import Load
    from tests.bench.tools import Tool

READY_S = 20.0
# a tool that has used no processor for so long has done all its work
REST_S = 0.4
WORK_S = 90.0
LOOK_S = 0.005
# as its user has it: Python's compiled files are kept
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
# processor time that counts as work
WORK_MIN_S = 0.005


class Run(NamedTuple):
    """Figures of one run.

    Attributes:
        requests, rate: the load's.
        messages: that the tool has seen; None: it does not say.
        cpu_s: user and system time of the tool and its children.
        peak_mb: the largest of its processes.
        start_s: until it listened.
        status: its exit status.
    """

    requests: int
    rate: float
    messages: int | None
    cpu_s: float
    peak_mb: float
    start_s: float
    status: int


def watch(tool: Tool, port: int, load: Callable[[], Load]) -> Run:
    """Starts a tool, lets a load go by, lets the tool finish its work, and ends it."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        work.chmod(0o777)  # tcpdump gives up its rights before it opens the file
        out, said = work / "out", work / "said"
        with out.open("wb") as stdout, said.open("wb") as stderr:
            if not tool.takes_stdout:
                out.chmod(0o666)
            began = time.monotonic()
            process = subprocess.Popen(
                tool.command(port, str(out)),
                stdin=subprocess.DEVNULL,
                stdout=stdout if tool.takes_stdout else stderr,
                stderr=stderr,
                env=ENVIRONMENT,
            )
            try:
                start_s = _await_ready(tool, process, said) - began
                done = load()
                await_rest(process.pid)
                peak = peak_mb(process.pid)
            finally:
                process.send_signal(signal.SIGINT)
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        return Run(
            done.requests,
            done.rate,
            tool.count(out) if tool.count else None,
            used.ru_utime + used.ru_stime,
            peak,
            start_s,
            process.returncode,
        )


def _await_ready(tool: Tool, process: subprocess.Popen[bytes], said: Path) -> float:
    """When it listened. What says nothing is given a second."""
    if not tool.ready:
        time.sleep(1)
        return time.monotonic()
    end = time.monotonic() + READY_S
    while tool.ready not in said.read_bytes():
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"{tool.name} does not listen: {said.read_text(errors='replace')}")
        time.sleep(LOOK_S)
    ready = time.monotonic()
    # tshark says so before its capture process has begun
    time.sleep(1 if tool.is_slow else 0.1)
    return ready


def await_rest(pid: int) -> None:
    """Until it, and its children, have nothing more to do."""
    end, used, since = time.monotonic() + WORK_S, -1.0, time.monotonic()
    while time.monotonic() < end:
        now = cpu_s(pid)
        if now > used + WORK_MIN_S:
            used, since = now, time.monotonic()
        elif time.monotonic() - since > REST_S:
            return
        time.sleep(REST_S / 8)


def cpu_s(pid: int) -> float:
    """Seconds on a processor, of a process and its living children: finer than the clock ticks of their times."""
    total = 0
    for one in (pid, *_children(pid)):
        for thread in Path(f"/proc/{one}/task").glob("*/schedstat"):
            with suppress(OSError):  # it has ended
                total += int(thread.read_text().split()[0])
    return total / 1e9


def peak_mb(pid: int) -> float:
    """Of the process; what wait4() says has what this one had when it forked."""
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{one}/status").read_text()) for one in (pid, *_children(pid))]
    return max(int(peak[1]) for peak in peaks if peak) / 1024


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
