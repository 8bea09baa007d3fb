"""Loss: nothing goes missing in silence, and --fail-on-loss makes it an exit status."""

from __future__ import annotations

import re
import signal

import pytest

from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import curl
from tests.support.command import Done, Sniffer
from tests.support.servers import Site


@pytest.fixture
def site(loopback: Sites) -> Site:
    return loopback.get("python")


def flooded(site: Site, *options: str) -> Done:
    """What the command says of more traffic than its ring holds: it is kept from reading meanwhile."""
    with Sniffer("-i", "lo", "--ports", str(site.port), *options) as sniffer:
        sniffer.send(signal.SIGSTOP)
        curl(site, EVERYTHING)
        sniffer.send(signal.SIGCONT)
        return sniffer.end()


def number(done: Done, words: str) -> int:
    """The figure that the summary gives for a loss."""
    (line,) = (line for line in done.said if words in line)
    return int(re.search(r": (\d+) \(", line)[1])


def test_a_ring_of_a_page_that_is_flooded_loses_and_says_so(site):
    done = flooded(site, "-B", "4", "--fail-on-loss")
    assert done.status == 3
    assert number(done, "records lost for want of room in the ring: ") > 0
    assert all("(a larger ring: -B)" in line for line in done.said if "room in the ring" in line)


def test_the_same_without_the_option_is_status_0(site):
    done = flooded(site, "-B", "4")
    assert done.status == 0
    assert number(done, "records lost for want of room in the ring: ") > 0


def test_the_same_with_room_for_it_loses_nothing(site):
    done = flooded(site, "-B", "64M", "--fail-on-loss", "--format", "jsonl", "--body", "all")
    assert done.status == 0
    assert [line["request"]["target"] for line in done.json] == [ask.target for ask in EVERYTHING]
    assert not [line for line in done.said if "(" in line]


def test_a_snap_length_that_cuts_is_loss(site):
    with Sniffer("-i", "lo", "--ports", str(site.port), "-s", "100", "--fail-on-loss") as sniffer:
        curl(site, [SMALL])
        done = sniffer.end()
    assert done.status == 3
    assert number(done, "packets cut at the snap length: ") > 0
    assert any("(a larger -s, or none)" in line for line in done.said)


def test_quiet_is_silent_about_loss_but_for_the_status(site):
    done = flooded(site, "-B", "4", "--fail-on-loss", "-q")
    assert (done.status, done.said) == (3, [])


def test_nothing_lost_is_status_0(site):
    with Sniffer("-i", "lo", "--ports", str(site.port), "--fail-on-loss") as sniffer:
        curl(site, EVERYTHING)
        done = sniffer.end()
    assert done.status == 0
    assert len(done.lines) == len(EVERYTHING)


def test_what_was_lost_does_not_spoil_what_follows(site):
    with Sniffer("-i", "lo", "--ports", str(site.port), "-B", "4") as sniffer:
        sniffer.send(signal.SIGSTOP)
        curl(site, EVERYTHING)
        sniffer.send(signal.SIGCONT)
        while "bytes missing" not in (ledger_of(sniffer)):
            pass
        curl(site, [SMALL])
        done = sniffer.end()
    # connections whose end was lost may be told of later
    assert [line for line in done.lines if re.search(r"GET /small +200 +31 B .* [mu]s$", line)]


def ledger_of(sniffer: Sniffer) -> str:
    sniffer.send(signal.SIGUSR1)
    return sniffer.said()
