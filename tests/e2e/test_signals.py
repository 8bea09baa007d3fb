"""Signals: each way of asking for the end ends it well, at any moment."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from tests.e2e.asks import SMALL
from tests.support.clients import curl, load
from tests.support.command import COMMAND, WAIT_S, Lines, Sniffer, environment
from tests.support.net import free_port
from tests.support.odd import everything, talking

pytestmark = pytest.mark.usefixtures("root")

GET = b"GET /open HTTP/1.1\r\nHost: x\r\n\r\n"
ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ENDING)
def test_it_ends_with_a_summary_and_status_0(loopback, number):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port)) as sniffer:
        curl(site, [SMALL])
        done = sniffer.end(number)
    assert done.status == 0
    assert done.output.endswith(b"\n")
    assert re.fullmatch(r"sockfilter: 1 exchange, 1 request, 1 response, \d+ packets seen", done.said[-1])


def test_requests_that_are_open_are_shown_at_the_end():
    with (
        talking(everything) as site,
        Sniffer("-i", "lo", "--ports", str(site.port)) as sniffer,
        site.connect() as connection,
    ):
        connection.sendall(GET)
        done = sniffer.end()
    assert "GET /open" in done.lines[0]
    assert done.lines[0].endswith("[no-response, capture-ended]")
    assert "sockfilter: messages without their other half: capture-ended 1" in done.said


def test_usr1_tells_the_ledger_on_one_line_and_goes_on(loopback):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port)) as sniffer:
        for count in ("1 exchange, 1 request,", "2 exchanges, 2 requests,"):
            curl(site, [SMALL])
            assert "/small" in sniffer.line()
            sniffer.send(signal.SIGUSR1)
            assert sniffer.said().startswith(f"sockfilter: {count}")
        assert len(sniffer.end().said) == 4


def test_term_under_load_is_status_0_whatever_the_traffic(loopback):
    site = loopback.get("nginx")
    with load(site):
        for _ in range(8):
            with Sniffer("-i", "lo", "--ports", str(site.port)) as sniffer:
                assert sniffer.line()
                done = sniffer.end(signal.SIGTERM)
            assert done.status == 0
            assert done.output.endswith(b"\n")
            assert done.said[-1].startswith("sockfilter: ")


def test_int_again_and_again_is_status_0(loopback):
    site = loopback.get("nginx")
    with load(site), Sniffer("-i", "lo", "--ports", str(site.port)) as sniffer:
        assert sniffer.line()
        while sniffer.process.poll() is None:
            sniffer.send(signal.SIGINT)
        done = sniffer.wait()
    assert done.status == 0
    assert not [line for line in done.said if not line.startswith("sockfilter: ")]


# -X importtime tells when a module has been imported: some on the way from the first of ours to the last.
# Before the handlers are there, SIGTERM ends any process.
MOMENTS = [
    ("sockfilter.cli.signals", signal.SIGINT),
    *(
        (name, number)
        for name in ("argparse", "sockfilter.cli.command", "sockfilter.captures.capture")
        for number in ENDING
    ),
]


@pytest.mark.parametrize(("moment", "number"), MOMENTS)
def test_it_ends_well_while_it_starts(moment, number):
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], "-i", "lo", "--ports", str(free_port())]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        said = Lines(process.stderr)
        while not (line := said.next()).endswith(f" {moment}"):
            assert line, f"{moment} is not imported"
        process.send_signal(number)
        status = process.wait(WAIT_S)
    rest = [line for line in said.all().decode().splitlines() if not line.startswith("import time:")]
    assert status == 0
    assert all(line.startswith("sockfilter: ") for line in rest), rest
