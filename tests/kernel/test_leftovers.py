"""Nothing stays behind: not in the kernel, not in the process, however the capture ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import SockfilterError
from sockfilter.system.namespace import entered
from tests.support.bpf import descriptors, held_by, in_kernel, packet_sockets
from tests.support.net import namespace
from tests.support.skips import need_root

if TYPE_CHECKING:
    from tests.support.bpf import Held

ROOT = Path(__file__).resolve().parents[2]
# seconds until the kernel has freed what nobody holds any more: a grace period of RCU, then a work queue
PATIENCE_S = 60


def wait_until_freed(held: set[Held]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while left := held & in_kernel():
        assert time.monotonic() < deadline, f"still there: {left}"
        os.sched_yield()


def test_close_frees_programs_maps_and_socket() -> None:
    with namespace() as netns:
        before = held_by(os.getpid())
        with sockfilter.capture("lo", netns=netns):
            held = held_by(os.getpid()) - before
            assert {kind for kind, _ in held} == {"prog", "map"}
            assert held <= in_kernel()
            with entered(netns):
                assert len(packet_sockets()) == 1
        with entered(netns):
            assert packet_sockets() == []
        wait_until_freed(held)


def test_kill_frees_programs_maps_and_socket() -> None:
    with namespace() as netns:
        with entered(netns):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.one_exchange"],
                cwd=ROOT,
                env={**os.environ, "STAY": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        with process:
            assert process.stdout.readline() == "GET /seen 204\n"
            held = held_by(process.pid)
            assert {kind for kind, _ in held} == {"prog", "map"}
            process.kill()
        with entered(netns):
            assert packet_sockets() == []
        wait_until_freed(held)


def test_captures_leak_no_descriptor_and_no_memory() -> None:
    def mappings() -> int:
        return Path("/proc/self/maps").read_text().count("bpf-map")

    with namespace() as netns:
        mapped = mappings()  # of captures that other tests share
        with sockfilter.capture("lo", netns=netns):  # the first one loads what stays loaded
            assert mappings() > mapped
        before = descriptors()
        for _ in range(20):
            with sockfilter.capture("lo", netns=netns):
                pass
        assert descriptors() == before
        assert mappings() == mapped


@pytest.mark.parametrize(
    ("interface", "options"),
    [
        ("nosuch0", {}),
        ("lo", {"netns": "nosuch"}),
        ("lo", {"ring": 1 << 30}),
        ("lo", {"ports": 0}),
        ("lo", {"host": "nowhere"}),
    ],
)
def test_capture_that_cannot_be_leaks_nothing(interface: str, options: dict[str, object]) -> None:
    need_root()
    before = descriptors()
    held = held_by(os.getpid())
    with pytest.raises(SockfilterError):
        sockfilter.capture(interface, **options)
    assert descriptors() == before
    assert held_by(os.getpid()) == held


def test_capture_on_an_interface_that_is_down_leaks_nothing() -> None:
    with namespace() as netns:
        subprocess.run(["ip", "-n", netns, "link", "set", "lo", "down"], check=True)
        before = descriptors()
        with pytest.raises(SockfilterError, match="interface lo is down"):
            sockfilter.capture("lo", netns=netns)
        assert descriptors() == before


def test_closing_twice_is_closing_once() -> None:
    with namespace() as netns:
        capture = sockfilter.capture("lo", netns=netns)
        capture.close()
        capture.close()
        assert capture.ledger.is_balanced
        with pytest.raises(SockfilterError, match="has ended; open another"):
            capture.flush()
