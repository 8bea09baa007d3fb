"""The short headers that links and tunnels share: LLC, PPP, PPPoE, and the version field of IP.

Every function takes bytes and the offset of a header. It returns the EtherType and the offset of what follows the
header, or None. The functions do not check the length of the bytes. A truncated header raises IndexError or
struct.error, which bounded() turns into None.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

from sockfilter.packets.records import VLAN_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable

View: TypeAlias = "bytes | memoryview"
# the EtherType as a number, and the offset of the data it describes
Found: TypeAlias = "tuple[int, int] | None"

IPV4 = 0x0800
IPV6 = 0x86DD
MPLS = 0x8847
MPLS_MULTICAST = 0x8848
PPPOE = 0x8864
ETHERNET = 0x6558  # an Ethernet frame within a tunnel (ETH_P_TEB)

TAGS = set(VLAN_TAGS)  # of VLANs

ETHERNET_BYTES = 14
# a value up to this in the field of the EtherType is a length (IEEE 802.3, 3.2.6)
LENGTH_MAX = 1500

WORD = struct.Struct("!H")
LONG = struct.Struct("!I")
THREE = struct.Struct("3s")
LLC_IP = b"\x06\x06\x03"  # RFC 948
LLC_SNAP = b"\xaa\xaa\x03"
# RFC 1042, and IEEE 802.1H for bridges; the numbers of other organisations are not EtherTypes
SNAP_ETHERTYPE = {b"\0\0\0", b"\0\0\xf8"}

# https://www.iana.org/assignments/ppp-numbers
PPP_TYPES = {0x21: IPV4, 0x57: IPV6, 0x281: MPLS, 0x283: MPLS_MULTICAST}
PPP_ALL_STATIONS = b"\xff\x03"  # RFC 1662, 3.1
PPPOE_VERSION_TYPE = 0x11


def bounded(find: Callable[[View, int], Found], view: View, at: int) -> Found:
    """Calls find(). Returns None also if it reads beyond the end, or if its result lies beyond the end."""
    try:
        found = find(view, at)
    except (IndexError, struct.error):
        return None
    return found if found and found[1] <= len(view) else None


def reads_beyond(find: Callable[[View, int], Found], view: View, at: int) -> bool:
    """Whether find() reads beyond the end, or its result lies beyond the end: the header is truncated."""
    try:
        found = find(view, at)
    except (IndexError, struct.error):
        return True
    return found is not None and found[1] > len(view)


def word(view: View, at: int) -> int:
    """Reads 16 bits in network byte order."""
    return int(WORD.unpack_from(view, at)[0])


def by_version(view: View, at: int) -> Found:
    """IP without an EtherType: the version field tells IPv4 from IPv6."""
    version = view[at] >> 4
    return (IPV4, at) if version == 4 else (IPV6, at) if version == 6 else None


def llc(view: View, at: int) -> Found:
    """IEEE 802.2 LLC, with SNAP (RFC 1042) or without."""
    (head,) = THREE.unpack_from(view, at)
    if head == LLC_IP:
        return IPV4, at + 3
    if head != LLC_SNAP or THREE.unpack_from(view, at + 3)[0] not in SNAP_ETHERTYPE:
        return None
    return word(view, at + 6), at + 8


def ethernet(view: View, at: int) -> Found:
    """Ethernet II and IEEE 802.3."""
    kind = word(view, at + ETHERNET_BYTES - 2)
    at += ETHERNET_BYTES
    return llc(view, at) if kind <= LENGTH_MAX else (kind, at)


def ppp(view: View, at: int) -> Found:
    """PPP (RFC 1661), with or without the address and control fields of RFC 1662; the protocol has one or two bytes."""
    if bytes(view[at : at + 2]) == PPP_ALL_STATIONS:
        at += 2
    protocol, size = view[at], 1
    if not protocol & 1:  # RFC 1661, 2: the last byte of a protocol number is odd, the first is even
        protocol, size = word(view, at), 2
    kind = PPP_TYPES.get(protocol)
    return None if kind is None else (kind, at + size)


def pppoe(view: View, at: int) -> Found:
    """A packet of a PPPoE session (RFC 2516, 4). The packets of discovery have a code other than 0."""
    if view[at] != PPPOE_VERSION_TYPE or view[at + 1]:
        return None
    return ppp(view, at + 6)
