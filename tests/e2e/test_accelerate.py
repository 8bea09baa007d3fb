"""sockfilter accelerate: it refuses where redirected sockets differ from TCP, and shows the exchanges in any case."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sockfilter.accelerating.accelerator import Accelerator
from sockfilter.accelerating.group import OwnGroup
from sockfilter.accelerating.hazards import HAZARDS, echo
from sockfilter.accelerating.self_test import tried
from sockfilter.sources.calls.cgroups import root as top
from tests.support.command import WAIT_S, environment, run
from tests.support.rights import without_rights
from tests.support.running import Running

pytestmark = pytest.mark.usefixtures("root")

LOAD = (sys.executable, "-m", "tests.support.local_load")
ADDRESSES = pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
# the command with a self-test that finds nothing
SAFE = (
    sys.executable,
    "-c",
    "import sys; from sockfilter.accelerating import self_test; self_test.first_fault = lambda is_over: None;"
    "from sockfilter.cli import main; sys.exit(main(sys.argv[1:]))",
)
# the command, which gets a signal while it tries the first hazard
WITH_SIGNAL = (
    *SAFE[:2],
    "import os, sys; from sockfilter.accelerating import self_test;"
    "run = self_test._run;"
    "self_test._run = lambda *words: (words[1] or os.kill(os.getpid(), 15), run(*words))[1];"
    "from sockfilter.cli import main; sys.exit(main(sys.argv[1:]))",
)
MANY = 500


def left_behind() -> set[str]:
    """The groups of processes that have ended. A process that was killed has a helper, which takes a moment."""
    until = time.monotonic() + WAIT_S
    while True:
        found = {path.name for path in Path(top()).glob("sockfilter-*-*") if path.name.split("-")[1].isdecimal()}
        left = {name for name in found if not Path("/proc", name.split("-")[1]).exists()}
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.01)


def last(said: list[str], word: str) -> str:
    return next(line for line in reversed(said) if line.startswith(f"sockfilter: {word}"))


def size(text: str) -> float:
    number, unit = re.findall(r"([\d.]+) (B|kB|MB)", text)[0]
    return float(number) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit]


def test_the_self_test_says_of_each_hazard_what_it_is_here() -> None:
    done = run("accelerate", "--self-test")
    verdicts = {hazard.name: next(line for line in done.lines if line.startswith(hazard.name)) for hazard in HAZARDS}
    faults = [line for line in verdicts.values() if line.endswith("NOT SAFE")]
    assert all(line.endswith("NOT SAFE") or "as TCP" in line for line in verdicts.values())
    assert done.status == (1 if faults else 0)
    # what this project's own programs must do right on any kernel
    for name in (
        *("requests and answers", "end of the stream, half closed", "reset (SO_LINGER 0)"),
        *("close while the other end writes", "a reader that does not read"),
    ):
        assert "as TCP" in verdicts[name]
    assert not left_behind()


def test_a_hazard_that_no_byte_went_past_tcp_for_is_not_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwnGroup, "add", lambda group, pid: None)
    assert [(one.has_moved, one.is_safe) for one in tried(HAZARDS[:1])] == [(False, False)]


@ADDRESSES
def test_exchanges_that_went_past_tcp_are_shown(address: str) -> None:
    done = run("accelerate", "--format", "jsonl", "--", *LOAD, address, str(MANY), command=SAFE)
    assert done.status == 0
    sent = int(done.lines.pop(next(at for at, line in enumerate(done.lines) if line.isdecimal())))
    found = [json.loads(line) for line in done.lines if line.startswith("{")]
    assert [one["request"]["target"] for one in found if one["kind"] == "exchange"] == [f"/{n}" for n in range(MANY)]
    line = last(done.said, "accelerated")
    assert line.startswith("sockfilter: accelerated: 1 connection between")
    assert f" in {2 * MANY} messages went past TCP, 0 B by TCP; 0 directions went back" in line
    assert size(line) == pytest.approx(sent, rel=0.01)
    assert not left_behind()


def test_a_kernel_that_is_not_safe_is_named_and_the_command_runs_over_tcp() -> None:
    unsafe = SAFE[2].replace(
        "lambda is_over: None",
        "lambda is_over: next(one for one in self_test.tried() if 'close with' in one.hazard.name)",
    )
    fault = next(one for one in tried([hazard for hazard in HAZARDS if hazard.name == "close with unread data"]))
    done = run("accelerate", "--", *LOAD, "127.0.0.1", "3", command=(*SAFE[:2], unsafe))
    assert done.status == 0
    line = last(done.said, "not accelerated")
    assert os.uname().release in line
    assert f"close with unread data: {fault.accelerated.words}, by TCP {fault.plain.words} " in line
    assert line.endswith("; the command runs over TCP")
    assert sum(" GET /" in shown for shown in done.lines) == 3
    assert not any("went past" in said for said in done.said)


@ADDRESSES
def test_a_dry_run_counts_what_would_qualify(address: str) -> None:
    done = run("accelerate", "--dry-run", "--", *LOAD, address, "10")
    assert done.status == 0
    assert sum(" GET /" in shown for shown in done.lines) == 10
    sent = int(next(line for line in done.lines if line.isdecimal()))
    line = last(done.said, "dry run")
    assert line.startswith("sockfilter: dry run: 1 connection between processes of the command would qualify;")
    assert size(line) == pytest.approx(sent, abs=50)
    measured = last(done.said, "measured on this machine")
    assert re.search(r"past TCP, [\d.]+ times the rate of TCP \([\d.]+ to [\d.]+ in 3 pairs of runs\)", measured)
    assert not left_behind()


def test_a_connection_to_others_does_not_qualify() -> None:
    with OwnGroup() as group, Accelerator(group.path, dry_run=True) as counting, Accelerator(group.path) as both:
        # this process is in no group of the two
        assert echo().words == "the same bytes arrive"
        assert counting.counts.connections == both.counts.connections == both.counts.messages == 0


def test_the_exit_status_is_that_of_the_command() -> None:
    assert run("accelerate", "--", "sh", "-c", "exit 7", command=SAFE).status == 7
    assert run("accelerate", "--dry-run", "--", "sh", "-c", "exit 7").status == 7
    assert run("accelerate", "--dry-run", "--", "no-such-command").status == 127


def test_nothing_is_left_after_kill_9() -> None:
    command = "echo begun; exec sleep 600 > /dev/null 2>&1"
    running = Running("accelerate", "--dry-run", "--", "sh", "-c", command)
    assert "begun" in running.output.next()
    (group,) = Path(top()).glob(f"sockfilter-{running.process.pid}-*")
    (member,) = map(int, (group / "cgroup.procs").read_text().split())
    try:
        running.end(signal.SIGKILL)
        assert not left_behind()
        assert not group.exists()
        assert Path("/proc", str(member)).exists()  # the command is left alone
    finally:
        os.kill(member, signal.SIGKILL)


@pytest.mark.parametrize("words", [["--self-test"], ["--", "sleep", "600"]])
def test_a_signal_ends_the_self_test_and_the_command_does_not_begin(words: list[str]) -> None:
    process = subprocess.Popen(
        [*WITH_SIGNAL, "accelerate", *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, errors) == (128 + signal.SIGTERM, b"")
    assert not left_behind()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which command?"),
        (["--dry-run"], "which command?"),
        (["--self-test", "--dry-run"], "--self-test takes no command"),
        (["--self-test", "--", "true"], "--self-test takes no command"),
        (["--dryrun", "--", "true"], "did you mean --dry-run?"),
        (["-i", "lo", "--", "true"], "-i is for packets"),
    ],
)
def test_a_wrong_command_line_is_said_in_one_line(words: list[str], said: str) -> None:
    done = run("accelerate", *words)
    assert done.status == 2
    assert len(done.said) == 1
    assert said in done.said[0]


def test_without_rights_it_says_so() -> None:
    done = run("accelerate", "--dry-run", "--", "true", prefix=without_rights())
    assert done.status == 125
    assert "making a control group" in done.said[0]
    assert "sudo" in done.said[0]


def test_it_says_who_splices_from_sockets_and_leaves_all_to_tcp() -> None:
    script = (
        "import os, socket, sys\n"
        "from tests.support import local_load\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "link = socket.create_connection(listener.getsockname())\n"
        "server, _ = listener.accept()\n"
        "server.setblocking(False)\n"
        "read, write = os.pipe()\n"
        "null = os.open('/dev/null', os.O_RDWR)\n"
        "os.write(write, b'x')\n"
        "os.splice(read, null, 1)\n"  # not from a socket
        "for _ in range(2):\n"
        "    try:\n"
        "        os.splice(server.fileno(), write, 10)\n"
        "    except BlockingIOError:\n"
        "        pass\n"
        "local_load.main(socket.AF_INET, '127.0.0.1', 20)\n"
    )
    words = ("--", sys.executable, "-c", script)
    dry = run("accelerate", "--dry-run", *words)
    assert dry.status == 0
    name = Path(sys.executable).name[:15]
    said = last(dry.said, "splice(2) from sockets")
    assert re.search(rf": {re.escape(name)}\w*\[\d+\] 2 times; nothing would go past TCP from the first", said), said
    done = run("accelerate", *words, command=SAFE)
    assert done.status == 0
    assert sum(" GET /" in shown for shown in done.lines) == 20
    assert " 0 B in 0 messages went past TCP" in last(done.said, "accelerated")
    assert "2 times; from the first on, all went by TCP" in last(done.said, "splice(2) from sockets")
