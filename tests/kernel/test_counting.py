"""Packets of an interface are counted exactly, whatever they are, and at every place."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.counting.counts import Counted
from sockfilter.errors import InterfaceGone, KernelUnsupported
from sockfilter.libbpf import binding, links
from sockfilter.system.devices import describe
from sockfilter.system.namespace import entered
from tests.support.cable import FAR, NEAR, Cable
from tests.support.frames import (
    ARP,
    DESTINATION,
    ETHERNET_BYTES,
    FRAGMENT,
    HOP_BY_HOP,
    IPV4,
    IPV6,
    NOTHING,
    QINQ,
    ROUTING,
    TCP,
    UDP,
    VLAN,
    ethernet,
    extended,
    ipv4,
    ipv6,
    ipv6_fragments,
    udp,
)
from tests.support.net import ip, namespace, veth_pair
from tests.support.skips import need_linux, need_package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter import PacketCounting, PacketCounts

PATIENCE_S = 60.0
LLDP, PTP, LENGTH = 0x88CC, 0x88F7, 0x0040
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, 51, DESTINATION, 135, 139, 140)
DATAGRAM = udp(b"x" * 100, 9999)
PLAIN = ethernet(IPV4, ipv4(DATAGRAM, protocol=UDP))
HOLDER = (sys.executable, "-c")


def need_places(*places: str) -> None:
    """Skips where the kernel does not have a place."""
    if "tcx" in places:
        need_linux("tcx", 6, 6)
    if any(place.startswith("xdp") for place in places):
        need_linux("bpf_xdp_load_bytes()", 5, 18)
    if "drops" in places:
        need_linux("reasons of drops", 5, 17)


def settled(counting: PacketCounting, before: PacketCounts, frames: int, station: str = "tap") -> PacketCounts:
    """What was counted since; waits until so many frames have arrived: a veth's far end takes them in a softirq."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = counting.snapshot() - before
        if found.stations[station].received.total.packets >= frames:
            return found
        assert time.monotonic() < deadline, found
        os.sched_yield()


def passed(cable: Cable, frames: list[bytes], *at: str) -> PacketCounts:
    """What is counted at the far end of frames from the near end."""
    need_places(*at)
    with sockfilter.count(FAR, at=at, netns=cable.netns) as counting:
        before = counting.snapshot()
        cable.send(*frames)
        return settled(counting, before, len(frames))


def packets(counts: dict[object, Counted]) -> dict[object, int]:
    return {key: count.packets for key, count in counts.items()}


@pytest.mark.parametrize("at", ["tap", "xdp:native", "xdp:generic", "tcx"])
def test_all_protocols_of_both_versions(cable: Cable, at: str) -> None:
    scapy = need_package("scapy.all")
    for end in (NEAR, FAR):
        ip("link", "set", end, "mtu", "1500", netns=cable.netns)
    frames, expected = [], Counter()
    for number in range(256):
        payload = scapy.Raw(b"\0" * 40)
        found = [bytes(scapy.Ether(type=IPV4) / scapy.IP(proto=number) / payload)] * (number % 3 + 1)
        frames += found
        expected[4, number] += len(found)
        if number not in EXTENSIONS:
            frames.append(bytes(scapy.Ether(type=IPV6) / scapy.IPv6(nh=number) / payload))
            expected[6, number] += 1
            frames.append(
                bytes(scapy.Ether(type=IPV6) / scapy.IPv6(nh=0) / scapy.IPv6ExtHdrHopByHop(nh=number) / payload)
            )
            expected[6, number] += 1
    counts = passed(cable, frames, *([at] if at != "tap" else []))
    found = counts.stations[at.partition(":")[0]].received
    assert packets(found.protocols) == expected
    assert packets(found.extensions) == {HOP_BY_HOP: 256 - len(EXTENSIONS)}
    assert found.total == Counted(len(frames), sum(map(len, frames)), len(frames))
    assert not found.ether_types
    assert not found.malformed


