"""The summary for programs: one JSON line, whatever ends the capture, wherever it is asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import sockfilter
from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.conftest import Sites
from tests.e2e.contract import assert_contract, assert_summary
from tests.support.captures import one_exchange, pcapng
from tests.support.clients import curl
from tests.support.command import COMMAND, WAIT_S, Done, Sniffer, environment, run
from tests.support.odd import everything, talking
from tests.support.rights import without_rights

JSONL = ("--summary", "jsonl")


def to_file(path: Path, fd: int = 3) -> Sequence[str]:
    """What runs a command with a descriptor that leads to a file."""
    return ("sh", "-c", f'exec "$@" {fd}>{path}', "sh")


def summary(text: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(text)
    assert_summary(line)
    return line


def of(done: Done) -> dict[str, Any]:
    """That of a command that has put it on standard error, behind all else."""
    made = summary(done.said[-1])
    assert made["status"] == done.status
    assert made["final"]
    return made


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "one.pcapng"
    path.write_bytes(pcapng(one_exchange()))
    return str(path)


class TestOfAFile:
    def test_it_takes_the_place_of_that_for_people(self, file: str):
        done = run("-r", file, *JSONL)
        made = of(done)
        assert [line for line in done.said if "packets seen" in line] == []
        assert (made["reason"], made["status"], made["exchanges"]) == ("file-end", 0, 1)
        assert made["source"] == {"via": "file", "file": file}
        assert made["ledger"]["packets"]["seen"] == 8
        assert made["ledger"]["messages"]["paired"] == 2
        assert (made["problems"], made["losses"]) == ({}, [])

    def test_quiet_leaves_it_alone(self, file: str):
        done = run("-q", "-r", file, *JSONL)
        assert len(done.said) == 1
        assert of(done)["exchanges"] == 1

    def test_a_descriptor_takes_it_beside_the_one_for_people(self, file: str, tmp_path: Path):
        done = run("-r", file, "--summary-fd", "3", prefix=to_file(tmp_path / "summary"))
        assert "packets seen" in done.said[-1]
        assert summary((tmp_path / "summary").read_text())["exchanges"] == 1

    def test_behind_the_exchanges_on_standard_output(self, file: str):
        done = run("-q", "-r", file, "--format", "jsonl", "--summary-fd", "1")
        exchange, last = done.json
        assert_contract(exchange)
        assert_summary(last)
        assert done.said == []

    def test_the_environment_may_ask_for_it(self, file: str):
        assert of(run("-q", "-r", file, env={"SOCKFILTER_SUMMARY": "json"}))["exchanges"] == 1

    def test_a_count(self, file: str):
        assert of(run("-r", file, "-c", "1", *JSONL))["reason"] == "count"

    def test_a_damaged_file(self, file: str):
        with open(file, "r+b") as damaged:
            damaged.truncate(os.stat(file).st_size - 5)
        made = of(run("-r", file, *JSONL))
        assert (made["reason"], made["status"]) == ("error", 1)
        assert "it is cut short" in made["error"]
        assert made["ledger"]["packets"]["seen"] > 0

    def test_a_capture_that_never_began(self, tmp_path: Path):
        made = of(run("-r", str(tmp_path / "nothing"), *JSONL))
        assert (made["reason"], made["status"], made["ledger"], made["exchanges"]) == ("error", 1, None, 0)
        assert "nothing" in made["error"]
        assert of(run("-i", "lo", "--ports", "x", *JSONL))["status"] == 2

    def test_a_reader_that_goes_away(self, file: str, tmp_path: Path):
        read, write = os.pipe()
        os.close(read)
        with open(write, "wb") as nowhere:
            done = run("-r", file, "--summary-fd", "3", prefix=to_file(tmp_path / "summary"), stdout=nowhere)
        made = summary((tmp_path / "summary").read_text())
        assert (made["reason"], made["status"], done.status) == ("reader-gone", 141, 141)

    def test_problems_by_their_names(self, tmp_path: Path):
        path = tmp_path / "open.pcapng"
        path.write_bytes(pcapng(one_exchange()[:-4]))
        assert of(run("-r", str(path), *JSONL))["problems"] == {"capture-ended": 1, "no-response": 1}

    def test_one_that_nobody_reads_is_said_and_keeps_nothing_from_ending(self, file: str):
        read, write = os.pipe()
        os.set_blocking(write, False)
        try:
            while os.write(write, bytes(1 << 16)):
                pass
        except BlockingIOError:
            os.set_blocking(write, True)
        command = [*COMMAND, "-q", "-r", file, "--summary-fd", str(write)]
        done = subprocess.run(
            command, env=environment(), pass_fds=[write], capture_output=True, timeout=WAIT_S, check=False
        )
        assert done.returncode == 0
        assert f"writing the summary to descriptor {write}: it is full".encode() in done.stderr
        os.close(read)
        os.close(write)

    def test_the_library_has_the_same_ledger(self, file: str):
        reading = sockfilter.read(file)
        assert len(list(reading)) == 1
        assert json.loads(json.dumps(reading.ledger.as_dict())) == of(run("-r", file, *JSONL))["ledger"]


@pytest.mark.usefixtures("root")
class TestLive:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal(self, loopback: Sites, number: signal.Signals):
        site = loopback.get("python")
        with Sniffer("-i", "lo", "--ports", str(site.port), *JSONL) as sniffer:
            curl(site, [SMALL])
            assert "/small" in sniffer.line()
            made = of(sniffer.end(number))
        assert (made["reason"], made["signal"], made["exchanges"]) == ("signal", number.name, 1)
        assert made["source"] == {"via": "packets", "interfaces": ["lo"]}

    def test_a_time(self):
        assert of(run("-i", "lo", "--ports", "1", "--duration", "10ms", *JSONL))["reason"] == "duration"

    def test_files_that_are_full(self, loopback: Sites, tmp_path: Path):
        site = loopback.get("python")
        limits = ("-w", str(tmp_path / "file"), "-G", "1", "-W", "1")
        with Sniffer("-i", "lo", "--ports", str(site.port), *limits, *JSONL) as sniffer:
            while not sniffer.ended_within(0.05):
                curl(site, [SMALL])
            assert of(sniffer.wait())["reason"] == "files-full"

    def test_loss(self, loopback: Sites):
        site = loopback.get("python")
        options = ("-i", "lo", "--ports", str(site.port), "-B", "4", "--fail-on-loss", *JSONL)
        with Sniffer(*options) as sniffer:
            sniffer.send(signal.SIGSTOP)
            curl(site, EVERYTHING)
            sniffer.send(signal.SIGCONT)
            made = of(sniffer.end())
        assert made["status"] == 3
        assert made["ledger"]["records"]["lost"] > 0
        assert made["losses"][0]["remedy"] == "a larger ring: -B"

    @pytest.mark.parametrize("is_text_too", [False, True])
    def test_usr1_tells_it_so_far(self, loopback: Sites, tmp_path: Path, is_text_too: bool):
        site = loopback.get("python")
        where = ("--summary-fd", "3") if is_text_too else JSONL
        prefix = to_file(tmp_path / "summary") if is_text_too else ()
        with Sniffer("-i", "lo", "--ports", str(site.port), *where, prefix=prefix) as sniffer:
            said = []
            for _ in range(2):
                curl(site, [SMALL])
                assert "/small" in sniffer.line()
                sniffer.send(signal.SIGUSR1)
                said.append(sniffer.said())
            done = sniffer.end()
        if is_text_too:
            assert [text.split(",")[0] for text in said] == ["sockfilter: 1 exchange", "sockfilter: 2 exchanges"]
            said = (tmp_path / "summary").read_text().splitlines()
        else:
            said.append(done.said[-1])
        told = [summary(text) for text in said]
        assert [(made["exchanges"], made["final"]) for made in told] == [(1, False), (2, False), (2, True)]

    def test_the_end_asked_for_twice(self, loopback: Sites):
        """While a wait for a reader goes on, the second signal is the one that ends it."""
        with talking(everything) as site, Sniffer("-i", "lo", "--ports", str(site.port), *JSONL) as sniffer:
            sniffer.send(signal.SIGSTOP)
            sniffer.send(signal.SIGINT)
            sniffer.send(signal.SIGTERM)
            sniffer.send(signal.SIGCONT)
            made = of(sniffer.wait())
        assert made["reason"] == "signal"


@pytest.mark.usefixtures("root")
class TestOfACommand:
    @pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143)])
    def test_its_own_status(self, script: str, status: int):
        made = of(run("--fail-on-loss", *JSONL, "--", "sh", "-c", script))
        assert (made["reason"], made["status"], made["command"]) == ("command-end", status, {"status": status})
        assert made["source"] == {"via": "syscalls"}

    @pytest.mark.parametrize(("status", "expected"), [(0, 124), (3, 3)])
    def test_loss_is_none_of_its_own(self, loopback: Sites, status: int, expected: int):
        """A command that fails keeps its status; the summary has both."""
        site = loopback.get("nginx")
        script = f"""
