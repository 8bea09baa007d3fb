"""Once it captures, the process has no rights left, whoever started it, and goes on doing all that it has to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import sockfilter
from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import Ask, curl, http_client
from tests.support.command import COMMAND, Sniffer, run
from tests.support.rights import for_everybody, without_rights
from tests.support.skips import need_tool

pytestmark = pytest.mark.usefixtures("root")

NONE = "0000000000000000"


def status(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def assert_no_rights(found: dict[str, list[str]]) -> None:
    assert {name: found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {
        name: [NONE] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")
    }
    assert found["NoNewPrivs"] == ["1"]


def test_root_keeps_no_capability(loopback: Sites):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port)) as command:
        assert_no_rights(status(command.process.pid))
        http_client(site, [SMALL])
        assert command.line()


def test_who_has_two_capabilities_keeps_none(loopback: Sites):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), prefix=without_rights("net_raw", "bpf")) as command:
        assert_no_rights(status(command.process.pid))
        http_client(site, [SMALL])
        assert command.line()


@pytest.mark.parametrize(
    ("env", "words", "uid"),
    [
        ({}, (), "65534"),
        ({"SUDO_UID": "1234"}, (), "1234"),
        ({}, ("--user", "4321"), "4321"),
        ({}, ("--user", "root"), "0"),
    ],
)
def test_root_becomes_someone_else(loopback: Sites, env: dict[str, str], words: tuple[str, ...], uid: str):
    site = loopback.get("python")
    python, packages = for_everybody()
    by, path = [python, *COMMAND[1:]], {"PYTHONPATH": os.pathsep.join(packages)}
    with Sniffer("-i", "lo", "--ports", str(site.port), *words, env={**path, **env}, command=by) as command:
        found = status(command.process.pid)
        assert found["Uid"] == [uid] * 4
        assert_no_rights(found)
        http_client(site, [SMALL])
        assert command.line()


def test_files_that_follow_still_open(loopback: Sites, tmp_path: Path):
    site = loopback.get("python")
    pattern = tmp_path / "x.pcapng"
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(pattern), "-C", "1") as command:
        assert_no_rights(status(command.process.pid))
        for i in range(3):
            http_client(site, [Ask("GET", f"/big?{i}")])
            assert command.line()
        command.end()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 1
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)


def test_reading_a_file_takes_no_rights_and_keeps_none(tmp_path: Path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen([*COMMAND, "-r", str(fifo)], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"sockfilter: reading")
        found = status(process.pid)
        process.terminate()
    assert_no_rights(found)


def hidden_copy(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """The command in a place that root alone may enter, as in a virtual environment below /root."""
    python, packages = for_everybody()
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    (shut / "sockfilter").symlink_to(Path(sockfilter.__file__).parent)
    return [python, *COMMAND[1:]], {"PYTHONPATH": os.pathsep.join([str(shut), *packages])}


@pytest.mark.parametrize(
    "options",
    [("-vv", "--processes"), (), ("--format", "jsonl", "--body", "all")],
    ids=["text with bodies", "text", "jsonl"],
)
def test_who_cannot_read_the_code_is_become_all_the_same(options: tuple[str, ...], loopback: Sites, tmp_path: Path):
    site = loopback.get("python")
    by, env = hidden_copy(tmp_path)
    words = ("-i", "lo", "--ports", str(site.port), *options, "--summary", "jsonl")
    with Sniffer(*words, env=env, command=by) as command:
        found = status(command.process.pid)
        assert found["Uid"] == ["65534"] * 4
        assert_no_rights(found)
        # what is imported late: decoders, signs beyond ASCII, decoded targets
        curl(site, EVERYTHING)
        done = command.end()
    assert (done.status, len(done.said)) == (0, 2), done.said
    assert json.loads(done.said[-1])["reason"] == "signal"
    assert len([line for line in done.lines if line[:1].isdigit() or line[:1] == "{"]) >= len(EVERYTHING)


def test_why_it_stays_root_is_said(loopback: Sites, tmp_path: Path):
    tmp_path.chmod(0o700)
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(tmp_path / "x"), "-C", "1") as command:
        said = f"stays root, without capabilities: user nobody cannot write to {tmp_path}; --user selects another user"
        assert command.said() == f"sockfilter: {said}"
        assert_no_rights(status(command.process.pid))


@pytest.mark.parametrize(
    ("dropped", "missing"),
    [("setgid", "CAP_SETGID"), ("setuid", "CAP_SETUID"), ("setuid,-setgid", "CAP_SETUID and CAP_SETGID")],
)
@pytest.mark.parametrize("env", [{}, {"SUDO_UID": "1234", "SUDO_GID": "1234"}], ids=["root", "sudo"])
def test_root_who_may_not_become_someone_else_stays_root(
    loopback: Sites, dropped: str, missing: str, env: dict[str, str]
):
    """As in a container that has the capabilities to capture alone."""
    prefix = (need_tool("setpriv"), f"--bounding-set=-{dropped}", f"--inh-caps=-{dropped}")
    site, who = loopback.get("python"), env.get("SUDO_UID", "nobody")
    with Sniffer("-i", "lo", "--ports", str(site.port), prefix=prefix, env=env) as command:
        said = f"stays root, without capabilities: becoming user {who} requires {missing}"
        assert command.said() == f"sockfilter: {said}"
        found = status(command.process.pid)
        assert found["Uid"] == ["0"] * 4
        assert_no_rights(found)
        http_client(site, [SMALL])
        assert command.line()
    done = run("-i", "lo", "--user", "4321", prefix=prefix)
    said = f"--user 4321: becoming user 4321 requires {missing}; --user root stays root, without capabilities"
    assert (done.status, done.said) == (2, [f"sockfilter: {said}"])
    with Sniffer("-i", "lo", "--ports", str(site.port), "--user", "root", prefix=prefix) as command:
        assert_no_rights(status(command.process.pid))


@pytest.mark.parametrize("word", ["99999999999", "4294967295", "9" * 5000])
def test_numbers_that_no_user_has(word: str):
    for done, said in (
        (run("-i", "lo", "--user", word), f"--user {word}"),
        (run("-i", "lo", env={"SUDO_UID": word}), f"SUDO_UID={word}"),
        (run("-D", env={"SUDO_UID": word}), ""),
    ):
        if said:
            assert (done.status, done.said) == (2, [f"sockfilter: {said}: the largest user number is 4294967294"])


STATUS = ("grep", "-E", "^(Uid|SigIgn|CapPrm|CapInh|CapAmb):", "/proc/self/status")


def of_command(*words: str, prefix: tuple[str, ...] = ()) -> dict[str, list[str]]:
    done = run("-q", *words, "--", *STATUS, prefix=prefix)
    assert done.status == 0, done.said
    return {name: value.split() for name, _, value in (line.partition(":") for line in done.lines)}


def test_the_command_has_the_signals_of_its_caller():
    # Python itself ignores two signals; of the others, this process may ignore what its own caller ignores
    own = re.search(r"SigIgn:\s*(\w+)", Path("/proc/self/status").read_text())
    assert own is not None
    before = int(own[1], 16) & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)
    assert int(of_command()["SigIgn"][0], 16) == before
    ignored = ("sh", "-c", 'trap "" HUP INT TERM USR1; exec "$@"', "sh")
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    assert int(of_command(prefix=ignored)["SigIgn"][0], 16) == before | sum(1 << number - 1 for number in numbers)
    assert run("-q", "--", "bash", "-o", "pipefail", "-c", "yes | head -1").status == 128 + signal.SIGPIPE


def test_the_command_is_who_user_says_and_else_who_runs_this():
    assert of_command()["Uid"] == ["0"] * 4
    found = of_command("--user", "1234")
    assert found["Uid"] == ["1234"] * 4
    assert {found[name][0] for name in ("CapPrm", "CapInh", "CapAmb")} == {NONE}


def test_the_command_has_none_of_the_capabilities_that_were_lent():
    found = of_command(prefix=without_rights("net_raw", "bpf", "perfmon"))
    assert found["Uid"] == ["65534"] * 4
    assert {found[name][0] for name in ("CapPrm", "CapInh", "CapAmb")} == {NONE}


@pytest.mark.parametrize(
    ("words", "prefixed", "said"),
    [
        (("--user", "nosuchuser"), False, "--user nosuchuser: there is no such user; getent passwd lists them"),
        (("--user", "root"), True, "--user root: switching to another user requires root; use sudo"),
    ],
)
def test_who_cannot_be_become(words: tuple[str, ...], prefixed: bool, said: str):
    done = run("-i", "lo", *words, prefix=without_rights("net_raw", "bpf") if prefixed else ())
    assert (done.status, done.said) == (2, [f"sockfilter: {said}"])


def test_a_user_who_could_not_write_what_follows_is_refused(tmp_path: Path):
    tmp_path.chmod(0o700)
    done = run("-i", "lo", "--user", "65534", "-w", str(tmp_path / "x"), "-C", "1")
    assert done.status == 2
    assert "use another user, for example --user root" in done.said[0]