def test_hop_by_hop_is_not_what_is_not_ip(cable: Cable) -> None:
    none = ethernet(IPV6, ipv6(b"\x3b\0" + bytes(6), following=HOP_BY_HOP))
    cut = ethernet(IPV6, ipv6(b"", following=HOP_BY_HOP))
    zero = ethernet(IPV4, ipv4(b"\0" * 30, protocol=0))
    frames = [none] * 2 + [cut] * 3 + [zero] * 4 + [ethernet(ARP, b"\0" * 46)] * 5
    found = passed(cable, frames).tap.received
    assert packets(found.protocols) == {(6, NOTHING): 2, (6, HOP_BY_HOP): 3, (4, 0): 4}
    assert packets(found.ether_types) == {ARP: 5}


def test_what_is_not_ip_by_its_ether_type(cable: Cable) -> None:
    frames = [ethernet(kind, b"\0" * 46) for kind in (ARP, LLDP, LLDP, PTP, LENGTH)]
    assert packets(passed(cable, frames).tap.received.ether_types) == {ARP: 1, LLDP: 2, PTP: 1, 0: 1}


def test_more_ether_types_than_there_is_room_for(cable: Cable) -> None:
    kinds = range(0x9400, 0x9400 + 4500)
    found = passed(cable, [ethernet(kind, b"\0" * 46) for kind in kinds]).tap.received
    assert len(found.ether_types) + found.unlisted.packets == len(kinds)
    assert found.unlisted.packets
    assert found.total.packets == len(kinds)


@pytest.mark.parametrize("at", ["tap", "xdp:generic", "tcx"])
def test_tags_of_vlans(cable: Cable, at: str) -> None:
    packet = ipv4(DATAGRAM, protocol=UDP)
    frames = [
        *[ethernet(IPV4, packet, tags=((VLAN, 7),))] * 3,
        *[ethernet(IPV4, packet, tags=((QINQ, 100), (VLAN, 0x2000 | 7)))] * 2,
        ethernet(ARP, b"\0" * 46, tags=((VLAN, 0),)),
        PLAIN,
    ]
    counts = passed(cable, frames, *([at] if at != "tap" else []))
    found = counts.stations[at.partition(":")[0]].received
    assert packets(found.vlans) == {(7,): 3, (100, 7): 2, (0,): 1}
    assert packets(found.protocols) == {(4, UDP): 6}
    assert packets(found.ether_types) == {ARP: 1}
    # the tag counts although the kernel has taken it out of the frame
    assert found.total.bytes == sum(map(len, frames))


def test_chains_of_extension_headers(cable: Cable) -> None:
    first, chain = extended(DATAGRAM, HOP_BY_HOP, DESTINATION, ROUTING, DESTINATION, following=UDP)
    pieces = ipv6_fragments(udp(b"x" * 3000, 9999), 1000, protocol=UDP)
    frames = [ethernet(IPV6, ipv6(chain, following=first)), *pieces]
    found = passed(cable, frames).tap.received
    assert packets(found.protocols) == {(6, UDP): len(frames)}
    assert packets(found.extensions) == {HOP_BY_HOP: 1, DESTINATION: 2, ROUTING: 1, FRAGMENT: len(pieces)}


def test_too_short_for_a_header(cable: Cable) -> None:
    frames = [ethernet(IPV4, b"\x45" + bytes(18)), ethernet(IPV6, b"\x60" + bytes(38)), ethernet(IPV4, b"")]
    assert packets(passed(cable, frames).tap.received.malformed) == {4: 2, 6: 1}


