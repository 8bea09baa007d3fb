"""What pytest loads in the guest: each test's outcome goes into a file at once, and none takes for ever.

The file is JSON lines. A run that was cut short goes on where it was: what has an outcome is not run again,
and a test in which the guest ended has failed.
"""

from __future__ import annotations

import json
import os
import platform
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

RESULTS = Path(os.environ["SOCKFILTER_RESULTS"])
# seconds; the slowest takes 3 on a processor that is not emulated
TEST_S_MAX = 240
# characters of a failure, or of a reason to skip
WORDS_MAX = 2000


def write(**fields: object) -> None:
    """A line of results, safe from the guest's end."""
    with RESULTS.open("a") as file:
        file.write(json.dumps(fields) + "\n")
        file.flush()
        os.fsync(file.fileno())


def pytest_sessionstart() -> None:
    write(
        release=platform.release(),
        architecture=platform.machine(),
        btf=os.path.exists("/sys/kernel/btf/vmlinux"),
        processors=os.cpu_count(),
    )


@pytest.hookimpl(trylast=True)  # after -k and -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what was run before."""
    ended, pending = set(), set()
    for line in map(json.loads, RESULTS.read_text().splitlines()):
        if "began" in line:
            pending.add(line["began"])
        elif "outcome" in line:
            ended.add(line["test"])
            pending.discard(line["test"])
        elif line.get("stopped"):  # from outside, which is no fault of the test
            pending.clear()
    for name in pending:
        write(test=name, outcome="failed", why="the guest ended during it", seconds=0.0)
        ended.add(name)
    left_out = [item for item in items if item.nodeid in ended]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item.nodeid not in ended]
    write(tests=len(items) + len(left_out))


def _too_long(number: int, frame: FrameType | None) -> None:
    pytest.fail(f"no end after {TEST_S_MAX} seconds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    write(began=item.nodeid)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(TEST_S_MAX)
    try:
        return (yield)
    finally:
        signal.alarm(0)


class Outcomes:
    """Of one test's three steps, one outcome."""

    def __init__(self) -> None:
        self._steps: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._steps.append(report)
        if report.when != "teardown":
            return
        steps, self._steps = self._steps, []
        decisive = next((step for step in steps if step.outcome != "passed"), steps[-1])
        write(
            test=report.nodeid,
            outcome=decisive.outcome,
            why=_words(decisive),
            seconds=round(sum(step.duration for step in steps), 2),
            properties=dict(report.user_properties),
        )


def _words(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])[:WORDS_MAX]
    return report.longreprtext[-WORDS_MAX:]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes(), "outcomes")


def pytest_sessionfinish(exitstatus: int) -> None:
    # 5: nothing was left to run
    write(finished=int(exitstatus) in (0, 1, 5))
