"""A pipe that is full, as its reader does not read: it waits, loses no more than it must, and ends when asked to."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import Ask, curl, load
from tests.support.command import COMMAND, WAIT_S, Lines, environment
from tests.support.servers import Site

pytestmark = pytest.mark.usefixtures("root")

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# of the pipe, which has 64 KiB otherwise: it is full the sooner
PIPE_BYTES = 16 << 10
# where it is full: a write that needs more than the rest of a page takes another
FULL_BYTES = PIPE_BYTES // 2
LOOK_MS = 1
REQUESTS, LAST = 500, 20


@contextmanager
def unread(site: Site, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], ExitStack]]:
    """The command under load, its output full, as nobody reads it; and what ends the load."""
    command = [*COMMAND, "-i", "lo", "--ports", str(site.port), *options]
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    room = select.poll()
    room.register(write, select.POLLOUT)
    with subprocess.Popen(command, env=environment(), stdout=write, stderr=subprocess.PIPE) as process:
        process.stdout = os.fdopen(read, "rb")
        try:
            with ExitStack() as stack:
                stack.enter_context(load(site))
                while room.poll(LOOK_MS):
                    assert process.poll() is None
                os.close(write)
                yield process, stack
        finally:
            process.kill()


@pytest.mark.parametrize(("options", "status"), [(["-q"], 0), (["-q", "--fail-on-loss"], 3), (["-q", "-w", "-"], 0)])
@pytest.mark.parametrize("number", ENDING)
def test_a_reader_that_does_not_read_cannot_keep_it_from_ending(
    loopback: Sites, number: int, options: list[str], status: int
):
    """What it has no room for is dropped, which is said."""
    with unread(loopback.get("nginx"), *options) as (process, _):
        process.send_signal(number)
        assert process.wait(WAIT_S) == status
        output, said = process.communicate()
    assert said == b"sockfilter: standard output is full and nobody reads it: the rest was dropped\n"
    assert len(output) >= FULL_BYTES
    assert "-w" in options or output.endswith(b"\n")


@pytest.mark.parametrize("options", [[], ["-q"]])
def test_asked_again_it_does_not_wait_for_the_reader(loopback: Sites, options: list[str]):
    """What it leaves unread is said, and is no mistake in its counting."""
    with unread(loopback.get("nginx"), *options) as (process, _):
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 0, said
    assert b"mistake" not in said
    assert bool(re.search(rb"after a second signal: \d+ records were not read", said)) == (not options)


def test_a_reader_that_goes_on_after_the_end_was_asked_for_gets_all(loopback: Sites):
    with unread(loopback.get("nginx")) as (process, _):
        process.send_signal(signal.SIGTERM)
        output, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    summary = said.decode().splitlines()[1]
    assert len(output.splitlines()) == int(re.search(r"(\d+) exchanges?,", summary)[1])


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_a_reader_that_goes_on_misses_what_had_no_room_and_no_more(loopback: Sites, form: str):
    site = loopback.get("nginx")
    with unread(site, "-B", "64", "--format", form) as (process, clients):
        clients.close()
        assert process.stdout is not None
        assert process.stderr is not None
        curl(site, [SMALL] * REQUESTS)  # more than the ring holds
        output, said = Lines(process.stdout), Lines(process.stderr)
        process.send_signal(signal.SIGUSR1)
        assert "listening" in said.next()
        assert "records lost for want of room in the ring: " in said.next()
        for number in range(LAST + 1):
            curl(site, [Ask("GET", f"/last{number}")])
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        lines = output.all().splitlines()
    assert f"/last{LAST}".encode() in b"".join(lines)
    summary = said.all().decode()
    assert int(re.search(r"(\d+) exchanges?, \d+ requests?, [^;]*\n", summary)[1]) == len(lines)
