"""What can be in the way: one line that says what to do, no traceback, exit status 1."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.refusals import refusal
from tests.support import refuse
from tests.support.command import COMMAND, run
from tests.support.net import ip, namespace
from tests.support.rights import limited, sets, without_rights
from tests.support.skips import Skip, need_tool, skip

pytestmark = pytest.mark.usefixtures("root")

REFUSE = (sys.executable, refuse.__file__)


def test_no_such_interface_names_the_nearest():
    with namespace() as netns:
        ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1", netns=netns)
        line = refusal("-i", "eht0", "--netns", netns)
    assert line == "looking up interface 'eht0': there is no such interface; did you mean eth0 or eth1?"


def test_no_such_interface_and_none_that_is_near():
    with namespace() as netns:
        line = refusal("-i", "wlan0", "--netns", netns)
    assert line == "looking up interface 'wlan0': there is no such interface; there are lo, any"


@pytest.mark.parametrize("name", ["lo:1", "a" * 40, "../lo", "lo ", "\udcff", "\x1b[2J"])
def test_no_such_interface_whatever_the_name(name):
    line = refusal("-i", name)
    assert "there is no such interface" in line
    assert line.isprintable()


def test_an_interface_that_is_down():
    with namespace() as netns:
        ip("link", "set", "lo", "down", netns=netns)
        line = refusal("-i", "lo", "--netns", netns)
    assert line == "interface lo is down; bring it up first: ip link set lo up"


THREE_WAYS = ("sudo;", "setpriv", "AmbientCapabilities=CAP_NET_RAW CAP_BPF")


def test_no_rights_at_all():
    line = refusal(prefix=without_rights())
    assert "CAP_NET_RAW and CAP_BPF missing" in line
    assert all(way in line for way in THREE_WAYS)


@pytest.mark.parametrize(("kept", "missing"), [("net_raw", "CAP_BPF"), ("bpf", "CAP_NET_RAW")])
def test_half_of_the_rights(kept, missing):
    line = refusal(prefix=without_rights(kept))
    assert f"{missing} missing" in line
    assert f"{'CAP_NET_RAW' if missing == 'CAP_BPF' else 'CAP_BPF'} missing" not in line
    assert all(way in line for way in THREE_WAYS)


def test_both_rights_are_enough():
    done = run("-i", "lo", "--ports", "1", "--duration", "0.01", prefix=without_rights("net_raw", "bpf"))
    assert done.status == 0


def test_a_limit_of_locked_memory():
    prefix = (need_tool("prlimit"), "--memlock=65536", *limited(*sets("dac_read_search", "net_raw", "bpf")))
    if run("-i", "lo", "--ports", "1", "--duration", "0.01", prefix=prefix).status == 0:
        skip(Skip.KERNEL, "maps that count as locked memory, as before Linux 5.11")
    line = refusal(prefix=prefix)
    assert "locked memory" in line
    assert "ulimit -l unlimited" in line
    assert "64 KiB" in line


def test_both_rights_are_not_enough_for_another_namespace():
    with namespace() as netns:
        line = refusal("-i", "lo", "--netns", netns, prefix=without_rights("net_raw", "bpf"))
    assert line.startswith(f"entering network namespace {netns}: ")
    assert "CAP_SYS_ADMIN" in line


def test_a_namespace_without_a_way_back_is_not_entered():
    """Root of a user namespace, in the network of the host: it could enter one of its own, and not come back."""
    script = (
        "unshare --net sleep 60 & there=$!;"
        ' until [ "$(readlink /proc/$there/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done;'
        f" {' '.join(COMMAND)} -D --netns $there; status=$?; kill $there; exit $status"
    )
    apart = [need_tool("unshare"), "--user", "--map-root-user"]
    if subprocess.run([*apart, "true"], check=False).returncode:
        skip(Skip.KERNEL, "user namespaces")
    done = subprocess.run([*apart, "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert re.fullmatch(
        r"sockfilter: entering network namespace \d+: Operation not permitted;"
        r" it requires CAP_SYS_ADMIN outside of user namespaces: use sudo\n",
        done.stderr,
    )


def test_a_sandbox_that_refuses_bpf():
    line = refusal(prefix=(*REFUSE, "MAP_CREATE", "EPERM"))
    assert "the process has CAP_NET_RAW and CAP_BPF" in line


def test_a_kernel_without_ring_buffers():
    line = refusal(prefix=(*REFUSE, "MAP_CREATE", "EINVAL"))
    assert line.startswith("creating the BPF maps: ")
    assert "Linux 5.8 or newer" in line


def test_a_kernel_without_memory_for_the_ring():
    line = refusal("-i", "lo", "-B", "512M", prefix=(*REFUSE, "MAP_CREATE", "ENOMEM"))
    assert "use a smaller ring: -B" in line


def test_a_kernel_that_refuses_the_program():
    line = refusal(prefix=(*REFUSE, "PROG_LOAD", "EACCES"))
    assert line.startswith("loading the BPF program: ")


def test_a_namespace_that_is_not_there():
    with namespace() as netns:
        line = refusal("-i", "lo", "--netns", netns + "x")
    assert line.startswith(f"entering network namespace '{netns}x': there is no such namespace; there are ")
    assert netns in line.split("there are ")[1]
    assert line.endswith("or give a process number")


def test_a_process_that_is_not_there():
    line = refusal("-i", "lo", "--netns", "999999999")
    assert line == "entering the network namespace of process 999999999: there is no such process"


def test_a_namespace_that_may_not_be_read():
    prefix = limited(*sets("dac_read_search", "net_raw", "bpf"))
    line = refusal("-i", "lo", "--netns", "1", prefix=prefix)
    if line.endswith("is no network namespace"):
        skip(Skip.KERNEL, "a refusal to open another's namespace (late 5.10 opens something else)")
    assert line.startswith("entering network namespace 1: opening /proc/1/ns/net: Permission denied")


def test_a_namespace_that_is_none():
    path = Path("/run/netns/not-one")
    path.parent.mkdir(exist_ok=True)
    path.touch()
    try:
        line = refusal("-i", "lo", "--netns", path.name)
    finally:
        path.unlink()
    assert line.startswith("entering network namespace not-one: Invalid argument")
    assert "CAP_SYS_ADMIN" not in line


def test_a_ring_that_cannot_be_mapped():
    line = refusal("-i", "lo", "-B", "128M", prefix=(need_tool("prlimit"), "--as=100000000"))
    assert "use a smaller" in line
    assert "-B" in line
