"""sockfilter guard: what it says of what it refuses, and what it will not do."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from glob import glob
from typing import TYPE_CHECKING

import pytest

from sockfilter.sources.calls.cgroups import root
from sockfilter.system.namespace import entered
from tests.support.cable import FAR, cable
from tests.support.command import run
from tests.support.net import ip, namespace
from tests.support.rights import without_rights
from tests.support.running import Running
from tests.support.skips import Skip, need_tool, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("root")

SESSION = "203.0.113.9 40112 198.51.100.7 22"
SERVER = """if True:
    import http.server
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    print(server.server_port, flush=True)
    server.serve_forever()
"""


@contextmanager
def serving(netns: str) -> Iterator[tuple[int, int]]:
    """A server in a namespace: its port and its process."""
    with entered(netns):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", text=True
        )
    with process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def ask(netns: str, port: int, path: str = "/") -> int:
    with entered(netns):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code


def guarding(netns: str, *arguments: str) -> Running:
    return Running("guard", "-i", "lo", "--netns", netns, *arguments)


def test_a_dry_run_names_the_source_the_rule_the_process_and_the_exchanges():
    with namespace() as netns, serving(netns) as (port, pid):
        guard = guarding(netns, "--allow", "22")
        assert guard.greeting == "sockfilter: dry run on lo: nothing is dropped, --enforce drops; Ctrl-C ends"
        assert ask(netns, port) == 200
        assert ask(netns, port, "/nothing?token=secret") == 404
        done = guard.end()
    assert done.status == 0
    refused = [line for line in done.lines if "would refuse" in line]
    assert len(refused) == 2
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d\.\d{{3}}  would refuse  127\.0\.0\.1:\d+ > 127\.0\.0\.1:{port}  port not allowed"
        rf"  \(\S+\[{pid}\] serves it\)",
        refused[0],
    )
    exchanges = [line for line in done.lines if "would not be" in line]
    assert [line.partition(f":{port}  ")[2] for line in exchanges] == ["GET / 200", "GET /nothing?token=*** 404"]
    assert re.fullmatch(
        r"sockfilter: in \d+\.\d s 2 openings of \d+ packets; would have refused 2 of 1 source;"
        r" 2 exchanges would not have been",
        done.said[-1],
    )


def test_what_is_enforced_is_refused_until_its_time_is_over():
    with namespace() as netns, serving(netns) as (port, _):
        guard = guarding(netns, "--deny", str(port), "--enforce", "--for", "2s")
        assert guard.greeting == "sockfilter: guarding lo, for 2 s: what is refused is dropped; Ctrl-C ends"
        with entered(netns), socket.socket() as client:
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.connect(("127.0.0.1", port))
        done = guard.wait()
        assert ask(netns, port) == 200
    assert done.status == 0
    assert re.search(rf"  refused       127\.0\.0\.1:\d+ > 127\.0\.0\.1:{port}  port denied", done.lines[0])
    assert "; refused " in done.said[-1]


def test_more_than_the_rate():
    with namespace() as netns, serving(netns) as (port, _):
        guard = guarding(netns, "--per-source", "3/m", "--format", "jsonl", "--no-exchanges")
        for _ in range(5):
            ask(netns, port)
        done = guard.end(signal.SIGTERM)
    *refused, total = done.json
    assert [line["rule"] for line in refused] == ["rate", "rate"]
    assert {line["kind"] for line in refused} == {"refused"}
    assert refused[0]["target"] == {"ip": "127.0.0.1", "port": port}
    assert (total["kind"], total["refused_rate"], total["allowed"], total["openings"]) == ("guard-total", 2, 3, 5)
    assert "exchanges" not in total


def test_json_lines_have_the_exchanges():
    with namespace() as netns, serving(netns) as (port, _):
        guard = guarding(netns, "--deny", str(port), "--format", "jsonl")
        ask(netns, port)
        done = guard.end()
    kinds = [line["kind"] for line in done.json]
    assert kinds == ["refused", "not-been", "guard-total"]
    assert done.json[1]["what"] == "GET / 200"
    assert done.json[1]["client"] == done.json[0]["source"]


def test_a_flood_does_not_flood_the_terminal():
    with cable() as wire:
        from tests.kernel.test_guard import from_source

        guard = Running("guard", "-i", FAR, "--netns", wire.netns, "--deny", "8000", "--no-exchanges")
        for _ in range(10):
            wire.send(*[from_source(number) for number in range(1000)])
        done = guard.end()
    assert any("more in this second" in line for line in done.lines)
    assert len(done.lines) < 500
    assert "would have refused 10000 of 1000 sources" in "\n".join(done.said)


def test_rules_for_nftables_take_no_rights():
    done = run(
        "guard", "-i", "eth0", "--allow", "22,8000", "--per-source", "50/s", "--print-nft", prefix=without_rights()
    )
    assert done.status == 0
    assert done.lines[0] == "table netdev sockfilter_guard"


def test_nftables_accepts_the_rules():
    words = ("--allow", "22,8000-8010", "--per-source", "300/m:7", "--sources", "10.0.0.0/8,fd00::/8", "--udp")
    with namespace() as netns:
        done = run("guard", "-i", "lo", *words, "--not-sources", "10.1.0.0/16", "--print-nft")
        command = ["ip", "netns", "exec", netns, need_tool("nft"), "-c", "-f", "-"]
        checked = subprocess.run(command, input=done.output, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which rule? --allow PORTS, --deny PORTS, --per-source N/s"),
        (["--allow", "22"], "where? -i NAME or --cgroup PATH"),
        (["-i", "lo", "--cgroup", "/x", "--allow", "22"], "where? -i NAME or --cgroup PATH"),
        (["-i", "lo", "--allow", "22", "--deny", "23"], "--allow and --deny: choose one"),
        (["-i", "lo", "--allow", "ssh"], "'ssh' is not a port"),
        (["-i", "lo", "--allow", "GET"], "a packet guard acts before HTTP is there"),
        (["-i", "lo", "--method", "GET"], "--method: a packet guard acts before HTTP is there"),
        (["-i", "lo", "--deny", "1-65535"], "deny names every port, so nothing could connect"),
        (["-i", "lo", "--per-source", "0/s"], "would refuse every connection"),
        (["-i", "lo", "--per-source", "many"], "'many' is not a rate: use 50/s"),
        (["-i", "lo", "--allow", "22", "--sources", "here"], "'here' is not an address or network"),
        (["-i", "lo", "--allow", "22", "--enforce"], "--enforce drops connections: say for how long, with --for 10m"),
        (["-i", "lo", "--allow", "22", "--until-stopped"], "--until-stopped is for --enforce"),
        (["-i", "lo", "--allow", "22", "--enforce", "--for", "1s", "--until-stopped"], "choose one"),
        (["-i", "any", "--allow", "22"], "a guard takes one interface, not any"),
        (["--cgroup", "/x", "--allow", "22", "--print-nft"], "--print-nft prints rules for an interface"),
        (["-i", "lo", "--alow", "22"], "there is no option --alow; did you mean --allow?"),
        (["--cgroup", "nosuch", "--allow", "22"], "there is no such cgroup or container"),
    ],
)
def test_what_it_cannot_mean_is_one_line(arguments: list[str], said: str):
    done = run("guard", *arguments)
    assert (done.status, done.output) == (2, b"")
    (line,) = done.said
    assert said in line


def test_an_interface_that_is_not_there():
    done = run("guard", "-i", "nosuch0", "--allow", "22")
    assert done.status == 1
    (line,) = done.said
    assert "there is no such interface" in line


def test_an_interface_that_goes():
    with cable() as wire:
        guard = Running("guard", "-i", FAR, "--netns", wire.netns, "--deny", "9", "--no-exchanges")
        ip("link", "delete", FAR, netns=wire.netns)
        done = guard.wait()
    assert done.status == 1
    assert "sockfilter: guarding veth1: it has gone" in done.said


@pytest.mark.parametrize(
    ("kept", "lacks"),
    [
        ((), "CAP_NET_ADMIN and CAP_BPF missing"),
        (("bpf",), "CAP_NET_ADMIN missing"),
        (("net_admin",), "CAP_BPF missing"),
    ],
)
def test_without_rights_it_says_which(kept: tuple[str, ...], lacks: str):
    done = run("guard", "-i", "lo", "--allow", "22", "--no-exchanges", prefix=without_rights(*kept))
    assert done.status == 1
    (line,) = done.said
    assert lacks in line


def test_with_the_rights_that_it_names_it_guards():
    with namespace() as netns:
        words = ("guard", "-i", "lo", "--per-source", "5/s", "--allow", "22", "--sources", "::/0", "--for", "100ms")
        enter = ("ip", "netns", "exec", netns)
        done = run(*words, "--no-exchanges", prefix=[*enter, *without_rights("bpf", "net_admin")])
    assert done.status == 0, done.said


class TestTheSshSession:
    """Enforcing a rule that refuses new sessions like the one that it is started from takes a word."""

    @pytest.mark.parametrize(
        "rule",
        [["--allow", "8000"], ["--deny", "20-30"], ["--allow", "80", "--sources", "203.0.113.0/24"]],
    )
    def test_is_not_cut(self, rule: list[str]):
        done = run("guard", "-i", "lo", *rule, "--enforce", "--for", "1s", env={"SSH_CONNECTION": SESSION})
        assert done.status == 2
        (line,) = done.said
        assert "this ssh session came from 203.0.113.9 to port 22, and the rule refuses another one" in line
        assert "--cut-my-session does it anyway" in line

    @pytest.mark.parametrize(
        "rule",
        [
            ["--allow", "22,8000"],
            ["--deny", "8000"],
            ["--allow", "80", "--not-sources", "203.0.113.9"],
            ["--allow", "80", "--sources", "10.0.0.0/8"],
            ["--per-source", "50/s"],
            ["--allow", "8000", "--cut-my-session"],
        ],
    )
    def test_is_not_concerned(self, rule: list[str]):
        with namespace() as netns:
            words = ("guard", "-i", "lo", "--netns", netns, *rule, "--enforce", "--for", "50ms")
            done = run(*words, env={"SSH_CONNECTION": SESSION})
        assert done.status == 0, done.said

    def test_is_of_no_concern_to_a_dry_run(self):
        with namespace() as netns:
            words = ("guard", "-i", "lo", "--netns", netns, "--allow", "8000", "--for", "50ms", "--no-exchanges")
            assert run(*words, env={"SSH_CONNECTION": SESSION}).status == 0


@contextmanager
def in_a_cgroup(netns: str) -> Iterator[tuple[str, int]]:
    """A cgroup, and the port of a server in it."""
    folder = f"{root()}/sockfilter-test-{os.getpid()}"
    os.mkdir(folder)
    script = f"if True:\n    import os\n    open('{folder}/cgroup.procs', 'w').write(str(os.getpid()))\n{SERVER[9:]}"
    try:
        with entered(netns):
            process = subprocess.Popen(
                [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", text=True
            )
        with process:
            assert process.stdout is not None
            try:
                yield folder, int(process.stdout.readline())
            finally:
                process.kill()
    finally:
        os.rmdir(folder)


def test_sockets_of_a_cgroup():
    with namespace() as netns, in_a_cgroup(netns) as (folder, port), serving(netns) as (other, _):
        guard = Running("guard", "--cgroup", folder, "--allow", "22", "--enforce", "--for", "1h")
        assert guard.greeting == f"sockfilter: guarding {folder}, for 3600 s: what is refused is dropped; Ctrl-C ends"
        with entered(netns), socket.socket() as client:
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.connect(("127.0.0.1", port))
        assert ask(netns, other) == 200  # it is not in the group
        done = guard.end()
        assert ask(netns, port) == 200
    assert f"> 127.0.0.1:{port}  port not allowed" in done.lines[0]


def test_a_cgroup_of_version_1():
    folder = next((path for path in glob("/sys/fs/cgroup/*/") if os.path.exists(f"{path}/cgroup.clone_children")), None)
    if folder is None:
        skip(Skip.KERNEL, "cgroup v1")
    done = run("guard", "--cgroup", folder, "--deny", "9")
    assert done.status == 2
    (line,) = done.said
    assert "is a control group of version 1, which BPF does not know; give a path below" in line


def test_a_cgroup_below_ip_netns_exec_says_the_remedy():
    with namespace() as netns:
        prefix = ("ip", "netns", "exec", netns)
        for words in (("guard", "--cgroup", "x", "--deny", "9"), ("--via", "syscalls", "--cgroup", "x")):
            done = run(*words, prefix=prefix)
            assert done.status == 1
            (line,) = done.said
            assert f"cgroup v2 is not mounted; ip netns exec {netns} hides it: run sockfilter outside of it" in line


def test_its_help():
    assert "exit status" in run("guard", "--help").output.decode()
