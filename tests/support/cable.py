"""A cable for frames made by hand: a veth pair on which nothing else is ever sent."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sockfilter
from sockfilter.ledger import OUTCOMES
from sockfilter.system.namespace import entered
from tests.support.net import ip, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter import Capture

# sends, and receives, what crosses the cable
NEAR, FAR = "veth0", "veth1"
ANY = "any"
# seconds that a frame may take to the far end
PATIENCE_S = 60.0
# include/uapi/linux/sockios.h, include/uapi/linux/if_packet.h
SIOCINQ = 0x541B
SIOCGIFFLAGS = 0x8913
# include/uapi/linux/if.h
IFF_RUNNING = 0x40


@dataclass(frozen=True)
class Cable:
    """Both ends are in one namespace, without addresses, so that no stack answers."""

    netns: str

    def send(self, *frames: bytes, interface: str = NEAR) -> None:
        """Puts frames on the wire. The near end's taps have seen them when this returns."""
        with entered(self.netns), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.bind((interface, 0))
            for frame in frames:
                sender.send(frame)

    def set_up(self, interface: str) -> None:
        """Sets an end up, and returns when both ends pass frames."""
        ip("link", "set", interface, "up", netns=self.netns)
        with entered(self.netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            for end in (NEAR, interface):
                wait_until_running(asking, end)

    def pass_by(self, capture: Capture, *frames: bytes, interface: str = NEAR) -> None:
        """Sends frames, and returns when what the capture makes of them is there."""
        arrived = outcomes(capture)
        self.send(*frames, interface=interface)
        sightings = 2 if capture.source.interface.name == ANY and interface in (NEAR, FAR) else 1
        wait_for_outcomes(capture, arrived + sightings * len(frames))
        capture.flush()

    @contextmanager
    def capture(self, interface: str | list[str] = FAR, **options: Any) -> Iterator[Capture]:
        """A capture of this namespace, whose ledger has to balance when it has ended."""
        # frames that tests send through both ends are shown at both
        with sockfilter.capture(interface, netns=self.netns, **{"all_hops": True, **options}) as capture:
            yield capture
        assert capture.ledger.is_balanced, capture.ledger.imbalance


def outcomes(capture: Capture) -> int:
    """Packets that the program is done with: those only seen may still be under its hands."""
    packets = capture.ledger.packets
    return sum(packets[name] for name in OUTCOMES)


def wait_for_outcomes(capture: Capture, count: int) -> None:
    """A veth's far end takes frames in a softirq, which the kernel may put off."""
    deadline = time.monotonic() + PATIENCE_S
    while outcomes(capture) < count:
        assert time.monotonic() < deadline, f"{outcomes(capture)} of {count} packets arrived"
        os.sched_yield()


def wait_until_running(asking: socket.socket, name: str) -> None:
    """An interface that is up drops frames until the kernel has seen its carrier, which it may put off."""
    deadline = time.monotonic() + PATIENCE_S
    request = struct.pack("16s16x8x", name.encode())
    while not struct.unpack_from("H", fcntl.ioctl(asking, SIOCGIFFLAGS, request), 16)[0] & IFF_RUNNING:
        assert time.monotonic() < deadline, f"{name} has no carrier"
        os.sched_yield()


@contextmanager
def cable() -> Iterator[Cable]:
    with namespace() as name:
        with entered(name):
            # else each end would announce its IPv6 address some time after it came up
            Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        ip("link", "add", NEAR, "type", "veth", "peer", "name", FAR, netns=name)
        for end in (NEAR, FAR):
            ip("link", "set", end, "mtu", "9000", "up", netns=name)
        with entered(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            for end in (NEAR, FAR):
                wait_until_running(asking, end)
        yield Cable(name)
