"""Link headers that scapy makes: the right EtherType at the right place, from any number of their bytes."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dot11 import Dot11, Dot11QoS, PrismHeader, RadioTap
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1Q, Dot3, Ether, Loopback
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.packet import Packet, Raw

from sockfilter.packets.links import LINKS, is_cut, is_read, network

IPV4, VLAN, IPV6 = 0x0800, 0x8100, 0x86DD
FOUR = IP(src="10.9.0.1", dst="10.9.0.2") / TCP() / Raw(b"GET / HTTP/1.1\r\n\r\n")
SIX = IPv6(src="fd09::1", dst="fd09::2") / TCP() / Raw(b"GET / HTTP/1.1\r\n\r\n")
TO, FROM = 1, 2
ADDRESSES = {f"addr{n}": f"02:00:00:00:00:0{n}" for n in range(1, 4)}
HT_CONTROL = Raw(b"\1\2\3\4")
A_MSDU = Raw(bytes(12) + b"\0\x60")

WORDS_OF_PRESENCE = pack("<BBHIIIQB", 0, 0, 25, 1 << 31 | 3, 1 << 31, 0, 0, 0)


def wlan(*above: Packet, flags: int = TO, subtype: int = 0, **fields: object) -> Packet:
    frame = Dot11(type=2, subtype=subtype, FCfield=flags, **ADDRESSES, **fields)
    for layer in (*above, LLC(dsap=0xAA, ssap=0xAA, ctrl=3), SNAP(code=IPV4), FOUR):
        frame = frame / layer
    return frame


def avs(frame: Packet) -> bytes:
    return pack(">II", 0x80211001, 64) + bytes(56) + bytes(frame)


def prism(order: str, frame: Packet) -> bytes:
    return pack(order + "II", 0x44, 144) + bytes(PrismHeader())[8:] + bytes(frame)


def nflog(order: str, *attributes: tuple[int, bytes]) -> bytes:
    frame = bytes([2, 0, 0, 7])
    for kind, data in attributes:
        frame += pack(order + "HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
    return frame


def loopback(order: str, family: int) -> bytes:
    return pack(order + "I", family) + bytes(FOUR if family == 2 else SIX)


def pflog(size: int) -> bytes:
    return bytes([size, 2]) + bytes((size + 3 & ~3) - 2)


def pktap(link_type: int, frame: Packet, size: int = 108, kind: int = 1) -> bytes:
    return pack("<III", size, kind, link_type) + b"en0".ljust(size - 12, b"\0") + bytes(frame)


def ppi(link_type: int, frame: Packet, size: int = 32) -> bytes:
    return pack("<BBHI", 0, 0, size, link_type) + bytes(size - 8) + bytes(frame)


FRAMES = {
    "ethernet": (1, IPV4, Ether() / FOUR),
    "ethernet, IPv6": (1, IPV6, Ether() / SIX),
    "802.3 with SNAP": (1, IPV4, Dot3() / LLC() / SNAP(code=IPV4) / FOUR),
    "802.3, IP without SNAP": (1, IPV4, Dot3() / LLC(dsap=6, ssap=6, ctrl=3) / FOUR),
    "cooked": (113, IPV4, CookedLinux(lladdrlen=6) / FOUR),
    "cooked, IPv6": (113, IPV6, CookedLinux() / SIX),
    "cooked, 802.2": (113, IPV4, CookedLinux(proto=4) / LLC() / SNAP(code=IPV4) / FOUR),
    "cooked, radiotap": (113, IPV4, CookedLinux(lladdrtype=803, proto=4) / RadioTap() / wlan()),
    "cooked 2": (276, IPV6, CookedLinuxV2() / SIX),
    **{f"raw {number}": (number, IPV4, FOUR) for number in (12, 14, 101, 228)},
    **{f"raw {number}, IPv6": (number, IPV6, SIX) for number in (12, 14, 101, 229)},
    "loopback by scapy": (0, IPV4, Loopback(type=2) / FOUR),
    **{
        f"loopback {number}, {order}, family {family}": (number, IPV4 if family == 2 else IPV6, loopback(order, family))
        for number in (0, 108)
        for order in "<>"
        for family in (2, 10, 24, 28, 30)
    },
    **{
        f"nflog {order}": (239, IPV4, nflog(order, (1, bytes(4)), (10, b"web: \0"), (9, bytes(FOUR)))) for order in "<>"
    },
    "nflog, the packet alone": (239, IPV6, nflog(">", (9, bytes(SIX)))),
    "wlan": (105, IPV4, wlan()),
    "wlan, from the access point": (105, IPV4, wlan(flags=FROM)),
    "wlan, 4 addresses": (105, IPV4, wlan(flags=TO | FROM, addr4="02:00:00:00:00:04")),
    "wlan, QoS": (105, IPV4, wlan(Dot11QoS(), subtype=8)),
    "wlan, QoS, HT control": (105, IPV4, wlan(Dot11QoS(), HT_CONTROL, subtype=8, flags=TO | 0x80)),
    "wlan, A-MSDU": (105, IPV4, wlan(Dot11QoS(A_MSDU_Present=1), A_MSDU, subtype=8)),
    "radiotap": (127, IPV4, RadioTap() / wlan()),
    "radiotap, flags": (127, IPV4, RadioTap(present="Flags+Rate", Flags="FCS", Rate=2) / wlan()),
    "radiotap, time and flags": (127, IPV4, RadioTap(present="TSFT+Flags", mac_timestamp=1 << 60) / wlan()),
    "radiotap, padded": (
        127,
        IPV4,
        RadioTap(present="TSFT+Flags", mac_timestamp=0, Flags=0x20) / wlan(Dot11QoS(), Raw(b"\0\0"), subtype=8),
    ),
    "radiotap, words of presence": (
        127,
        IPV4,
        pack("<BBHIIIQB", 0, 0, 25, 1 << 31 | 3, 1 << 31, 0, 0, 0) + bytes(wlan()),
    ),
    "prism": (119, IPV4, prism("<", wlan())),
    "prism of the other order": (119, IPV4, prism(">", wlan())),
    "prism that is AVS": (119, IPV4, avs(wlan())),
    "AVS": (163, IPV4, avs(wlan())),
    "ppp": (9, IPV4, PPP() / FOUR),
    "ppp, IPv6": (9, IPV6, PPP() / SIX),
    "ppp, framed": (9, IPV4, HDLC() / PPP() / FOUR),
    "ppp, protocol in one byte": (9, IPV4, b"\x21" + bytes(FOUR)),
    "hdlc": (50, IPV4, HDLC() / PPP() / FOUR),
    "cisco hdlc": (50, IPV4, b"\x0f\0\x08\0" + bytes(FOUR)),
    "pppoe": (51, IPV4, PPPoE() / PPP() / FOUR),
    "hdlc as Cisco's": (104, IPV4, b"\x0f\0\x08\0" + bytes(FOUR)),
    "hdlc as Cisco's, to all, IPv6": (104, IPV6, b"\x8f\0\x86\xdd" + bytes(SIX)),
    "hdlc and its direction": (205, IPV4, b"\x01\x0f\0\x08\0" + bytes(FOUR)),
    "ppp and its direction": (204, IPV6, b"\0\xff\x03" + bytes(PPP() / SIX)),
    "pppd": (166, IPV4, b"\1\x03" + bytes(PPP() / FOUR)),
    "ATM": (100, IPV4, LLC() / SNAP(code=IPV4) / FOUR),
    "enc": (109, IPV4, pack("=III", 2, 1, 0) + bytes(FOUR)),
    "ipnet": (226, IPV6, bytes([1, 26]) + bytes(22) + bytes(SIX)),
    "netANALYZER": (240, IPV4, bytes(4) + bytes(Ether() / FOUR)),
    **{f"pflog, {size} bytes": (117, IPV4, pflog(size) + bytes(FOUR)) for size in (45, 61, 64, 100)},
    "pflog, IPv6": (117, IPV6, pflog(61) + bytes(SIX)),
    "pktap, ethernet": (258, IPV4, pktap(1, Ether() / FOUR)),
    "pktap, raw": (258, IPV6, pktap(12, SIX, 156)),
    "pktap, loopback": (258, IPV4, pktap(0, Loopback(type=2) / FOUR)),
    "ppi, wlan": (192, IPV4, ppi(105, wlan())),
    "ppi, ethernet, no fields": (192, IPV6, ppi(1, Ether() / SIX, 8)),
}

NOTHING = {
    "an unknown link type": (147, Ether() / FOUR),
    "LLC of another protocol": (1, Dot3() / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(35))),
    "SNAP of another organisation": (1, Dot3() / LLC() / SNAP(OUI=0x00000C, code=0x2000) / FOUR),
    "Novell's 802.3": (1, Dot3() / Raw(b"\xff\xff" + bytes(40))),
    "cooked netlink": (113, CookedLinux(lladdrtype=824, proto=0x800) / FOUR),
    "cooked CAN": (113, CookedLinux(proto=12) / FOUR),
    "raw ISO": (101, b"\x81" + bytes(40)),
    "loopback of AppleTalk": (0, loopback("<", 16)),
    "nflog of version 1": (239, b"\2\1\0\0" + nflog("<", (9, bytes(FOUR)))[4:]),
    "nflog without a packet": (239, nflog("<", (1, bytes(4)), (10, b"web"))),
    "nflog with an attribute of no length": (239, bytes([2, 0, 0, 7]) + bytes(4000)),
    "wlan, a beacon": (105, Dot11(type=0, subtype=8) / FOUR),
    "wlan, no data": (105, wlan(subtype=4)),
    "wlan, encrypted": (105, wlan(flags=TO | 0x40)),
    "wlan, a first fragment": (105, wlan(flags=TO | 0x04)),
    "wlan, a last fragment": (105, wlan(SC=1)),
    "radiotap, damaged in the air": (127, RadioTap(present="Flags", Flags=0x40) / wlan()),
    "radiotap of version 1": (127, b"\1" + bytes(RadioTap() / wlan())[1:]),
    "radiotap without room for itself": (127, pack("<BBHI", 0, 0, 4, 0) + bytes(wlan())),
    "prism without end": (119, pack("<II", 0x44, 1 << 30) + bytes(wlan())),
    "AVS of another version": (163, b"\x80\x21\x20" + avs(wlan())[3:]),
    "ppp, compressed headers": (9, b"\0\x2d" + bytes(FOUR)),
    "pppoe, discovery": (51, PPPoE(code=0x09) / PPP() / FOUR),
    "ppp in hdlc, compressed headers": (104, b"\xff\x03\0\x2d" + bytes(FOUR)),
    "pflog, too short for itself": (117, pflog(40) + bytes(FOUR)),
    "pktap, no packet": (258, pktap(1, Ether() / FOUR, kind=0)),
    "pktap, too short for itself": (258, pktap(1, Ether() / FOUR, 100)),
    "pktap in pktap": (258, pktap(258, Raw(pktap(1, Ether() / FOUR)))),
    "ppi of version 1": (192, b"\1" + ppi(1, Ether() / FOUR)[1:]),
    "ppi, too short for itself": (192, pack("<BBHI", 0, 0, 7, 1) + bytes(Ether() / FOUR)),
    "ppi in ppi, without end": (192, pack("<BBHI", 0, 0, 8, 192) * 5000),
    "ppi, of a link type that is not read": (192, ppi(147, Ether() / FOUR)),
}


@pytest.mark.parametrize("name", FRAMES)
def test_what_a_frame_carries(name: str):
    link_type, ether_type, made = FRAMES[name]
    frame = bytes(made)
    packet = bytes(FOUR if ether_type == IPV4 else SIX)
    start = frame.index(packet)
    assert network(link_type, frame) == (ether_type, start)
    assert network(link_type, memoryview(frame)) == (ether_type, start)
    for size in range(len(frame)):
        found = network(link_type, frame[:size])
        assert found == (ether_type, start) if size > start else found in (None, (ether_type, start))


@pytest.mark.parametrize("name", NOTHING)
def test_what_carries_nothing_of_ours(name: str):
    link_type, frame = NOTHING[name]
    assert network(link_type, bytes(frame)) is None


@pytest.mark.parametrize(
    ("link_type", "frame", "start"),
    [(113, CookedLinux(proto=VLAN), 16), (276, CookedLinuxV2(proto=VLAN), 20), (1, Ether(type=VLAN), 14)],
)
def test_a_tag_begins_behind_its_ether_type(link_type: int, frame: Packet, start: int):
    assert network(link_type, bytes(frame / Dot1Q(vlan=7) / FOUR)) == (VLAN, start)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_is_cut_is_told_from_one_that_carries_nothing(name: str):
    link_type, ether_type, made = FRAMES[name]
    frame = bytes(made)
    start = frame.index(bytes(FOUR if ether_type == IPV4 else SIX))
    assert all(is_cut(link_type, frame[:size]) for size in range(start) if network(link_type, frame[:size]) is None)
    assert not is_cut(link_type, frame)


def test_a_link_type_that_is_not_read_has_frames_that_are_neither():
    assert not is_read(147)
    assert not is_cut(147, b"")


def test_what_is_not_ip_has_its_ether_type_all_the_same():
    assert network(1, bytes(Ether(type=0x0806)) + bytes(28)) == (0x0806, 14)


@given(st.sampled_from(sorted(LINKS)), st.binary(max_size=200))
def test_any_bytes(link_type: int, frame: bytes):
    found = network(link_type, frame)
    assert found is None or found[1] <= len(frame)


@given(st.sampled_from(sorted(FRAMES)), st.integers(0, 79), st.integers(0, 255), st.integers(0, 300))
def test_any_byte_changed(name: str, place: int, value: int, size: int):
    link_type, _, made = FRAMES[name]
    frame = bytearray(bytes(made))
    frame[place % len(frame)] = value
    found = network(link_type, bytes(frame[:size]))
    assert found is None or found[1] <= size