def test_the_ends_of_a_cable_and_all_places_agree(cable: Cable) -> None:
    need_places("tcx", "xdp")
    for end in (NEAR, FAR):
        ip("link", "set", end, "mtu", "1500", netns=cable.netns)
    frames = [PLAIN, ethernet(ARP, b"\0" * 46), ethernet(IPV6, ipv6(DATAGRAM, following=UDP))] * 700
    with (
        sockfilter.count(NEAR, at=["device", "tcx"], netns=cable.netns) as near,
        sockfilter.count(FAR, at=["device", "tcx", "xdp:native"], netns=cable.netns) as far,
    ):
        assert far.modes == {"xdp": "native"}
        before = near.snapshot(), far.snapshot()
        cable.send(*frames)
        there = settled(far, before[1], len(frames))
        here = near.snapshot() - before[0]
    total = Counted(len(frames), sum(map(len, frames)), len(frames))
    assert here.tap.sent.total == here.stations["tcx"].sent.total == total
    assert [station.received.total for station in there.stations.values()] == [total] * 3
    assert here.device is not None
    assert there.device is not None
    # with native XDP, this driver leaves the link header out
    on_device = (len(frames), total.bytes - ETHERNET_BYTES * len(frames))
    assert (here.device.tx_packets, here.device.tx_bytes) == on_device
    assert (there.device.rx_packets, there.device.rx_bytes) == on_device
    assert not here.tap.received.total.packets


def test_loopback_counts_both_directions() -> None:
    with namespace() as netns, sockfilter.count("lo", at=["device"], netns=netns) as counting:
        with entered(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.1", 0))
            for _ in range(10):
                sender.sendto(b"x" * 58, sender.getsockname())
        found = counting.snapshot()
    assert packets(found.tap.received.protocols) == packets(found.tap.sent.protocols) == {(4, UDP): 10}
    assert found.tap.received.total.bytes == 1000
    assert found.device is not None
    assert found.device.rx_packets == 10


def test_segments_are_what_the_wire_has() -> None:
    with namespace() as netns, sockfilter.count("lo", at=["socket"], netns=netns) as counting:
        with (
            entered(netns),
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname()) as client,
        ):
            peer, _ = server.accept()
            with peer:
                client.sendall(b"x" * 1024)
                assert peer.recv(1024, socket.MSG_WAITALL) == b"x" * 1024
        found = counting.snapshot()
    assert found.delivered is not None
    assert found.delivered.packets
    assert found.delivered.bytes <= found.tap.received.total.bytes
    assert found.tap.received.total.segments >= found.tap.received.total.packets


def test_drops_by_the_kernels_reason() -> None:
    need_places("drops")
    with veth_pair() as (left, right), sockfilter.count("veth0", at=["drops"], netns=right) as counting:
        with entered(left), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(20):
                sender.sendto(b"x" * 58, ("10.9.0.2", 9))
        deadline = time.monotonic() + PATIENCE_S
        while (found := counting.snapshot()).drops.received.get("NO_SOCKET", Counted()).packets < 20:
            assert time.monotonic() < deadline, found
            os.sched_yield()
    assert found.drops.received["NO_SOCKET"] == Counted(20, 2000, 20)


