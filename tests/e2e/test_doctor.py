"""sockfilter doctor: a line for each thing that capturing takes, and what to do where it is missing."""

from __future__ import annotations

import json

import pytest

from sockfilter.cli import checks
from sockfilter.cli.checks import BAD, CHECKS, NOTE, OK, UNKNOWN
from tests.support.command import run
from tests.support.net import namespace
from tests.support.rights import without_rights

pytestmark = pytest.mark.usefixtures("root")

NAMES = [
    *("kernel", "libbpf", "capabilities", "ring buffer", "BTF", "JIT", "lockdown", "unprivileged_bpf_disabled"),
    *("locked memory", "sandbox", "network namespace", "program", "processes", "system calls", "past the network"),
    *("TLS", "exchange"),
]


def test_here_it_can_capture():
    done = run("doctor")
    assert done.status == 0
    assert [line[8:34].strip() for line in done.lines if not line.startswith(" ")] == NAMES
    assert not any(line.startswith(BAD) for line in done.lines)
    assert done.lines[-1] == f"{OK:<7} {'exchange':<26} one crossed lo, and was seen"


def test_the_same_for_programs():
    done = run("doctor", "--json")
    assert done.status == 0
    found = json.loads(done.output)
    assert found["can_capture"] is True
    assert [check["name"] for check in found["checks"]] == NAMES
    assert all(set(check) == {"name", "state", "found", "remedy"} for check in found["checks"])


def test_without_rights_it_says_which_and_how_to_get_them():
    done = run("doctor", "--json", prefix=without_rights())
    assert done.status == 1
    by_name = {check["name"]: check for check in json.loads(done.output)["checks"]}
    assert by_name["capabilities"]["state"] == BAD
    assert by_name["capabilities"]["found"] == "CAP_NET_RAW and CAP_BPF missing"
    assert "use sudo" in by_name["capabilities"]["remedy"]
    assert {name for name, check in by_name.items() if check["state"] == UNKNOWN} >= {"program", "exchange"}


def test_in_a_namespace_without_loopback_the_exchange_is_what_fails():
    with namespace() as name:
        from tests.support.net import ip

        ip("link", "set", "lo", "down", netns=name)
        done = run("doctor", "--json", prefix=("ip", "netns", "exec", name))
    found = json.loads(done.output)
    by_name = {check["name"]: check for check in found["checks"]}
    assert (done.status, found["can_capture"]) == (1, False)
    assert by_name["program"]["state"] == BAD
    assert "interface lo is down; bring it up first" in by_name["program"]["found"]
    assert by_name["network namespace"]["state"] in (NOTE, UNKNOWN)


@pytest.mark.parametrize(
    ("path", "content", "check", "state", "words"),
    [
        ("/proc/sys/net/core/bpf_jit_enable", "0\n", checks.jit, NOTE, "sysctl -w net.core.bpf_jit_enable=1"),
        ("/proc/sys/net/core/bpf_jit_enable", None, checks.jit, UNKNOWN, ""),
        (
            "/sys/kernel/security/lockdown",
            "none integrity [confidentiality]\n",
            checks.lockdown,
            NOTE,
            "lockdown=integrity",
        ),
        ("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n", checks.lockdown, OK, ""),
    ],
)
def test_what_it_makes_of_what_the_kernel_says(
    monkeypatch: pytest.MonkeyPatch, path: str, content: str | None, check: object, state: str, words: str
):
    said = {path: None if content is None else content.strip()}
    monkeypatch.setattr(checks, "text_of", said.__getitem__)
    assert check in CHECKS
    finding = check()  # type: ignore[operator]  # one of them
    assert finding.state == state
    assert words in finding.remedy


def test_its_help_and_what_it_cannot_mean():
    assert "exit status" in run("doctor", "--help").output.decode()
    assert run("doctor", "--jsn").status == 2
