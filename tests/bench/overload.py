"""A reader that cannot keep up: sockfilter stands still while a load goes by."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.runs import REST_S, await_rest, peak_mb
from tests.bench.tools import SOCKFILTER

if TYPE_CHECKING:
    from tests.bench.load import Server

# behind it, to see that all is well again
AFTER = 1000


class Overload(NamedTuple):
    """What was left of a load that nobody read.

    Attributes:
        kept: the load's rate by that without sockfilter.
        requests: that there were.
        seen: requests, those afterwards among them.
        lost: records that had no room, and what else the summary names.
        peak_mb: of sockfilter.
        recovered: whether those afterwards were all seen.
    """

    kept: float
    requests: int
    seen: int
    lost: int
    peak_mb: float
    recovered: bool


def overload(server: Server, requests: int) -> Overload:
    """Stops sockfilter, lets a load go by, lets it go on, and asks a little more."""
    alone = server.load(requests)
    command = [str(SOCKFILTER), "-i", "lo", "--ports", str(server.port), "--fail-on-loss"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.readline()
        output = os.dup(process.stdout.fileno())
        process.send_signal(signal.SIGSTOP)
        during = server.load(requests)
        process.send_signal(signal.SIGCONT)
        reader = subprocess.Popen(["wc", "-l"], stdin=output, stdout=subprocess.PIPE, text=True)
        os.close(output)
        await_rest(process.pid)
        process.send_signal(signal.SIGUSR1)
        time.sleep(REST_S)
        server.load(AFTER)
        await_rest(process.pid)
        peak = peak_mb(process.pid)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    reader.communicate()
    counts = [int(number) for number in re.findall(r"(\d+) requests", said)]
    lost = [int(number) for number in re.findall(r"room in the ring: (\d+)", said)]
    return Overload(
        during.rate / alone.rate, requests, counts[-1], lost[-1] if lost else 0, peak, counts[-1] - counts[0] == AFTER
    )
