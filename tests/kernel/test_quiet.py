"""The capture disturbs nothing: no trace output, no copies of frames, no parts of the kernel it can do without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sockfilter
from sockfilter.sources.packets.attachment import OBJECT
from sockfilter.system.namespace import entered
from tests.support.bpf import helpers, packet_sockets
from tests.support.cable import ANY, NEAR, Cable
from tests.support.frames import Talk
from tests.support.net import namespace
from tests.support.skips import need_file_system, need_root, need_tool
from tests.support.sockets import connected, read_exactly

ROOT = Path(__file__).resolve().parents[2]
# enum bpf_func_id: maps, time, processor, packet bytes, ring; every one of them is in Linux 5.8
HELPERS = {1, 2, 5, 8, 26, 68, 131, 132, 133, 134}
TRACE_PRINTK, TRACE_VPRINTK = 6, 177
HIDDEN = {
    "btf": "mount -t tmpfs none /sys/kernel/btf && ! test -e /sys/kernel/btf/vmlinux",
    "bpffs": "(umount /sys/fs/bpf || true) && ! mountpoint -q /sys/fs/bpf",
    "tracefs and debugfs": "(umount -R /sys/kernel/tracing; umount -R /sys/kernel/debug; true)"
    " && ! test -e /sys/kernel/tracing/trace",
}


def run_apart(preparation: str, then: str = "") -> str:
    """What a capture of one exchange prints, in network and mount namespaces of its own."""
    need_root()
    script = f"set -e; ip link set lo up; {preparation}; {sys.executable} -m tests.support.one_exchange; {then}"
    command = [need_tool("unshare"), "--mount", "--net", "sh", "-c", script]
    return subprocess.run(command, cwd=ROOT, env=os.environ, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("preparation", HIDDEN.values(), ids=HIDDEN.keys())
def test_captures_without(preparation: str) -> None:
    assert run_apart(preparation) == "GET /seen 204\n"


def test_without_sysfs_it_says_so_before_it_captures() -> None:
    """The number of processors stands there, and the counters are one set for each."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run_apart("mount -t tmpfs none /sys")
    assert failed.value.stderr.rstrip().endswith("mount sysfs on /sys")
    assert "KernelUnsupported" in failed.value.stderr


def test_writes_nothing_to_the_trace() -> None:
    need_file_system("tracefs")
    said = run_apart(
        "mountpoint -q /sys/kernel/tracing || mount -t tracefs none /sys/kernel/tracing;"
        " echo > /sys/kernel/tracing/trace",
        "grep -v '^#' /sys/kernel/tracing/trace || true",
    )
    assert said == "GET /seen 204\n"


def test_program_calls_no_helper_that_prints() -> None:
    called = helpers(OBJECT, "socket")
    assert not called & {TRACE_PRINTK, TRACE_VPRINTK}
    assert called <= HELPERS


@pytest.mark.parametrize("interface", [NEAR, ANY])
def test_receive_queue_of_the_socket_stays_empty(cable: Cable, interface: str) -> None:
    with cable.capture(interface) as capture:
        for _ in range(20):
            cable.pass_by(capture, *Talk().whole())
            with entered(cable.netns):
                (socket,) = packet_sockets()
            assert socket["Rmem"] == "0"
        assert capture.exchanges


def test_receive_queue_stays_empty_on_loopback() -> None:
    request = b"GET / HTTP/1.1\r\n\r\n"
    with (
        namespace() as netns,
        sockfilter.capture("lo", netns=netns) as capture,
        connected(netns) as (client, server),
    ):
        for _ in range(100):
            client.sendall(request)
            read_exactly(server, len(request))
        with entered(netns):
            (socket,) = packet_sockets()
        assert socket["Rmem"] == "0"
        assert capture.ledger.packets["sent"] == 100