@contextmanager
def other_xdp(netns: str, interface: str) -> Iterator[int]:
    """An XDP program of somebody else, in another process; the number of that process."""
    script = f"""if True:
        import sys
        import sockfilter
        with sockfilter.count("{interface}", at=["xdp:generic"], netns="{netns}") as counting:
            print(flush=True)
            sys.stdin.read()
            print(counting.snapshot().stations["xdp"].received.total.packets)
    """
    process = subprocess.Popen([*HOLDER, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        yield process.pid
        output, _ = process.communicate()
        assert output == "1\n"  # it went on counting


@pytest.mark.parametrize("mode", ["xdp", "xdp:native", "xdp:generic"])
def test_an_xdp_program_of_others_is_named_and_left_alone(cable: Cable, mode: str) -> None:
    need_places("xdp")
    with other_xdp(cable.netns, FAR) as pid:
        with pytest.raises(KernelUnsupported) as raised:
            sockfilter.count(FAR, at=[mode], netns=cable.netns)
        cable.send(PLAIN)
        settle(cable)
    said = str(raised.value)
    assert re.search(r"veth1 has an XDP program \(generic; id \d+, count_xdp, held by \w+", said), said
    assert f"[{pid}]" in said


def settle(cable: Cable) -> None:
    """Waits until what was sent has arrived."""
    with entered(cable.netns):
        deadline = time.monotonic() + PATIENCE_S
        index = socket.if_nametoindex(FAR)
        while not (found := describe(index)) or found.counts.rx_packets < 1:
            assert time.monotonic() < deadline
            os.sched_yield()


def test_kill_leaves_nothing_at_the_interface(cable: Cable) -> None:
    need_places("tcx", "xdp")
    script = f"""if True:
        import sockfilter, time
        counting = sockfilter.count("{FAR}", at=["xdp:generic", "tcx"], netns="{cable.netns}")
        print(flush=True)
        time.sleep(1000)
    """
    with subprocess.Popen([*HOLDER, script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        with entered(cable.netns):
            index = socket.if_nametoindex(FAR)
            device = describe(index)
        assert device is not None
        assert [program.mode for program in device.xdp] == ["generic"]
        process.send_signal(signal.SIGKILL)
        process.wait()
    with entered(cable.netns):
        deadline = time.monotonic() + PATIENCE_S
        while (device := describe(index)) is not None and device.xdp:
            assert time.monotonic() < deadline
            os.sched_yield()
    with sockfilter.count(FAR, at=["xdp:generic"], netns=cable.netns):
        pass


def test_other_programs_at_tcx_run_as_before(cable: Cable) -> None:
    """Two countings stand beside each other, and see the same; one that ends does not disturb the other."""
    need_places("tcx")
    frames = [PLAIN] * 50
    with sockfilter.count(FAR, at=["tcx"], netns=cable.netns) as one:
        first = one.snapshot()
        with sockfilter.count(FAR, at=["tcx"], netns=cable.netns) as other:
            before = other.snapshot()
            cable.send(*frames)
            assert settled(other, before, 50, "tcx").stations["tcx"].received.total.packets == 50
        cable.send(*frames)
        assert settled(one, first, 100, "tcx").stations["tcx"].received.total.packets == 100


def test_a_link_ends_with_its_descriptor(cable: Cable) -> None:
    ffi, lib = binding.load()
    code = b"\xb7\0\0\0\2\0\0\0\x95\0\0\0\0\0\0\0"  # r0 = XDP_PASS; exit
    fd = lib.bpf_prog_load(6, b"pass", b"GPL", ffi.from_buffer(code), 2, ffi.NULL)
    with entered(cable.netns):
        index = socket.if_nametoindex(FAR)
        link = links.create(fd, index, links.XDP, links.XDP_GENERIC)
        found = describe(index)
        assert found is not None
        assert found.xdp
        os.close(link)
        found = describe(index)
        assert found is not None
        assert not found.xdp
    os.close(fd)


def test_an_interface_that_goes(cable: Cable) -> None:
    need_places("tcx", "xdp")
    with sockfilter.count(FAR, at=["xdp:generic", "tcx", "device"], netns=cable.netns) as counting:
        counting.snapshot()
        ip("link", "delete", FAR, netns=cable.netns)
        with pytest.raises(InterfaceGone, match="veth1: it has gone"):
            counting.snapshot()


def test_a_flood_is_counted_to_the_last_packet(cable: Cable) -> None:
    need_places("tcx")
    frames, rounds = [PLAIN, ethernet(IPV4, ipv4(b"\0" * 40, protocol=TCP))] * 500, 60
    with sockfilter.count(FAR, at=["device", "tcx"], netns=cable.netns) as counting:
        before = counting.snapshot()
        for _ in range(rounds):
            cable.send(*frames)
        found = settled(counting, before, len(frames) * rounds)
    assert found.device is not None
    assert found.tap.received.total[:2] == (found.device.rx_packets, found.device.rx_bytes)
    assert found.stations["tcx"].received.total == found.tap.received.total
    assert packets(found.tap.received.protocols) == {(4, UDP): 30_000, (4, TCP): 30_000}
