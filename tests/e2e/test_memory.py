"""The process takes no more memory than it was given, and what was cut for that is counted."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import captures
from tests.support.frames import Talk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEMORY_MIB = 32
# beside the budget: the process itself, the lines of a batch, and what is written just then
BESIDE_BYTES = 64_000_000
BODY_BYTES = 24 << 20
SEGMENT_BYTES = 1400
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
# The most that a command had in memory, in KiB, behind what it says. Until it is executed, it counts as who starts it:
# this is small.
WATCH = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def bomb() -> list[bytes]:
    content = gzip.compress(bytes(BODY_BYTES))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content)
    return [REQUEST, head + content]


def secrets() -> list[bytes]:
    unit = b'{"token":"x1234567"},'
    content = gzip.compress(unit * (BODY_BYTES // len(unit)), 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content)
    return [REQUEST, head + content]


def plain() -> list[bytes]:
    return [REQUEST, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES + b"b" * BODY_BYTES]


@pytest.mark.parametrize(
    "options", [("--format", "jsonl", "--body", "all"), ("-vv", "--body", "all")], ids=["jsonl", "text"]
)
@pytest.mark.parametrize(
    ("said", "problem"), [(bomb, "decoded-limit"), (secrets, "decoded-limit"), (plain, "body-limit")]
)
def test_a_large_body(said: Callable[[], list[bytes]], problem: str, options: tuple[str, ...], tmp_path: Path) -> None:
    talk = Talk(ports=(40000, 80))
    frames = list(talk.opening())
    request, response = said()
    step = SEGMENT_BYTES if len(response) < BODY_BYTES else 32_000
    frames.append(talk.client(request))
    frames += [talk.server(response[at : at + step]) for at in range(0, len(response), step)]
    path = tmp_path / "large.pcap"
    path.write_bytes(captures.pcap(captures.timed(frames, 1000)))
    shown, summary = tmp_path / "shown", tmp_path / "summary"
    command = [sys.executable, "-m", "sockfilter", "-r", str(path), "--memory", str(MEMORY_MIB), *options]
    with shown.open("wb") as out, summary.open("wb") as err:
        watched = [sys.executable, "-c", WATCH, *command, "--summary", "jsonl"]
        status = subprocess.run(watched, stdout=out, stderr=err, check=False).returncode
    *lines, last = summary.read_text().splitlines()
    peak_kib = int(last)
    assert status == 0, lines
    assert peak_kib * 1024 <= (MEMORY_MIB << 20) + BESIDE_BYTES
    assert problem in shown.read_text()
    if options[0] == "--format":
        (line,) = shown.read_text().splitlines()
        body = json.loads(line)["response"]["body"]
        assert 1 << 20 < body["kept"] < BODY_BYTES
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert told[-1]["ledger"]["messages"]["bodies_cut"] == 1
    assert told[-1]["ledger"]["balanced"]


# What a process has in memory behind each of several captures, in KiB.
AGAIN = """
import re, sys
from pathlib import Path
import sockfilter
for _ in range(6):
    with sockfilter.read(sys.argv[1]) as exchanges:
        assert len(list(exchanges)) == 1
    print(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
GROWTH_KIB = 2048


def test_captures_one_after_the_other_take_no_more_memory_than_one(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    talk = Talk(ports=(40000, 80))
    frames = [*talk.opening(), talk.client(REQUEST), talk.server(), *talk.closing()]
    path.write_bytes(captures.pcap(captures.timed(frames, step_ns=1000)))
    done = subprocess.run([sys.executable, "-c", AGAIN, str(path)], capture_output=True, text=True, check=True)
    first, *later = [int(line) for line in done.stdout.split()]
    assert max(later) - first < GROWTH_KIB, done.stdout
