"""Capture files out and in: what was written says the same when it is read."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.refusals import refusal
from tests.support.captures import one_exchange, pcap
from tests.support.clients import curl
from tests.support.command import COMMAND, Sniffer, run
from tests.support.rights import for_everybody
from tests.support.skips import need_tool


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "capture.pcapng"


def without_ids(lines: list[str]) -> list[dict]:
    """All fields but the numbers that count exchanges and connections; a file has its name, not the interface's."""
    exchanges = [json.loads(line) for line in lines]
    for exchange in exchanges:
        del exchange["id"], exchange["connection"]
    return sorted(exchanges, key=lambda exchange: exchange["time"])


@pytest.mark.parametrize("server", ["python", "nginx", "node"])
def test_live_and_read_back_are_the_same(loopback, server, file):
    site = loopback.get(server)
    shown = ("--format", "jsonl", "--body", "all")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file), "--no-processes", *shown) as sniffer:
        curl(site, EVERYTHING)
        curl(site, [SMALL, SMALL])
        live = sniffer.end()
    assert live.status == 0
    read = run("-r", str(file), *shown)
    assert read.status == 0
    assert without_ids(read.lines) == without_ids(live.lines)
    assert read.lines


def test_other_tools_read_it_without_complaint(loopback, file):
    tshark = need_tool("tshark")
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file)) as sniffer:
        curl(site, [SMALL])
        sniffer.end()
    fields = ("-T", "fields", "-e", "http.request.uri", "-e", "http.response.code", "-e", "_ws.malformed")
    command = [tshark, "-r", file, "-d", f"tcp.port=={site.port},http", "-Y", "http", *fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [SMALL.target, "200"]


def test_to_a_pipe_and_from_a_pipe(loopback):
    site = loopback.get("python")
    reader = subprocess.Popen([*COMMAND, "-r", "-", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", "-") as sniffer:
        curl(site, [SMALL])
        written = sniffer.end().output
    out, _ = reader.communicate(written)
    assert b"GET /small" in out
    assert reader.returncode == 0


def test_nobody_else_may_read_it(loopback, file):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file)) as sniffer:
        sniffer.end()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_belongs_to_who_ran_sudo(file):
    env = {"SUDO_UID": "65534", "SUDO_GID": "65534"}
    assert run("-i", "lo", "--ports", "1", "--duration", "0.01", "-w", str(file), env=env).status == 0
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)


def test_files_one_after_the_other_lose_nothing(loopback, tmp_path):
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(tmp_path / "part"), "-C", "1") as sniffer:
        curl(site, [SMALL] * 30)
        for _ in range(4):
            curl(site, EVERYTHING)
        live = sniffer.end()
    read = [line for part in sorted(tmp_path.iterdir()) for line in run("-r", str(part)).lines]
    assert len([line for line in read if "200" in line]) >= len([line for line in live.lines if "200" in line])


def test_reading_takes_no_rights(tmp_path):
    path = tmp_path / "in.pcap"
    path.write_bytes(pcap(one_exchange()))
    path.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        os.chmod(folder, 0o755)  # pytest's are its user's alone
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
    python, packages = for_everybody()
    where = {"PYTHONPATH": os.pathsep.join(packages)}
    done = run("-r", str(path), prefix=nobody, command=[python, *COMMAND[1:]], env=where)
    assert done.status == 0
    assert len(done.lines) == 1


def test_a_file_that_is_cut_short_gives_what_it_has(tmp_path):
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(one_exchange()) + b"\0" * 7)
    done = run("-r", str(path))
    assert done.status == 1
    assert len(done.lines) == 1
    assert done.said[-1].endswith("it is cut short; what came before was read")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "x", "-i", "lo"), "-i goes with a live capture, and -r reads a file"),
        (("-r", "x", "-B", "64"), "-B goes with a live capture"),
        (("-r", ""), "the file's name is empty"),
        (("-i", "lo", "-w", ""), "the file's name is empty"),
        (("-i", "lo", "-W", "3"), "-w FILE says which"),
        (("-i", "lo", "-w", "x", "-W", "3"), "say too after how many million bytes"),
        (("-i", "lo", "-w", "-", "-C", "1"), "-w FILE says which"),
        (("-i", "lo", "-w", "x", "-C", "0"), "a whole number from 1 on"),
        (("-i", "lo", "-w", "-", "--format", "jsonl"), "-w - takes standard output"),
    ],
)
def test_what_cannot_be_meant(arguments, words):
    done = run(*arguments)
    assert done.status == 2
    assert words in done.said[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "/nonexistent/file"), "opening the capture file /nonexistent/file: No such file or directory"),
        (("-r", "/"), "Is a directory"),
        (("-i", "lo", "-w", "/nonexistent/file"), "make its folder first"),
    ],
)
def test_what_is_in_the_way(arguments, words):
    assert words in refusal(*arguments)
