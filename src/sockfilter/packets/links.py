"""Link headers of capture files: from a frame to the EtherType of what it carries.

Live packets, and Ethernet, are read in C (bpf/lib/packet.bpf.h); this is for all the others, and answers for Ethernet
too. The numbers are those of https://www.tcpdump.org/linktypes.html, which also describes each header.
"""

from __future__ import annotations

from struct import Struct

from sockfilter.packets.framing import (
    IPV4,
    IPV6,
    LENGTH_MAX,
    Found,
    View,
    bounded,
    by_version,
    ethernet,
    llc,
    ppp,
    pppoe,
    word,
)
from sockfilter.packets.wireless import avs, ieee80211, prism, radiotap

COOKED_BYTES = 16
COOKED2_BYTES = 20
COOKED_802_2 = 4
# kinds of device whose frames have no EtherType where the others have one (ARPHRD_*)
RADIOTAP = 803
FRAME_RELAY = 770
NETLINK = 824

AF_INET = 2
# Linux; NetBSD and OpenBSD; FreeBSD; Darwin
AF_INET6 = {10, 24, 28, 30}

NFLOG_BYTES = 4
NFLOG_VERSION = 0
NFLOG_PAYLOAD = 9
NFLOG_ATTRIBUTES_MAX = 64  # there are 20 kinds
NFLOG_ATTRIBUTE_ORDERS = (Struct("<HH"), Struct(">HH"))

CISCO_ADDRESSES = {0x0F, 0x8F}  # unicast, broadcast (RFC 1547, 4.3.1)


def network(link_type: int, frame: View) -> Found:
    """The EtherType of what a frame carries, and where that begins.

    Args:
        link_type: its number in the registry of link types.
        frame: its bytes, as far as they were kept.

    None: the link type is not known, the frame carries nothing of ours, or it is damaged.
    """
    find = LINKS.get(link_type)
    return bounded(find, frame, 0) if find else None


def cooked(view: View, at: int) -> Found:
    """Linux cooked mode, version 1."""
    return _cooked(view, at + COOKED_BYTES, word(view, at + 2), word(view, at + COOKED_BYTES - 2))


def cooked2(view: View, at: int) -> Found:
    """Linux cooked mode, version 2."""
    return _cooked(view, at + COOKED2_BYTES, word(view, at + 8), word(view, at))


def _cooked(view: View, at: int, hardware: int, kind: int) -> Found:
    if hardware == RADIOTAP:
        return radiotap(view, at)
    if hardware in (FRAME_RELAY, NETLINK):
        return None
    if kind <= LENGTH_MAX:
        return llc(view, at) if kind == COOKED_802_2 else None
    return kind, at


def loopback(view: View, at: int) -> Found:
    """BSD loopback: an address family, in the order of the machine that captured, or in network order."""
    head = bytes(view[at : at + 4])
    # families are small, so that the other order's reading is far above any
    family = min(int.from_bytes(head, "little"), int.from_bytes(head, "big"))
    if family == AF_INET:
        return IPV4, at + 4
    return (IPV6, at + 4) if family in AF_INET6 else None


def nflog(view: View, at: int) -> Found:
    """Attributes of which one is the packet, in the order of the machine that captured."""
    if view[at + 1] != NFLOG_VERSION:
        return None
    at += NFLOG_BYTES
    # kinds are small, so that the other order's reading is far above any
    order = min(NFLOG_ATTRIBUTE_ORDERS, key=lambda order: int(order.unpack_from(view, at)[1]))
    for _ in range(NFLOG_ATTRIBUTES_MAX):
        length, kind = order.unpack_from(view, at)
        if kind == NFLOG_PAYLOAD:
            return by_version(view, at + order.size)
        if length < order.size:
            break
        at += length + 3 & ~3
    return None


def hdlc(view: View, at: int) -> Found:
    """PPP, or what Cisco sends on such lines: address, control, EtherType."""
    if view[at] in CISCO_ADDRESSES and not view[at + 1]:
        return word(view, at + 2), at + 4
    return ppp(view, at)


LINKS = {
    0: loopback,
    1: ethernet,
    9: ppp,
    12: by_version,
    14: by_version,
    50: hdlc,
    51: pppoe,
    101: by_version,
    105: ieee80211,
    108: loopback,
    113: cooked,
    119: prism,
    127: radiotap,
    163: avs,
    228: by_version,
    229: by_version,
    239: nflog,
    276: cooked2,
}
