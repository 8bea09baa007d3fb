"""Headers that contradict themselves or the packet are counted, and never followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.cable import FAR, NEAR
from tests.support.frames import (
    AH,
    DESTINATION,
    ETHERNET_BYTES,
    GRE,
    HOP_BY_HOP,
    IPIP,
    IPV4,
    IPV4_BYTES,
    IPV6,
    IPV6_BYTES,
    QINQ,
    REQUEST,
    SIX,
    TCP,
    TCP_BYTES,
    UDP,
    VLAN,
    Talk,
    ethernet,
    extended,
    gre,
    ipv4,
    ipv6,
    padded,
    tcp,
    vxlan,
)
from tests.support.net import ip

if TYPE_CHECKING:
    from tests.support.cable import Cable

SEGMENT = tcp(REQUEST)
AFTER_TCP = TCP_BYTES + len(REQUEST)

MALFORMED = {
    "ipv4 header shorter than 20 bytes": ethernet(IPV4, ipv4(SEGMENT, words=4)),
    "ipv4 header that ends where its last address is read as ports": ethernet(IPV4, ipv4(SEGMENT[4:], words=4)),
    "ipv4 header of no bytes": ethernet(IPV4, ipv4(SEGMENT, words=0)),
    "ipv4 header beyond its length": ethernet(IPV4, ipv4(b"", words=15)),
    "ipv4 header beyond the packet": ethernet(IPV4, ipv4(SEGMENT, words=15, total=59)),
    "ipv4 length beyond the packet": ethernet(IPV4, ipv4(SEGMENT, total=IPV4_BYTES + AFTER_TCP + 1)),
    "ipv4 length smaller than the header": ethernet(IPV4, ipv4(SEGMENT, total=19)),
    "ipv4 length of nothing but the header": ethernet(IPV4, ipv4(SEGMENT, total=20)),
    "ipv4 length within the tcp header": ethernet(IPV4, ipv4(SEGMENT, total=39)),
    "ipv4 by its type, ipv6 by its version": ethernet(IPV4, ipv4(SEGMENT, version=6)),
    "ipv4 with version 0": ethernet(IPV4, ipv4(SEGMENT, version=0)),
    "ipv6 by its type, ipv4 by its version": ethernet(IPV6, ipv6(SEGMENT, version=4)),
    "ipv6 length beyond the packet": ethernet(IPV6, ipv6(SEGMENT, length=AFTER_TCP + 1)),
    "ipv6 length within the tcp header": ethernet(IPV6, ipv6(SEGMENT, length=19)),
    "ipv6 extension header beyond the packet": ethernet(IPV6, ipv6(b"\x06\xff" + SEGMENT, following=DESTINATION)),
    "ipv6 extension header beyond its length": ethernet(IPV6, ipv6(extended(SEGMENT, AH)[1], following=AH, length=8)),
    "ipv6 extension header missing": ethernet(IPV6, ipv6(b"", following=HOP_BY_HOP)),
    "tcp header shorter than 20 bytes": ethernet(IPV4, ipv4(tcp(REQUEST, words=4))),
    "tcp header of no bytes": ethernet(IPV4, ipv4(tcp(REQUEST, words=0))),
    "tcp header beyond the packet": ethernet(IPV4, ipv4(tcp(words=6))),
    "tcp header in the padding": padded(ethernet(IPV4, ipv4(tcp(words=6)))),
    "tcp header beyond an ipv6 packet": ethernet(IPV6, ipv6(tcp(b"GET", words=15))),
    "ipip with a wrong version inside": ethernet(IPV4, ipv4(ipv6(SEGMENT), protocol=IPIP)),
    "gre with a cut packet inside": ethernet(IPV4, ipv4(gre(IPV4, ipv4(SEGMENT)[:30]), protocol=GRE)),
    "a packet inside longer than the one around it": padded(
        ethernet(IPV4, ipv4(ipv4(tcp()), protocol=IPIP, total=59)), b"GET / HTTP/1.1\r\n\r\n" * 4
    ),
}


@pytest.mark.parametrize("frame", MALFORMED.values(), ids=MALFORMED.keys())
def test_is_counted_and_not_followed(cable: Cable, frame: bytes) -> None:
    with cable.capture() as capture:
        cable.pass_by(capture, frame)
    packets = capture.ledger.packets
    assert packets["malformed"] == packets["seen"] == 1
    assert not capture.exchanges


CUT = {
    "ipv4": (ethernet(IPV4, ipv4(SEGMENT)), ETHERNET_BYTES + IPV4_BYTES + AFTER_TCP),
    "ipv4 options": (ethernet(IPV4, ipv4(SEGMENT, options=b"\x01" * 40)), ETHERNET_BYTES + 60 + AFTER_TCP),
    "ipv6": (ethernet(IPV6, ipv6(SEGMENT)), ETHERNET_BYTES + IPV6_BYTES + AFTER_TCP),
}


@pytest.mark.parametrize(("frame", "whole"), CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("interface", [NEAR, FAR])
def test_cut_at_every_byte_is_malformed(cable: Cable, frame: bytes, whole: int, interface: str) -> None:
    cuts = [frame[:size] for size in range(ETHERNET_BYTES, whole)]
    assert len(frame) == whole
    with cable.capture(interface) as capture:
        cable.pass_by(capture, *cuts)
    packets = capture.ledger.packets
    assert packets["malformed"] == packets["seen"] == len(cuts)


def chain(end: int, segment: bytes) -> bytes:
    following, data = extended(segment, HOP_BY_HOP, DESTINATION, AH)
    return ethernet(IPV6, ipv6(data, end, following), end)


LAYERED = {
    "extensions": Talk(chain).client(),
    "vlan": ethernet(IPV4, ipv4(SEGMENT), tags=((VLAN, 7),)),
    "qinq": ethernet(IPV6, ipv6(SEGMENT), tags=((QINQ, 7), (VLAN, 8))),
    "ipip": ethernet(IPV4, ipv4(ipv4(SEGMENT), protocol=IPIP)),
    "gre": ethernet(IPV4, ipv4(gre(IPV6, ipv6(SEGMENT), key=1, sequence=2), protocol=GRE)),
    "vxlan": ethernet(IPV4, ipv4(vxlan(ethernet(IPV4, ipv4(SEGMENT))), protocol=UDP)),
}


@pytest.mark.parametrize("frame", LAYERED.values(), ids=LAYERED.keys())
@pytest.mark.parametrize("interface", [NEAR, FAR])
def test_cut_in_any_layer_comes_under_one_outcome(cable: Cable, frame: bytes, interface: str) -> None:
    # the receiving stack drops what is cut in an outer tag or the type behind it, before any tap (skb_vlan_untag)
    is_tagged = frame[12:14] in (b"\x81\x00", b"\x88\xa8")
    shortest = ETHERNET_BYTES + (6 if is_tagged and interface == FAR else 0)
    cuts = [frame[:size] for size in range(shortest, len(frame))]
    with cable.capture(interface) as capture:
        cable.pass_by(capture, *cuts)
    packets = capture.ledger.packets
    assert packets["seen"] == len(cuts)
    assert packets["sent"] == packets["not_http"] == 0
    assert not capture.exchanges


def test_payload_as_far_in_as_it_can_be(cable: Cable) -> None:
    """Packet in packet, each behind as many extension headers as are followed."""
    for end in (NEAR, FAR):
        ip("link", "set", end, "mtu", "65535", netns=cable.netns)
    extension = bytes([DESTINATION, 255]) + bytes(2046)
    last = {following: bytes([following, 255]) + bytes(2046) for following in (SIX, TCP)}
    request = b"GET /far HTTP/1.1\r\n\r\n"
    packet = ipv6(extension * 7 + last[TCP] + tcp(request), following=DESTINATION)
    for _ in range(2):
        packet = ipv6(extension * 7 + last[SIX] + packet, following=DESTINATION)
    assert len(packet) > 3 * 8 * 2048
    with cable.capture(NEAR) as capture:
        cable.pass_by(capture, ethernet(IPV6, packet))
    (exchange,) = capture.exchanges
    assert exchange.request.target == "/far"
