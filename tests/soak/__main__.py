"""Hours of mixed load beside the command: `python -m tests.soak [--minutes N] [--rate N]`. Needs root."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.soak.clients import Clients
from tests.soak.server import server
from tests.soak.table import HEAD, rows
from tests.soak.watched import Watched

SAMPLE_S = 10.0
NICE = 10
# bodies are decoded and shown, so that what keeps them is at work too
FORMS = {"text": ["-v"], "json": ["--format", "jsonl", "--body", "2000"]}


def main() -> int:
    """Prints the figures. Returns 0 where nothing grew and nothing was lost."""
    arguments = _arguments()
    os.nice(NICE)
    with tempfile.TemporaryDirectory() as directory, server() as site, ExitStack() as stack:
        outputs = {"text": Path(directory, "text"), "json": None}
        watched = [
            stack.enter_context(Watched(name, ["-i", "lo", "--ports", str(site.port), *FORMS[name]], output))
            for name, output in outputs.items()
        ]
        clients = Clients(site, arguments.rate)
        began = time.monotonic()
        clients.start()
        try:
            while time.monotonic() - began < arguments.minutes * 60 and not clients.failures:
                time.sleep(SAMPLE_S)
                for one in watched:
                    one.sample(clients.requests)
        finally:
            clients.stop()
        took = time.monotonic() - began
        for one in watched:
            one.end()
    return _report(watched, clients, took)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (60)")
    parser.add_argument("--rate", type=float, default=500, help="requests a second (500)")
    return parser.parse_args()


def _report(watched: list[Watched], clients: Clients, took_s: float) -> int:
    print(f"{clients.requests} requests in {took_s / 60:.0f} minutes, {clients.requests / took_s:.0f} a second\n{HEAD}")
    found = [row for one in watched for row in rows(one)]
    print("\n".join(map(str, found)))
    troubles = [f"clients: {failure}" for failure in clients.failures]
    for one in watched:
        print(f"{one.name}: status {one.status}, {one.lines} lines; {'; '.join(one.said)}")
        troubles += _troubles(one, clients)
    print("\n".join(["", *troubles] if troubles else ["nothing lost, all of it seen"]))
    return 1 if troubles or not all(row.is_flat for row in found) else 0


def _troubles(one: Watched, clients: Clients) -> list[str]:
    """Where what it says does not fit what the clients did, or itself."""
    found = []
    if one.status != 0:
        found.append(f"{one.name}: exit status {one.status}")
    if one.figure("request") != clients.requests:
        found.append(f"{one.name}: {one.figure('request')} requests of {clients.requests}")
    if one.name == "json" and one.lines != one.figure("exchange"):
        found.append(f"{one.name}: {one.lines} lines of {one.figure('exchange')} exchanges")
    found += [f"{one.name}: {line}" for line in one.said if "does not balance" in line]
    return found


if __name__ == "__main__":
    sys.exit(main())
