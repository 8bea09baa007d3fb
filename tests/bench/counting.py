"""What counting packets costs the kernel, and whether it misses any: `python -m tests.bench.counting`. Needs root."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import sockfilter
from sockfilter.libbpf import binding, links
from tests.bench.kernel import (
    ROUNDS,
    Cost,
    Statistics,
    _empty_program,
    _programs,
    _statistics,
)
from tests.bench.table import at_least, at_most
from tests.support.cable import FAR, NEAR, cable
from tests.support.frames import ARP, IPV4, IPV6, UDP, VLAN, ethernet, extended, ipv4, ipv6, udp
from tests.support.net import ip
from tests.support.topologies import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cable import Cable

PACKETS = 20_000
FLOOD = 500_000
TAP_NS_MAX, XDP_NS_MAX = 25, 50
PROG_TYPE_XDP = 6
XDP_PASS = 2
# the statistics take more than the program, and differ by where it is: an empty one beside it is the control
DATAGRAM = udp(b"x" * 100, 9999)
KINDS = {
    "IPv4": ethernet(IPV4, ipv4(DATAGRAM, protocol=UDP)),
    "IPv6": ethernet(IPV6, ipv6(DATAGRAM, following=UDP)),
    "IPv6, hop-by-hop": ethernet(IPV6, ipv6(extended(DATAGRAM, 0, following=UDP)[1], following=0)),
    "ARP": ethernet(ARP, b"\0" * 46),
    "VLAN": ethernet(IPV4, ipv4(DATAGRAM, protocol=UDP), tags=((VLAN, 7),)),
}


def costs(wire: Cable, at: str) -> list[Cost]:
    """Nanoseconds of each kind of packet at a place, beside an empty program at the same place in turn."""
    found: dict[str, list[Cost]] = {}
    for _ in range(ROUNDS):
        empty = {what: _measured_empty(wire, at, frame) for what, frame in KINDS.items()}
        for what, frame in KINDS.items():
            found.setdefault(what, []).append(Cost(f"{at}: {what}", empty[what], _measured(wire, at, frame)))
    return [sorted(each, key=lambda cost: cost.above)[ROUNDS // 2] for each in found.values()]


def _measured(wire: Cable, at: str, frame: bytes) -> float:
    before = _programs()
    with sockfilter.count(FAR, at=[] if at == "tap" else [at], netns=wire.netns):
        made = sorted(_programs() - before)
        return _ns(wire, Statistics(_of_type(made, PROG_TYPE_XDP if at != "tap" else 1)), frame)


def _of_type(fds: list[int], kind: int) -> int:
    """The descriptor of a program, and not of its link."""
    return next(fd for fd in fds if f"prog_type:\t{kind}\n" in Path(f"/proc/self/fdinfo/{fd}").read_text())


def _ns(wire: Cable, statistics: Statistics, frame: bytes) -> float:
    wire.send(*[frame] * (PACKETS // 10))
    statistics.ns()
    wire.send(*[frame] * PACKETS)
    return statistics.ns()


def _measured_empty(wire: Cable, at: str, frame: bytes) -> float:
    with ExitStack() as stack:
        if at == "tap":
            return _ns(wire, stack.enter_context(_empty_tap(wire)), frame)
        return _ns(wire, stack.enter_context(_empty_xdp(wire, at)), frame)


@contextmanager
def _empty_tap(wire: Cable) -> Iterator[Statistics]:
    with inside(wire.netns), _empty_program(FAR) as made:
        yield made


@contextmanager
def _empty_xdp(wire: Cable, at: str) -> Iterator[Statistics]:
    ffi, lib = binding.load()
    code = pack("=BBhi", 0xB7, 0, 0, XDP_PASS) + pack("=BBhi", 0x95, 0, 0, 0)
    fd = lib.bpf_prog_load(PROG_TYPE_XDP, b"empty", b"GPL", ffi.from_buffer(code), 2, ffi.NULL)
    assert fd >= 0
    with inside(wire.netns):
        flags = links.XDP_NATIVE if at == "xdp:native" else links.XDP_GENERIC
        link = links.create(fd, socket.if_nametoindex(FAR), links.XDP, flags)
    try:
        yield Statistics(fd)
    finally:
        os.close(link)
        os.close(fd)


def flood(wire: Cable) -> tuple[sockfilter.PacketCounts, int]:
    """Counts a flood at all places."""
    places = ["device", "xdp:native", "tcx"]
    with sockfilter.count(FAR, at=places, netns=wire.netns) as counting:
        before = counting.snapshot()
        for _ in range(FLOOD // 1000):
            wire.send(*[KINDS["IPv4"]] * 1000)
        return counting.snapshot() - before, FLOOD


def main() -> int:
    """Prints a table and the verdicts. Returns 0 where all targets are met."""
    verdicts = []
    with cable() as wire:
        for end in (NEAR, FAR):  # native XDP without frags takes no larger packets
            ip("link", "set", end, "mtu", "1500", netns=wire.netns)
        with _statistics():
            print(f"{'place: packet':34} {'empty':>7} {'ours':>7} {'above':>7}   ns a packet, median of {ROUNDS}")
            for at, most in (("tap", TAP_NS_MAX), ("xdp:native", XDP_NS_MAX), ("xdp:generic", XDP_NS_MAX)):
                for cost in costs(wire, at):
                    print(f"{cost.what:34} {cost.empty:7.1f} {cost.ours:7.1f} {cost.above:7.1f}")
                    if cost.what.endswith(("IPv4", "IPv6")):
                        verdicts.append(at_most(f"ns above an empty program, {cost.what}", cost.above, most))
        found, sent = flood(wire)
    assert found.device is not None
    print(f"flood of {sent} packets: the driver counted {found.device.rx_packets}, {found.device.rx_bytes} bytes")
    for name, station in found.stations.items():
        total = station.received.total
        print(f"  {name}: {total.packets}, {total.bytes} bytes")
        verdicts.append(
            at_least(f"share of the driver's packets, {name}", total.packets / found.device.rx_packets, 1.0)
        )
    print(*verdicts, sep="\n")
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
