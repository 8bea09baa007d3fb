"""Tunnels that scapy makes: one step into each, from any number of their bytes."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.ipsec import AH
from scapy.layers.l2 import GRE, GRE_PPTP, LLC, SNAP, Ether
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from sockfilter.packets.tunnels import PROTOCOLS, STEPS, carried, inner

IPV4, IPV6, MPLS_TYPE, PPPOE, ETHERNET = 0x0800, 0x86DD, 0x8847, 0x8864, 0x6558
ERSPAN, ERSPAN3, WCCP = 0x88BE, 0x22EB, 0x883E
FOUR = IP(src="10.9.0.1", dst="10.9.0.2") / TCP() / Raw(b"GET / HTTP/1.1\r\n\r\n")
SIX = IPv6(src="fd09::1", dst="fd09::2") / TCP() / Raw(b"GET / HTTP/1.1\r\n\r\n")
TEREDO_SIX = IPv6(src="2001:0:4137:9e50:8000:f12a:b9c8:2815", dst="2001:db8::1") / SIX.payload
EXTENDED = IPv6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(m=0)
# addresses that begin as IP and a control word do
FRAME = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / FOUR
FRAME4 = Ether(dst="45:00:00:00:00:02", src="02:00:00:00:00:01") / FOUR
FRAME6 = Ether(dst="60:00:00:00:00:02", src="02:00:00:00:00:01") / FOUR
FRAME1 = Ether(dst="10:00:00:00:00:02", src="02:00:00:00:00:01") / FOUR
AUTHENTICATION = pack("!BBBB", 0, 1, 3, 4) + b"meyou!!" + bytes(9)
ORIGIN = bytes(2) + b"\x12\x34" + bytes(4)


def over(outer: Packet, *layers: Packet | bytes) -> Packet:
    for layer in layers:
        outer = outer / (Raw(layer) if isinstance(layer, bytes) else layer)
    return outer


def udp(port: int, *layers: Packet | bytes) -> Packet:
    return over(IP() / UDP(sport=5906, dport=port), *layers)


def ayiya(identity: int = 4, signature: int = 0, operation: int = 1, following: int = 41) -> bytes:
    """identity: the binary logarithm of its length; signature: its length in words."""
    head = bytes([identity << 4 | 1, signature << 4 | 2, 1 << 4 | operation, following])
    return head + bytes(4) + b"i" * (1 << identity) + b"s" * 4 * signature


def gre(kind: int, *layers: Packet | bytes, **fields: object) -> Packet:
    return over(IP() / GRE(proto=kind, **fields), *layers)


# what is made, its EtherType, the EtherType of what it carries, that itself
TUNNELS: dict[str, tuple[Packet, int, int, Packet]] = {
    "PPPoE": (PPPoE() / PPP() / FOUR, PPPOE, IPV4, FOUR),
    "LLC": (LLC() / SNAP(code=IPV6) / SIX, 120, IPV6, SIX),
    "MPLS": (MPLS(s=1) / FOUR, MPLS_TYPE, IPV4, FOUR),
    "MPLS, 3 labels": (MPLS(s=0) / MPLS(s=0) / MPLS(s=1) / SIX, MPLS_TYPE + 1, IPV6, SIX),
    "pseudowire": (over(MPLS(s=1), FRAME), MPLS_TYPE, ETHERNET, FRAME),
    "pseudowire, control word": (over(MPLS(s=1), EoMCW(seq=7), FRAME), MPLS_TYPE, ETHERNET, FRAME),
    "pseudowire, as if IPv4": (over(MPLS(s=1), FRAME4), MPLS_TYPE, ETHERNET, FRAME4),
    "pseudowire, as if IPv6": (over(MPLS(s=1), FRAME6), MPLS_TYPE, ETHERNET, FRAME6),
    "Teredo": (udp(3544, SIX), IPV4, IPV6, SIX),
    "Teredo, from the server": (IP() / UDP(sport=3544, dport=9) / SIX, IPV4, IPV6, SIX),
    "Teredo, authentication": (udp(3544, AUTHENTICATION, SIX), IPV4, IPV6, SIX),
    "Teredo, origin": (udp(3544, ORIGIN, SIX), IPV4, IPV6, SIX),
    "Teredo, both": (udp(3544, AUTHENTICATION, ORIGIN, SIX), IPV4, IPV6, SIX),
    "Teredo between peers": (udp(32900, TEREDO_SIX), IPV4, IPV6, TEREDO_SIX),
    "GTP": (udp(2152, GTP_U_Header(teid=1), FOUR), IPV4, IPV4, FOUR),
    "GTP over IPv6": (IPv6() / UDP(dport=2152) / GTP_U_Header() / SIX, IPV6, IPV6, SIX),
    "GTP, a number": (udp(2152, GTP_U_Header(S=1, seq=9, next_ex=0x85), FOUR), IPV4, IPV4, FOUR),
    "GTP, an extension": (
        udp(2152, GTP_U_Header(E=1, next_ex=0x85), GTPPDUSessionContainer(QFI=9), FOUR),
        IPV4,
        IPV4,
        FOUR,
    ),
    "ERSPAN I": (gre(ERSPAN, FRAME), IPV4, ETHERNET, FRAME),
    "ERSPAN II": (gre(ERSPAN, ERSPAN_II(), FRAME, seqnum_present=1), IPV4, ETHERNET, FRAME),
    "ERSPAN III": (gre(ERSPAN3, ERSPAN_III(), FRAME, seqnum_present=1), IPV4, ETHERNET, FRAME),
    "ERSPAN III, subheader": (
        gre(ERSPAN3, ERSPAN_III(o=1), ERSPAN_PlatformSpecific(), FRAME, seqnum_present=1),
        IPV4,
        ETHERNET,
        FRAME,
    ),
    "ERSPAN I behind GRE": (FRAME, ERSPAN, ETHERNET, FRAME),
    "ERSPAN I behind GRE, as if II": (FRAME1, ERSPAN, ETHERNET, FRAME1),
    "ERSPAN II behind GRE": (ERSPAN_II() / FRAME, ERSPAN, ETHERNET, FRAME),
    "ERSPAN III behind GRE": (ERSPAN_III() / FRAME, ERSPAN3, ETHERNET, FRAME),
    "PPTP": (over(IP() / GRE_PPTP(seqnum_present=1), HDLC(), PPP(), FOUR), IPV4, IPV4, FOUR),
    "PPTP, acknowledging": (
        over(IP() / GRE_PPTP(seqnum_present=1, acknum_present=1), PPP(), FOUR),
        IPV4,
        IPV4,
        FOUR,
    ),
    "WCCP": (gre(WCCP, b"\0\0\0\0", FOUR), IPV4, IPV4, FOUR),
    "WCCP without its header": (gre(WCCP, FOUR), IPV4, IPV4, FOUR),
    "GRE": (gre(IPV4, FOUR, chksum_present=1, key_present=1, seqnum_present=1), IPV4, IPV4, FOUR),
    "GRE over UDP": (udp(4754, GRE(proto=IPV6), SIX), IPV4, IPV6, SIX),
    "VXLAN": (udp(4789, VXLAN(flags=8), FRAME), IPV4, ETHERNET, FRAME),
    "VXLAN, its old port": (udp(8472, VXLAN(flags=8), FRAME), IPV4, ETHERNET, FRAME),
    "VXLAN-GPE, IPv4": (udp(4790, VXLAN(flags=0x0C, NextProtocol=1), FOUR), IPV4, IPV4, FOUR),
    "VXLAN-GPE, Ethernet": (udp(4790, VXLAN(flags=0x0C, NextProtocol=3), FRAME), IPV4, ETHERNET, FRAME),
    "Geneve": (udp(6081, GENEVE(proto=ETHERNET, options=b"\0\1\2\1abcd"), FRAME), IPV4, ETHERNET, FRAME),
    "AYIYA": (udp(5072, ayiya(), SIX), IPV4, IPV6, SIX),
    "AYIYA, signed, IPv4": (udp(5072, ayiya(signature=5, following=4), FOUR), IPV4, IPV4, FOUR),
    "AYIYA, from the server, an integer": (
        over(IP() / UDP(sport=5072, dport=9), ayiya(identity=2), SIX),
        IPV4,
        IPV6,
        SIX,
    ),
    "authenticated": (IP(proto=51) / AH(nh=4, payloadlen=4, icv=bytes(12)) / FOUR, IPV4, IPV4, FOUR),
    "authenticated UDP": (
        over(IP(proto=51) / AH(nh=17, payloadlen=4, icv=bytes(12)) / UDP(dport=2152), GTP_U_Header(), SIX),
        IPV4,
        IPV6,
        SIX,
    ),
    "L2TP": (udp(1701, L2TP(hdr=0), PPP(), FOUR), IPV4, IPV4, FOUR),
    "L2TP, length, numbers, offset": (
        udp(1701, L2TP(hdr="length+sequence+offset", offset=0), HDLC(), PPP(), FOUR),
        IPV4,
        IPV4,
        FOUR,
    ),
    "IP in IP": (IP() / FOUR, IPV4, IPV4, FOUR),
    "6in4": (IP() / SIX, IPV4, IPV6, SIX),
    "IPv6 with extensions": (
        over(
            IPv6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(m=0) / UDP(dport=2152),
            GTP_U_Header(),
            SIX,
        ),
        IPV6,
        IPV6,
        SIX,
    ),
}

NOTHING: dict[str, tuple[Packet | bytes, int]] = {
    "TCP": (FOUR, IPV4),
    "TCP over IPv6": (SIX, IPV6),
    "UDP": (udp(53, b"\x60" + bytes(80)), IPV4),
    "ARP": (bytes(28), 0x0806),
    "labels without end": (bytes(4 * 100), MPLS_TYPE),
    "an associated channel": (over(MPLS(s=1), b"\x10\0\0\x21" + bytes(40)), MPLS_TYPE),
    "PPPoE discovery": (PPPoE(code=7) / PPP() / FOUR, PPPOE),
    "Teredo without IPv6": (udp(3544, FOUR), IPV4),
    "GTP, not data": (udp(2152, GTP_U_Header(gtp_type=1), FOUR), IPV4),
    "GTP'": (udp(2152, GTP_U_Header(PT=0), FOUR), IPV4),
    "GTP of version 2": (udp(2152, GTP_U_Header(version=2), FOUR), IPV4),
    "GTP, an extension of no length": (udp(2152, b"\x34\xff\0\x40" + bytes(4) + b"\0\0\0\x85" + bytes(60)), IPV4),
    "GTP, extensions without end": (udp(2152, b"\x34\xff\0\x40" + bytes(4) + b"\1\0\0\1" * 100), IPV4),
    "PPTP without payload": (over(IP() / GRE_PPTP(seqnum_present=0, acknum_present=1), PPP(), FOUR), IPV4),
    "GRE of version 3": (gre(IPV4, FOUR, version=3), IPV4),
    "GRE with a route": (gre(IPV4, FOUR, routing_present=1), IPV4),
    "VXLAN-GPE, maintenance": (udp(4790, VXLAN(flags=0x0D, NextProtocol=1), FOUR), IPV4),
    "VXLAN-GPE, NSH": (udp(4790, VXLAN(flags=0x0C, NextProtocol=4), FOUR), IPV4),
    "VXLAN without a number": (udp(8472, b"\0" * 8, FRAME), IPV4),
    "Geneve of version 1": (udp(6081, b"\x40" + bytes(GENEVE())[1:], FRAME), IPV4),
    "AYIYA, no operation": (udp(5072, ayiya(operation=0), SIX), IPV4),
    "AYIYA of nothing": (udp(5072, ayiya(following=59)), IPV4),
    "authenticated TCP": (IP(proto=51) / AH(nh=6, payloadlen=4, icv=bytes(12)) / FOUR.payload, IPV4),
    "authenticated again and again": (over(IP(proto=51), b"\x33\0" * 700), IPV4),
    "L2TP control": (udp(1701, L2TP(hdr="control+length+sequence"), PPP(), FOUR), IPV4),
    "L2TP of version 3": (udp(1701, L2TP(hdr=0, version=3), PPP(), FOUR), IPV4),
    "extensions without end": (over(IPv6(nh=60), b"\x3c\0" * 400), IPV6),
}


@pytest.mark.parametrize("name", TUNNELS)
def test_what_a_tunnel_carries(name: str):
    made, ether_type, inner_type, inside = TUNNELS[name]
    packet, head = bytes(made), b"before it: "
    found = (inner_type, packet.index(bytes(inside)))
    assert inner(ether_type, memoryview(packet), 0) == found
    assert inner(ether_type, memoryview(head + packet), len(head)) == (inner_type, found[1] + len(head))


@pytest.mark.parametrize("name", TUNNELS)
def test_a_tunnel_that_is_cut(name: str):
    made, ether_type, *_ = TUNNELS[name]
    packet = bytes(made)
    found = inner(ether_type, memoryview(packet), 0)
    for size in range(len(packet)):
        cut = inner(ether_type, memoryview(packet[:size]), 0)
        # what nothing names takes some of its bytes to be told from others
        assert cut in (None, found) or (ether_type in (MPLS_TYPE, ERSPAN) and cut[1] <= size)


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_tunnel(name: str):
    packet, ether_type = NOTHING[name]
    assert inner(ether_type, memoryview(bytes(packet)), 0) is None


def test_fragments_are_no_tunnels_before_they_are_put_together():
    whole = udp(2152, GTP_U_Header(), FOUR)
    pieces = fragment(whole, fragsize=40)
    assert [inner(IPV4, memoryview(bytes(piece)), 0) for piece in pieces] == [None] * len(pieces)
    assert len(pieces) > 1
    datagram = b"".join(bytes(piece.payload) for piece in pieces)
    assert carried(17, datagram, 0) == (IPV4, datagram.index(bytes(FOUR)))


def test_padding_is_not_looked_at():
    empty = bytes(IP(len=28) / UDP(dport=2152, len=8))
    assert inner(IPV4, memoryview(empty + bytes(GTP_U_Header() / FOUR)), 0) is None


def test_a_length_that_offload_has_left_out():
    packet = bytes(udp(2152, GTP_U_Header(), FOUR))
    packet = packet[:2] + b"\0\0" + packet[4:]
    assert inner(IPV4, memoryview(packet), 0) == (IPV4, packet.index(bytes(FOUR)))


@given(st.sampled_from([*STEPS, 0, 1500, 0x0806]), st.binary(max_size=200), st.integers(0, 250))
def test_any_bytes(ether_type: int, packet: bytes, at: int):
    found = inner(ether_type, memoryview(packet), at)
    assert found is None or at <= found[1] <= len(packet)


@given(st.sampled_from(sorted(PROTOCOLS)), st.binary(max_size=200), st.integers(0, 250))
def test_any_bytes_behind_ip(protocol: int, packet: bytes, at: int):
    found = carried(protocol, packet, at)
    assert found is None or at <= found[1] <= len(packet)


@given(st.sampled_from(sorted(TUNNELS)), st.integers(0, 79), st.integers(0, 255), st.integers(0, 300))
def test_any_byte_changed(name: str, place: int, value: int, size: int):
    made, ether_type, *_ = TUNNELS[name]
    packet = bytearray(bytes(made))
    packet[place % len(packet)] = value
    found = inner(ether_type, memoryview(packet)[:size], 0)
    assert found is None or found[1] <= size
