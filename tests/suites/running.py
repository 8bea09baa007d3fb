"""A suite in a network namespace of its own, between three who listen: packets, system calls, and tcpdump."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.suites import fetching
from tests.support.command import COMMAND, Lines, Sniffer, environment
from tests.support.net import namespace
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.suites.projects import Project

Line = dict[str, Any]

# of all that is shown, nothing is cut or masked
FORM = ("--format", "jsonl", "--body", "all", "--show-secrets", "--no-processes", "--summary", "jsonl")
# KiB: a suite comes in bursts, and the machine may have other work
RING = ("-B", "65536")
TCPDUMP_KIB = 131072
# seconds: what a suite may take; until tcpdump has written what crossed; until a file is read
SUITE_S, WRITTEN_S, READ_S = 300.0, 30.0, 300.0
# a datagram behind everything, by which the end of tcpdump's file is known; to the port for what is thrown away
MARK, MARK_PORT = b"sockfilter: the suite has ended", 9


@dataclass(frozen=True)
class Heard:
    """What one listener gave: exchanges, and the summary behind them."""

    lines: list[Line]
    summary: Line


@dataclass(frozen=True)
class Run:
    """All that is left of one run of a suite."""

    output: str
    packets: Heard
    calls: Heard
    file: Heard
    pcap: Path
    tcpdump_said: str


def run(project: Project, tree: Path) -> Run:
    """Runs a suite to its end and reads what tcpdump wrote."""
    folder = tree.parent / "run"
    folder.mkdir(exist_ok=True)
    pcap = folder / "lo.pcap"
    with namespace() as netns, ExitStack() as stack:
        packets_file = stack.enter_context(open(folder / "packets.jsonl", "wb"))
        calls_file = stack.enter_context(open(folder / "calls.jsonl", "wb"))
        tcpdump = stack.enter_context(_tcpdump(netns, pcap))
        packets = stack.enter_context(Sniffer("-i", "lo", "--netns", netns, *FORM, *RING, stdout=packets_file))
        command = _command(project, tree, netns, folder / "output")
        calls = stack.enter_context(Sniffer(*FORM, *RING, "--", *command, stdout=calls_file))
        if not calls.ended_within(SUITE_S):
            calls.send(signal.SIGTERM)
        calls_summary = calls.wait().said[-1]
        _mark(netns, pcap)
        (folder / "tcpdump").write_text(tcpdump())
        (folder / "packets.summary").write_text(packets.end().said[-1])
        (folder / "calls.summary").write_text(calls_summary)
    _read(pcap)
    return load(tree)


def load(tree: Path) -> Run:
    """What the last run left."""
    folder = tree.parent / "run"
    return Run(
        (folder / "output").read_text(errors="replace"),
        _heard(folder, "packets"),
        _heard(folder, "calls"),
        _heard(folder, "file"),
        folder / "lo.pcap",
        (folder / "tcpdump").read_text(),
    )


def _heard(folder: Path, name: str) -> Heard:
    with open(folder / f"{name}.jsonl", "rb") as lines:
        return Heard([json.loads(line) for line in lines], json.loads((folder / f"{name}.summary").read_text()))


def _command(project: Project, tree: Path, netns: str, output: Path) -> list[str]:
    variables = [f"{name}={value}" for name, value in fetching.environment(tree).items()]
    tests = f"cd {shlex.quote(str(tree))} && {{ {project.tests}; }} >{shlex.quote(str(output))} 2>&1 </dev/null"
    limit = ["timeout", "--kill-after=10", str(SUITE_S - 20)]
    return ["ip", "netns", "exec", netns, "env", *variables, *limit, "sh", "-c", tests]


@contextmanager
def _tcpdump(netns: str, pcap: Path) -> Iterator[Any]:
    """Writes what crosses loopback. What is given back ends it, and returns what it says then."""
    options = ("-i", "lo", "-s", "0", "-B", str(TCPDUMP_KIB), "-U", "-Z", "root", "--time-stamp-precision", "nano")
    command = ["ip", "netns", "exec", netns, need_tool("tcpdump"), *options, "-w", str(pcap)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stderr is not None
    said = Lines(process.stderr)

    def end() -> str:
        process.send_signal(signal.SIGINT)
        process.wait(WRITTEN_S)
        return said.all().decode()

    try:
        greeting = said.next()
        assert "listening on lo" in greeting, greeting
        yield end
    finally:
        process.kill()
        process.wait()


def _mark(netns: str, pcap: Path) -> None:
    """Sends the datagram that ends the file, and waits for it there: tcpdump does not empty its buffer when it ends."""
    send = (
        f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto({MARK!r}, ('127.0.0.1', {MARK_PORT}))"
    )
    subprocess.run(["ip", "netns", "exec", netns, COMMAND[0], "-c", send], check=True)
    deadline = time.monotonic() + WRITTEN_S
    while MARK not in _tail(pcap):
        assert time.monotonic() < deadline, "tcpdump does not write what crossed"
        time.sleep(0.05)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 65536))
        return file.read()


def _read(pcap: Path) -> None:
    """What sockfilter makes of tcpdump's file."""
    with open(pcap.with_name("file.jsonl"), "wb") as output:
        command = [*COMMAND, "-r", str(pcap), *FORM]
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.PIPE, env=environment(), timeout=READ_S, check=False
        )
    pcap.with_name("file.summary").write_bytes(done.stderr.splitlines()[-1])