import os, signal, socket, sys
os.kill(os.getppid(), signal.SIGSTOP)
with socket.create_connection(("127.0.0.1", {site.port})) as client:
    for _ in range(200):
        client.sendall(b"GET /small HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        client.recv(65536)
os.kill(os.getppid(), signal.SIGCONT)
sys.exit({status})
"""
        options = ("--user", "root", "-B", "4", "--fail-on-loss", *JSONL)
        made = of(run(*options, "--", sys.executable, "-c", script))
        assert (made["status"], made["command"]["status"]) == (expected, status)
        assert made["losses"]

    @pytest.mark.parametrize(
        ("words", "status", "said"),
        [
            (["no-such-command"], 127, "no-such-command: there is no such command"),
            (["/no/such/command"], 127, "/no/such/command: there is no such command"),
            (["/etc/passwd"], 126, "/etc/passwd: it is not executable; chmod +x /etc/passwd makes it executable"),
            (["/"], 126, "/: it is a directory, not a command"),
        ],
    )
    def test_one_that_cannot_be_run(self, words: list[str], status: int, said: str):
        done = run(*JSONL, "--", *words)
        made = of(done)
        assert (made["status"], made["reason"], made["error"]) == (status, "error", said)
        assert done.said[0] == f"sockfilter: {said}"

    def test_one_on_the_path_that_may_not_be_executed(self, tmp_path: Path):
        (tmp_path / "tool").write_text("x")
        done = run("--", "tool", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert (done.status, done.said) == (
            126,
            [f"sockfilter: {tmp_path}/tool: it is not executable; chmod +x {tmp_path}/tool makes it executable"],
        )

    def test_one_whose_interpreter_is_not_there(self, tmp_path: Path):
        (tmp_path / "tool").write_text("#!/no/such/interpreter\n")
        (tmp_path / "tool").chmod(0o755)
        assert run("-q", "--", str(tmp_path / "tool")).status == 126

    def test_what_is_in_the_way_is_none_of_its_own(self):
        done = run(*JSONL, "--", "true", prefix=without_rights())
        made = of(done)
        assert (made["status"], made["reason"]) == (125, "error")
        assert "CAP_BPF" in made["error"]
