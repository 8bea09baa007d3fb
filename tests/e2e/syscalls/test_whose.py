"""Whose calls: a command's, a process's, a name's, a control group's; and what the command says of it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import sockfilter
from sockfilter.errors import InvalidArgument
from sockfilter.sources.calls import cgroups
from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import curl
from tests.support.command import Sniffer, run
from tests.support.rights import without_rights
from tests.support.skips import need_tool

pytestmark = pytest.mark.usefixtures("root")

CONTAINER = "0123456789abcdef" * 4


def asking(url: str, *words: str) -> list[str]:
    return [need_tool("curl"), "--disable", "--silent", "--noproxy", "*", "--output", "/dev/null", *words, url]


@contextmanager
def group(name: str) -> Iterator[str]:
    """A control group, empty again at the end."""
    path = Path(cgroups.root(), name)
    path.mkdir(parents=True)
    try:
        yield str(path)
    finally:
        for folder in (path, *path.parents):
            with suppress(OSError):
                if str(folder) != cgroups.root():
                    folder.rmdir()


def in_group(path: str, command: list[str]) -> None:
    subprocess.run(["sh", "-c", f'echo $$ > {path}/cgroup.procs && exec "$@"', "sh", *command], check=True)


def test_a_command(loopback: Sites) -> None:
    """Its exchange alone, and its exit status."""
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-q"):
        done = run("--", *asking(site.url("/small")))
    assert done.status == 0
    (line,) = done.lines
    assert "GET /small" in line
    assert done.said[1].startswith("sockfilter: 1 exchange, 1 request, 1 response, ")
    assert run("-q", "--", "sh", "-c", "exit 42").status == 42
    assert run("-q", "--", "sh", "-c", "kill -TERM $$").status == 128 + signal.SIGTERM


def test_all_that_a_command_starts(loopback: Sites) -> None:
    site = loopback.get("nginx")
    urls = [site.url(f"/small?{number}") for number in range(3)]
    first, second, third = (shlex.join(asking(url)) for url in urls)
    script = f"{first}; ({second} & wait); sh -c {shlex.quote(third)}"
    done = run("-q", "--format", "jsonl", "--", "sh", "-c", script)
    assert [made["request"]["target"] for made in done.json] == ["/small?0", "/small?1", "/small?2"]
    assert {made["client"]["comm"] for made in done.json} == {"curl"}
    assert {made["server"]["comm"] for made in done.json} == {"nginx"}


def test_a_command_that_is_asked_to_end() -> None:
    script = "trap 'exit 7' TERM; echo here; while :; do sleep 0.01; done"
    with Sniffer("--user", "root", "--", "sh", "-c", script) as sniffer:
        assert sniffer.line() == "here"
        sniffer.send(signal.SIGTERM)
        assert sniffer.wait().status == 7


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--"], 2, "-- needs a command"),
        (["--", "no-such-command"], 127, "no-such-command: there is no such command"),
        (["--pid", "0"], 2, "must be a whole number, 1 or greater"),
        (["--pid", "4194305"], 2, "there is no process 4194305"),
        (["--comm", ""], 2, "is not a process name"),
        (["--comm", "x" * 16], 2, "is not a process name"),
        (["--cgroup", "no/such"], 2, "there is no such cgroup or container"),
        (["--pid", "1", "-i", "lo"], 2, "-i is for packets, and cannot be used with --pid"),
        (["--via", "syscalls", "-w", "x"], 2, "-w is for packets, and cannot be used with --via syscalls"),
        (["--via", "packets", "--unix"], 2, "--unix is for system calls: use --via syscalls"),
        (["--comm", "x", "-r", "y"], 2, "--comm is for live captures, and -r reads a file"),
        (["--pid", "1", "--", "true"], 2, "--pid and a command: with a command, only its connections are captured"),
    ],
)
def test_what_cannot_be_meant(words: list[str], status: int, said: str) -> None:
    done = run(*words)
    assert done.status == status
    assert said in done.errors.decode()
    assert b"Traceback" not in done.errors


def test_processes(loopback: Sites) -> None:
    python, node = loopback.get("python"), loopback.get("node")
    with sockfilter.capture(via="syscalls", pid=[python.pid, node.pid]) as capture:
        for site in (python, node, loopback.get("nginx")):
            curl(site, [SMALL])
        capture.flush()
    assert {found.server.port for found in capture.exchanges} == {python.port, node.port}


def test_a_name(loopback: Sites) -> None:
    node = loopback.get("node")
    with sockfilter.capture(via="syscalls", comm="node", ports=node.port) as capture:
        curl(node, [SMALL])
        capture.flush()
        (found,) = capture.exchanges
    assert found.complete
    with sockfilter.capture(via="syscalls", comm="nod", ports=node.port) as capture:
        curl(node, [SMALL])
        capture.flush()
        assert not capture.exchanges


def test_several_names(loopback: Sites) -> None:
    python, node = loopback.get("python"), loopback.get("node")
    name = Path(f"/proc/{python.pid}/comm").read_text().rstrip("\n")
    with sockfilter.capture(via="syscalls", comm=["node", name, "none"], ports=[python.port, node.port]) as capture:
        for site in (python, node):
            curl(site, [SMALL])
        capture.flush()
        assert [found.server.port for found in capture.exchanges] == [python.port, node.port]
    with pytest.raises(InvalidArgument, match="at most 8 names are possible"):
        sockfilter.capture(via="syscalls", comm=[f"name{number}" for number in range(9)])


def test_all_that_narrows_it_down_at_once() -> None:
    """The program is verified with all of it: as many names as there may be, and several hosts."""
    names = [f"name{number}" for number in range(8)]
    hosts = ["127.0.0.1", "::1", "10.0.0.0/8"]
    with sockfilter.capture(
        via="syscalls", comm=names, pid=os.getpid(), host=hosts, ports=[1, 2], unix=True
    ) as capture:
        capture.flush()
    assert capture.ledger.is_balanced


def test_a_control_group(loopback: Sites) -> None:
    """By its path, and by what a container's is called; what is below it counts."""
    site = loopback.get("nginx")
    with group(f"tests/docker-{CONTAINER}.scope/inner") as inner:
        outer = os.path.dirname(inner)
        for name in (inner, outer, os.path.relpath(outer, cgroups.root()), CONTAINER[:12], CONTAINER):
            with sockfilter.capture(via="syscalls", cgroup=name, ports=site.port) as capture:
                in_group(inner, asking(site.url("/inside")))
                curl(site, [SMALL])
                capture.flush()
            assert [found.request.target for found in capture.exchanges if found.request] == ["/inside"]
            assert capture.exchanges[0].client_process is not None
            assert capture.exchanges[0].client_process.container == CONTAINER
    with pytest.raises(InvalidArgument, match="there is no such cgroup or container"):
        sockfilter.capture(via="syscalls", cgroup=CONTAINER)


