"""Suspended for a while under load: what had no room is counted, and all that comes later is there."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Sites
from tests.support.clients import Ask, curl
from tests.support.command import Sniffer

BEFORE, MEANWHILE, AFTER = 20, 400, 20


def asks(name: str, count: int) -> list[Ask]:
    return [Ask("GET", f"/{name}?{number}") for number in range(count)]


def losses(sniffer: Sniffer) -> Iterator[int]:
    """What had no room in the ring until now: asks again and again, and waits for each answer."""
    while True:
        sniffer.send(signal.SIGUSR1)
        if found := re.search(r"room in the ring: (\d+)", sniffer.said()):
            yield int(found[1])


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_twice(loopback: Sites, form: str):
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-B", "64", "--format", form, "--fail-on-loss") as sniffer:
        curl(site, asks("before", BEFORE))
        lost = 0
        for _ in range(2):
            sniffer.send(signal.SIGSTOP)
            curl(site, asks("meanwhile", MEANWHILE))
            sniffer.send(signal.SIGCONT)
            before, lost = lost, next(found for found in losses(sniffer) if found > lost)
            assert lost > before
            # between two summaries it takes all that such a ring holds
            next(losses(sniffer))
        curl(site, asks("after", AFTER))
        done = sniffer.end()
    assert done.status == 3
    assert not [line for line in done.said if "balance" in line]
    summary = "\n".join(done.said)
    lost = int(re.findall(r"room in the ring: (\d+)", summary)[-1])
    assert lost > 0
    count = {name: sum(f"/{name}?" in line for line in done.lines) for name in ("before", "meanwhile", "after")}
    assert (count["before"], count["after"]) == (BEFORE, AFTER)
    assert 0 < count["meanwhile"] <= 2 * MEANWHILE
