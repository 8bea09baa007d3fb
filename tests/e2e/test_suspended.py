"""Suspended for a while under load: what had no room is counted, and all that comes later is there."""

from __future__ import annotations

import re
import signal

import pytest

from tests.e2e.conftest import Sites
from tests.support.clients import Ask, curl
from tests.support.command import Sniffer

BEFORE, MEANWHILE, AFTER = 20, 400, 20


def asks(name: str, count: int) -> list[Ask]:
    return [Ask("GET", f"/{name}?{number}") for number in range(count)]


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_twice(loopback: Sites, form: str):
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-B", "64", "--format", form, "--fail-on-loss") as sniffer:
        curl(site, asks("before", BEFORE))
        for _ in range(2):
            sniffer.send(signal.SIGSTOP)
            curl(site, asks("meanwhile", MEANWHILE))
            sniffer.send(signal.SIGCONT)
            sniffer.send(signal.SIGUSR1)
            # once it reads again
            while "room in the ring" not in sniffer.said():
                sniffer.send(signal.SIGUSR1)
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