def test_without_rights_it_says_which(loopback: Sites) -> None:
    done = run("--via", "syscalls", prefix=without_rights())
    assert done.status == 1
    assert "capturing system calls requires CAP_BPF and CAP_PERFMON, or sudo" in done.errors.decode()


def test_two_capabilities_are_enough(loopback: Sites) -> None:
    site = loopback.get("nginx")
    with Sniffer("--via", "syscalls", "--ports", str(site.port), prefix=without_rights("bpf", "perfmon")) as sniffer:
        curl(site, [SMALL])
        assert "GET /small" in sniffer.line()
        sniffer.send(signal.SIGINT)
        assert sniffer.wait().status == 0


SPLICING = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
sys.stdin.readline()
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    for number in range(3):
        text = b"GET /small?%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % number
        read, write = os.pipe()
        os.write(write, text)
        if number:
            libc.splice(read, None, client.fileno(), None, ctypes.c_size_t(len(text)), 0)
        else:
            client.sendall(text)
        client.recv(1 << 16)
    sys.stdin.readline()
"""


def test_bytes_that_no_call_has_are_said_once(loopback: Sites) -> None:
    """As soon as they are missed, and at the end with their number."""
    command = [sys.executable, "-c", SPLICING, str(loopback.get("nginx").port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with Sniffer("--pid", str(process.pid)) as sniffer:
            process.stdin.write(b"begin\n")
            process.stdin.flush()
            assert sniffer.said() == (
                "sockfilter: bytes passed that no captured call had in a buffer (io_uring, splice); -i captures them"
            )
            process.stdin.write(b"end\n")
            process.stdin.close()
            process.wait()
            sniffer.send(signal.SIGINT)
            done = sniffer.wait()
    assert len([line for line in done.said if "no captured call had" in line]) == 1
    assert "sockfilter: bytes missing in connections: " in done.errors.decode()
