"""Whoever takes the command over, once it captures, gets nowhere; and what it has to do goes on."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from sockfilter.cli import sandbox
from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.captures import one_exchange, pcap
from tests.support.clients import Ask, http_client
from tests.support.command import Done, Sniffer, run
from tests.support.skips import Skip, skip

pytestmark = pytest.mark.usefixtures("root")

# what each takes of the kernel's Landlock; the others are kept from by the system calls alone
SINCE = {"write": 1, "change": 1, "remove": 1, "link": 1, "read": 1, "list": 1, "environment": 1, "signal": 6}
BY_CALLS = {"execute", "connect", "listen", "datagram", "unix", "bpf", "ptrace"}


def need_landlock() -> int:
    return sandbox.abi() or skip(Skip.KERNEL, sandbox.words())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "there").write_text("as it was")
    (made / "goes").touch()
    (made / "shut").write_text("secret")
    (made / "shut").chmod(0o600)
    return made


def taken_over(folder: Path, *words: str) -> tuple[Done, dict[str, str]]:
    """As root, so that nothing but the sandbox is in the way."""
    path = folder.parent / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        by = (sys.executable, "-m", "tests.support.taken_over", str(folder), str(port), str(folder / "shut"))
        done = run("-r", str(path), "--user", "root", *words, command=by)
    return done, json.loads((folder / "report").read_text())


def test_who_takes_it_over_gets_nowhere(folder: Path):
    version = need_landlock()
    done, found = taken_over(folder)
    assert (done.status, len(done.lines)) == (0, 1), done.said
    denied = BY_CALLS | {name for name, since in SINCE.items() if version >= since}
    assert {name: how for name, how in found.items() if name in denied} == dict.fromkeys(denied, "denied")
    assert (folder / "there").read_text() == "as it was"
    assert sorted(os.listdir(folder)) == ["goes", "report", "shut", "there"]


def test_without_it_all_of_that_can_be_done(folder: Path):
    """The same attempts: that they fail is owed to nothing else."""
    done, found = taken_over(folder, "--no-sandbox")
    assert done.status == 0
    # becoming root again gives no capabilities back: these take one
    assert {name for name, how in found.items() if how != "done"} <= {"bpf", "environment"}


def test_files_that_follow_are_all_that_may_be_written(folder: Path):
    need_landlock()
    out = folder.parent / "out"
    out.mkdir()
    done, found = taken_over(folder, "-w", str(out / "x.pcapng"), "-C", "1")
    assert done.status == 0
    assert (found["write"], found["change"], found["read"]) == ("denied",) * 3
    assert os.listdir(out) == ["x.pcapng"]


def test_files_follow(loopback: Sites, tmp_path: Path):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(tmp_path / "x"), "-C", "1", "-W", "2") as command:
        for i in range(4):
            http_client(site, [Ask("GET", f"/big?{i}")])
            assert command.line()
        command.end()
    assert sorted(os.listdir(tmp_path)) == ["x0", "x1"]


def test_a_command_is_not_confined_and_is_told_to_end():
    done = run(
        "-q", "--", "sh", "-c", "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; cat /etc/shadow > /dev/null"
    )
    assert (done.status, done.lines) == (0, ["NoNewPrivs:\t0", "Seccomp:\t0"])
    with Sniffer("--user", "root", "--", "sleep", "1000") as command:
        command.process.terminate()
        assert command.process.wait(15) == 128 + 15


def test_processes_are_named(loopback: Sites):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "--processes") as command:
        http_client(site, [SMALL])
        assert f"[{os.getpid()}]" in command.line()


def test_the_versions_say_what_there_is():
    words = f"Landlock ABI {sandbox.abi()}" if sandbox.abi() else "no Landlock"
    assert f"sandbox: {words}" in run("--version").lines[-1]
