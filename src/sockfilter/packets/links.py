"""Link headers of capture files: finds the EtherType of what a frame carries.

Code in C reads live packets and Ethernet (bpf/lib/packet.bpf.h). This module reads all other link types, and can read
Ethernet too. The numbers and the headers are those of https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

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
    reads_beyond,
    word,
)
from sockfilter.packets.wireless import avs, ieee80211, prism, radiotap

if TYPE_CHECKING:
    from collections.abc import Callable

COOKED_BYTES = 16
COOKED2_BYTES = 20
COOKED_802_2 = 4
# device types whose frames have no EtherType in the field for it (ARPHRD_*)
RADIOTAP = 803
FRAME_RELAY = 770
NETLINK = 824

FOUR = Struct("4s")
AF_INET = 2
# the value in Linux; NetBSD and OpenBSD; FreeBSD; Darwin
AF_INET6 = {10, 24, 28, 30}

NFLOG_BYTES = 4
NFLOG_VERSION = 0
NFLOG_PAYLOAD = 9
NFLOG_ATTRIBUTES_MAX = 64  # 20 attributes are defined
NFLOG_ATTRIBUTE_ORDERS = (Struct("<HH"), Struct(">HH"))

CISCO_ADDRESSES = {0x0F, 0x8F}  # unicast, broadcast (RFC 1547, 4.3.1)

# a frame that is shorter than this counts as truncated before its packet
HEADER_BYTES_MIN = 8

PFLOG_BYTES_MIN = 44  # up to the rule numbers, which every version of the header contains

# headers that name the link type of the frame after them
PKTAP = Struct("<III")  # bytes of the header, type of what follows, link type (bsd/net/pktap.h of XNU)
PKTAP_BYTES_MIN = 108
PKTAP_PACKET = 1
PPI = Struct("<BBHI")  # version, flags, bytes of the header, link type (PPI 1.0.10, 3.1)


def network(link_type: int, frame: View) -> Found:
    """Finds the EtherType of what a frame carries, and where that begins.

    Args:
        link_type: its number in the registry of link types.
        frame: the bytes that were kept of it.

    Returns None if the link type is unknown, if the frame carries no packet, or if it is damaged.
    """
    find = LINKS.get(link_type)
    return bounded(find, frame, 0) if find else None


def is_read(link_type: int) -> bool:
    """Whether sockfilter reads frames of a link type."""
    return link_type in LINKS


def is_cut(link_type: int, frame: View) -> bool:
    """Whether a frame is truncated before its packet begins, so that network() cannot find the packet."""
    find = LINKS.get(link_type)
    return find is not None and (len(frame) < HEADER_BYTES_MIN or reads_beyond(find, frame, 0))


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
    """BSD loopback: an address family, in the byte order of the capturing machine, or in network byte order."""
    (head,) = FOUR.unpack_from(view, at)
    # address families are small numbers: the wrong byte order gives a much larger one
    family = min(int.from_bytes(head, "little"), int.from_bytes(head, "big"))
    if family == AF_INET:
        return IPV4, at + 4
    return (IPV6, at + 4) if family in AF_INET6 else None


def nflog(view: View, at: int) -> Found:
    """Attributes in the byte order of the capturing machine; one of them is the packet."""
    if view[at + 1] != NFLOG_VERSION:
        return None
    at += NFLOG_BYTES
    # attribute types are small numbers: the wrong byte order gives a much larger one
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
    """PPP, or Cisco HDLC: address, control, EtherType."""
    if view[at] in CISCO_ADDRESSES and not view[at + 1]:
        return word(view, at + 2), at + 4
    return ppp(view, at)


def pflog(view: View, at: int) -> Found:
    """A packet that pf has logged. The header states its length without the padding to a multiple of 4 bytes."""
    size = view[at]
    return by_version(view, at + (size + 3 & ~3)) if size >= PFLOG_BYTES_MIN else None


def pktap(view: View, at: int) -> Found:
    """A packet of any interface of a Mac."""
    size, kind, link_type = PKTAP.unpack_from(view, at)
    return _of(link_type, view, at + size) if size >= PKTAP_BYTES_MIN and kind == PKTAP_PACKET else None


def ppi(view: View, at: int) -> Found:
    """A frame after a PPI header, which describes the reception by radio."""
    version, _, size, link_type = PPI.unpack_from(view, at)
    return _of(link_type, view, at + size) if size >= PPI.size and not version else None


def _of(link_type: int, view: View, at: int) -> Found:
    find = PLAIN.get(link_type)
    return find(view, at) if find else None


def behind(size: int, find: Callable[[View, int], Found]) -> Callable[[View, int], Found]:
    """Returns a function that skips a header of size bytes and then calls find()."""
    return lambda view, at: find(view, at + size)


PLAIN: dict[int, Callable[[View, int], Found]] = {
    0: loopback,
    1: ethernet,
    9: ppp,
    12: by_version,
    14: by_version,
    50: hdlc,
    51: pppoe,
    100: llc,  # RFC 2684
    101: by_version,
    104: hdlc,
    105: ieee80211,
    108: loopback,
    109: behind(12, by_version),  # OpenBSD's enc(4)
    113: cooked,
    117: pflog,
    119: prism,
    127: radiotap,
    163: avs,
    166: behind(2, ppp),  # the direction, and the control field of RFC 1662
    204: behind(1, ppp),  # the direction
    205: behind(1, hdlc),  # the direction
    226: behind(24, by_version),  # Solaris
    228: by_version,
    229: by_version,
    239: nflog,
    240: behind(4, ethernet),  # netANALYZER
    276: cooked2,
}
LINKS = {**PLAIN, 192: ppi, 258: pktap}
