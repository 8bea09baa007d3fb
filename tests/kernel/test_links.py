"""What stands before the IP header: VLAN tags in the frame and beside it, or nothing at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sockfilter.packets.records import COLD, HOT, MARK_VLAN
from tests.support.cable import ANY, FAR, NEAR, wait_for_outcomes
from tests.support.frames import IPV4, IPV6, OLD_QINQ, QINQ, VLAN, Talk, ethernet, ipv4, ipv6, over_ipv4, over_ipv6
from tests.support.tun import NAME as TUN
from tests.support.tun import tun

if TYPE_CHECKING:
    from sockfilter import Capture
    from tests.support.cable import Cable
    from tests.support.frames import Envelope

TAGS = {
    "vlan": ((VLAN, 7),),
    "priority": ((VLAN, 5 << 13 | 7),),
    "qinq": ((QINQ, 100), (VLAN, 7)),
    "vlan in vlan": ((VLAN, 100), (VLAN, 7)),
    "three tags": ((QINQ, 100), (VLAN, 8), (VLAN, 9)),
    **{f"qinq, {kind:#x}": ((kind, 100), (VLAN, 7)) for kind in OLD_QINQ},
    "0x9100 in 0x9100": ((OLD_QINQ[0], 100), (OLD_QINQ[0], 7)),
}


def bare_ipv4(end: int, segment: bytes) -> bytes:
    return ipv4(segment, end)


def bare_ipv6(end: int, segment: bytes) -> bytes:
    return ipv6(segment, end)


@pytest.mark.parametrize("interface", [NEAR, FAR, ANY])
@pytest.mark.parametrize("kind", [IPV4, IPV6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("tags", TAGS.values(), ids=TAGS.keys())
def test_tagged(cable: Cable, interface: str, kind: int, tags: tuple[tuple[int, int], ...]) -> None:
    """On the sending side the tags are in the frame; the receiving side has taken the outer one out of it."""
    packet = {IPV4: ipv4, IPV6: ipv6}[kind]
    talk = Talk(lambda end, segment: ethernet(kind, packet(segment, end), end, tags))
    with cable.capture(interface) as capture:
        cable.pass_by(capture, *talk.whole())
        exchanges = capture.exchanges
    assert {exchange.connection.interface for exchange in exchanges} == {
        NEAR: {NEAR},
        FAR: {FAR},
        ANY: {NEAR, FAR},
    }[interface]
    assert all(exchange.complete and not exchange.problems for exchange in exchanges)


def vlan_of(capture: Capture) -> list[tuple[int, int, int]]:
    """Mark, tag and its type of each record, taken past the pipeline."""
    found = []

    def consume(view: memoryview, offsets: list[int]) -> None:
        for at in offsets:
            marks, _, _, tci, kind, *_ = COLD.unpack_from(view, at + HOT.size)
            found.append((marks & MARK_VLAN, tci, kind))

    capture.source.drain_all(consume)
    return found


@pytest.mark.parametrize(("interface", "beside"), [(NEAR, (0, 0, 0)), (FAR, (MARK_VLAN, 7, VLAN))])
def test_tag_beside_the_frame_is_in_the_record(cable: Cable, interface: str, beside: tuple[int, int, int]) -> None:
    frame = ethernet(IPV4, ipv4(Talk().segment(0, b"GET / HTTP/1.1\r\n\r\n")), tags=((VLAN, 7),))
    with cable.capture(interface) as capture:
        cable.send(frame)
        wait_for_outcomes(capture, 1)
        assert vlan_of(capture) == [beside]


@pytest.mark.parametrize("interface", [TUN, ANY])
@pytest.mark.parametrize("envelope", [bare_ipv4, bare_ipv6], ids=["ipv4", "ipv6"])
def test_device_without_link_header(cable: Cable, interface: str, envelope: Envelope) -> None:
    """What the client sends comes in through the device; what the server sends goes out through it."""
    talk = Talk(envelope)
    opening, request, response = talk.opening(), talk.client(), talk.server()
    with tun(cable.netns) as device, cable.capture(interface) as capture:
        os.write(device, opening[0])
        cable.send(opening[1], interface=TUN)
        os.write(device, opening[2])
        os.write(device, request)
        cable.send(response, interface=TUN)
        wait_for_outcomes(capture, 5)
        capture.flush()
        (exchange,) = capture.exchanges
    assert exchange.connection.interface == TUN
    assert exchange.connection.connect_ns is not None
    assert exchange.complete
    assert not exchange.problems


def test_several_interfaces_of_different_kinds(cable: Cable) -> None:
    ports = {FAR: 40001, TUN: 40002}
    with tun(cable.netns) as device, cable.capture([FAR, TUN]) as capture:
        cable.pass_by(capture, *Talk(over_ipv4, (ports[FAR], 80)).whole())
        for packet in Talk(bare_ipv4, (ports[TUN], 80)).whole():
            os.write(device, packet)
        wait_for_outcomes(capture, 8 + 8)
        capture.flush()
        found = {(exchange.connection.interface, exchange.client.port) for exchange in capture.exchanges}
    assert found == {(FAR, ports[FAR]), (TUN, ports[TUN])}


def test_any_tells_ethernet_from_bare_packets(cable: Cable) -> None:
    ports = {FAR: 40001, TUN: 40002}
    with tun(cable.netns) as device, cable.capture(ANY, family=4) as capture:
        for talk in (Talk(over_ipv4, (ports[FAR], 80)), Talk(over_ipv6, (ports[FAR], 80))):
            cable.pass_by(capture, *talk.whole())
        for packet in Talk(bare_ipv4, (ports[TUN], 80)).whole():
            os.write(device, packet)
        wait_for_outcomes(capture, 2 * 16 + 8)
        capture.flush()
        found = {(exchange.connection.interface, exchange.client.port) for exchange in capture.exchanges}
    assert found == {(NEAR, ports[FAR]), (FAR, ports[FAR]), (TUN, ports[TUN])}


@pytest.mark.parametrize("tags", TAGS.values(), ids=TAGS.keys())
def test_a_vlan_is_part_of_the_hop(cable: Cable, tags: tuple[tuple[int, int], ...]) -> None:
    """Whether the tag is in the frame, as on the near end, or beside it."""
    talk = Talk(lambda end, segment: ethernet(IPV4, ipv4(segment, end), end, tags))
    with cable.capture(ANY, all_hops=False) as capture:
        cable.pass_by(capture, *talk.whole())
        (exchange,) = capture.exchanges
    found = tuple(tci & 0xFFF for _, tci in tags)
    assert [(step.interface, step.vlan, step.lost) for step in exchange.path] == [(NEAR, found, ()), (FAR, found, ())]
    name = ".".join(map(str, found))
    assert f"path {NEAR} VLAN {name} > {FAR} VLAN {name}" in str(exchange)
    assert [step["vlan"] for step in exchange.to_dict()["path"]] == [list(found)] * 2


def test_a_tag_with_nothing_but_a_priority_is_no_vlan(cable: Cable) -> None:
    talk = Talk(lambda end, segment: ethernet(IPV4, ipv4(segment, end), end, ((VLAN, 5 << 13),)))
    with cable.capture(ANY, all_hops=False) as capture:
        cable.pass_by(capture, *talk.whole())
        (exchange,) = capture.exchanges
    assert [(step.interface, step.vlan) for step in exchange.path] == [(NEAR, ()), (FAR, ())]
    assert "vlan" not in exchange.to_dict()["path"][0]
