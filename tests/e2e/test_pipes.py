"""Standard output and error: a pipe, a pipe whose reader goes away, closed, and a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import IO

import pytest

from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import Ask, curl
from tests.support.command import COMMAND, WAIT_S, Sniffer, environment
from tests.support.servers import Site

FORMATS = ["text", "jsonl", "raw"]


@pytest.fixture
def site(loopback: Sites) -> Site:
    return loopback.get("python")


def through_shell(words: str, *options: str, stdout: IO[bytes] | int | None = None) -> subprocess.Popen[str]:
    """Runs the command by a shell, as a user does, with redirections behind it."""
    line = f'exec "$@" {words}'
    return subprocess.Popen(
        ["sh", "-c", line, "sh", *COMMAND, *options],
        env=environment(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    _, said = process.communicate(timeout=WAIT_S)
    return process.returncode, said.splitlines()


@pytest.mark.parametrize("form", FORMATS)
def test_what_ended_is_there_while_the_command_runs_on(site, form):
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", form) as sniffer:
        for _ in range(3):
            curl(site, [SMALL])
            while "/small" not in sniffer.line():
                pass
            assert sniffer.process.poll() is None
        assert sniffer.end().status == 0


@pytest.mark.parametrize("form", FORMATS)
def test_a_reader_that_goes_away_ends_it_with_141(site, form):
    read, write = os.pipe()
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", form, stdout=write) as sniffer:
        os.close(write)
        curl(site, [SMALL])
        assert os.read(read, 1)
        os.close(read)
        curl(site, [SMALL])
        done = sniffer.wait()
    assert done.status == 141
    assert all(line.startswith("sockfilter: ") for line in done.said)


def test_a_reader_that_goes_away_is_noticed_without_another_exchange(site):
    read, write = os.pipe()
    with Sniffer("-i", "lo", "--ports", str(site.port), stdout=write) as sniffer:
        os.close(write)
        os.close(read)
        assert sniffer.wait().status == 141


def test_head_takes_one_line_and_the_shell_goes_on(site):
    line = f'"$@" -i lo -q --ports {site.port} | head -n 1; echo "ended ${{PIPESTATUS[0]}}"'
    shell = ["bash", "-c", line, "bash", *COMMAND]
    process = subprocess.Popen(shell, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        curl(site, [SMALL])
    output, said = process.communicate()
    assert len(output.splitlines()) == 2
    assert output.endswith("ended 141\n")
    assert said == ""


@pytest.mark.parametrize("options", [["-i", "lo"], ["-D"], ["-i", "lo", "-q", "--format", "jsonl"]], ids=" ".join)
def test_a_closed_standard_output_is_refused_at_once(options):
    status, said = end(through_shell(">&-", *options))
    assert (status, len(said)) == (1, 1)
    assert said[0].startswith("sockfilter: writing to standard output: it is closed")


def test_a_full_disk_ends_it_with_one_line(site):
    with open("/dev/full", "wb") as full, Sniffer("-q", "-i", "lo", "--ports", str(site.port), stdout=full) as sniffer:
        curl(site, [SMALL])
        done = sniffer.wait()
    assert done.status == 1
    assert done.said == ["sockfilter: writing to standard output: No space left on device"]


def test_a_full_disk_for_the_list_of_interfaces():
    with open("/dev/full", "wb") as full:
        status, said = end(through_shell("", "-D", stdout=full))
    assert (status, said) == (1, ["sockfilter: writing to standard output: No space left on device"])


def test_a_full_disk_still_gives_the_summary(site):
    with open("/dev/full", "wb") as full, Sniffer("-i", "lo", "--ports", str(site.port), stdout=full) as sniffer:
        curl(site, [SMALL])
        done = sniffer.wait()
    assert [line.split(": ")[1].split(" ")[0] for line in done.said] == ["listening", "1", "writing"]


def test_a_closed_standard_error_does_not_hurt(site):
    process = through_shell("2>&-", "-i", "lo", "--ports", str(site.port), "-c", "1", stdout=subprocess.PIPE)
    while process.poll() is None:
        curl(site, [SMALL])
    output, _ = process.communicate()
    assert process.returncode == 0
    assert len(output.splitlines()) == 1


def test_nothing_is_sent_to_the_network_where_standard_error_is_closed(veth):
    """The first descriptors that a process opens take the places of those that are closed."""
    site = veth.get("python")
    with Sniffer("-i", "veth0", "--netns", site.server_netns) as watcher:
        options = ("-i", "veth0", "--netns", site.server_netns, "-c", "1")
        process = through_shell("<&- 2>&-", *options, stdout=subprocess.PIPE)
        asked = 0
        while process.poll() is None:
            curl(site, [SMALL])
            asked += 1
        process.communicate()
        done = watcher.end()
    assert process.returncode == 0
    assert len(done.lines) == asked


def test_a_line_that_is_longer_than_a_pipe_is_whole(site):
    target = "/" + "x" * 10_000
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "--body", "all", "-B", "64M") as sniffer:
        curl(site, [Ask("GET", target), Ask("GET", "/big")])
        done = sniffer.end(signal.SIGTERM)
    assert [line["request"]["target"] for line in done.json] == [target, "/big"]


def test_a_standard_output_that_does_not_block(site):
    """As some parents leave it: the command waits until there is room."""
    read, write = os.pipe2(os.O_NONBLOCK)
    os.set_blocking(read, True)
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "--body", "all", stdout=write) as sniffer:
        os.close(write)
        curl(site, [Ask("GET", "/big")])
        sniffer.send(signal.SIGTERM)
        with open(read, "rb") as pipe:
            content = pipe.read()
        done = sniffer.wait()
    assert done.status == 0
    assert content.endswith(b"}\n")
