"""Tunnels over UDP, found by their port. Teredo between peers is found by its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.packets.framing import ETHERNET, IPV4, IPV6, MPLS, Found, View, by_version, ppp, word
from sockfilter.packets.gre import gre

if TYPE_CHECKING:
    from collections.abc import Callable

UDP_BYTES = 8
L2TP_PORT = 1701
GTP_PORT = 2152
TEREDO_PORT = 3544
GRE_PORT = 4754  # RFC 8086
VXLAN_PORT = 4789
GPE_PORT = 4790
AYIYA_PORT = 5072
GENEVE_PORT = 6081
OLD_VXLAN_PORT = 8472  # the default of Linux, from before IANA assigned a port

# headers that may precede the IPv6 packet (RFC 4380, 5.1.1)
TEREDO_AUTHENTICATION = 1
TEREDO_ORIGIN = 0
TEREDO_ORIGIN_BYTES = 8
TEREDO_NONCE_BYTES = 9  # the nonce and the confirmation byte
TEREDO_PREFIX = b"\x20\x01\0\0"  # RFC 4380, 2.6
IPV6_BYTES = 40

# 3GPP TS 29.281, 5.1 and 5.2.1
GTP_BYTES = 8
GTP_VERSION_MASK, GTP_VERSION1 = 0xF0, 0x30  # version 1 of GTP, not GTP'
GTP_OPTIONAL, GTP_EXTENDED = 0x07, 0x04
GTP_OPTIONAL_BYTES = 4
GTP_DATA = 255
GTP_EXTENSIONS_MAX = 8

VXLAN_BYTES = 8
VXLAN_FLAGS = 0x08  # RFC 7348, 5: the header has a network identifier; all other bits are 0
# draft-ietf-nvo3-vxlan-gpe-13, 3.1 and 3.2
GPE_NEXT, GPE_NOT_OURS = 0x04, 0x31  # flags: the next protocol is given; another version, or a maintenance packet
GPE_TYPES = {1: IPV4, 2: IPV6, 3: ETHERNET, 5: MPLS}

# RFC 8926, 3.4
GENEVE_BYTES = 8
GENEVE_VERSION_MASK, GENEVE_OPTION_WORDS = 0xC0, 0x3F

# draft-massar-v6ops-ayiya-02, 3.1. The length of the identity is a power of two; the signature is counted in words.
AYIYA_BYTES = 8
AYIYA_OPERATION_MASK, AYIYA_FORWARD = 0x0F, 1
AYIYA_TYPES = {4: IPV4, 41: IPV6}

# RFC 2661, 3.1
L2TP_NOT_DATA, L2TP_VERSION_MASK, L2TP_VERSION = 0x8000, 0x000F, 2
L2TP_LENGTH, L2TP_SEQUENCE, L2TP_OFFSET = 0x4000, 0x0800, 0x0200


def udp(view: View, at: int) -> Found:
    """The payload of a UDP datagram, if it is a tunnel."""
    source, dest, length = word(view, at), word(view, at + 2), word(view, at + 4)
    find = PORTS.get(dest) or PORTS.get(source)
    if find:
        return find(view, at + UDP_BYTES)
    return _teredo_of_peers(view, at + UDP_BYTES, length - UDP_BYTES)


def _teredo_of_peers(view: View, at: int, length: int) -> Found:
    """IPv6 between Teredo peers, on any port: one of the addresses is a Teredo address, and IPv6 fills the datagram."""
    if length < IPV6_BYTES or view[at] >> 4 != 6 or word(view, at + 4) + IPV6_BYTES != length:
        return None
    return (IPV6, at) if TEREDO_PREFIX in (bytes(view[at + 8 : at + 12]), bytes(view[at + 24 : at + 28])) else None


def teredo(view: View, at: int) -> Found:
    """IPv6, after an optional authentication header and an optional origin indication."""
    if word(view, at) == TEREDO_AUTHENTICATION:
        at += 4 + view[at + 2] + view[at + 3] + TEREDO_NONCE_BYTES
    if word(view, at) == TEREDO_ORIGIN:
        at += TEREDO_ORIGIN_BYTES
    return (IPV6, at) if view[at] >> 4 == 6 else None


def gtp(view: View, at: int) -> Found:
    """The IP packet of a user, in GTP."""
    flags = view[at]
    if flags & GTP_VERSION_MASK != GTP_VERSION1 or view[at + 1] != GTP_DATA:
        return None
    at += GTP_BYTES
    if not flags & GTP_OPTIONAL:
        return by_version(view, at)
    # any of the three flags adds all the optional fields; a field is valid only if its own flag is set
    following = view[at + GTP_OPTIONAL_BYTES - 1] if flags & GTP_EXTENDED else 0
    at += GTP_OPTIONAL_BYTES
    for _ in range(GTP_EXTENSIONS_MAX):
        if not following:
            return by_version(view, at)
        size = view[at] * 4
        if not size:
            break
        at += size
        following = view[at - 1]
    return None


def vxlan(view: View, at: int) -> Found:
    """VXLAN (RFC 7348)."""
    return (ETHERNET, at + VXLAN_BYTES) if view[at] == VXLAN_FLAGS else None


def geneve(view: View, at: int) -> Found:
    """Geneve (RFC 8926)."""
    if view[at] & GENEVE_VERSION_MASK:
        return None
    return word(view, at + 2), at + GENEVE_BYTES + (view[at] & GENEVE_OPTION_WORDS) * 4


def vxlan_gpe(view: View, at: int) -> Found:
    """VXLAN GPE, whose header names the next protocol."""
    if view[at] & (GPE_NEXT | GPE_NOT_OURS) != GPE_NEXT:
        return None
    kind = GPE_TYPES.get(view[at + 3])
    return None if kind is None else (kind, at + VXLAN_BYTES)


def ayiya(view: View, at: int) -> Found:
    """AYIYA: IP through an address translator."""
    kind = AYIYA_TYPES.get(view[at + 3])
    if kind is None or view[at + 2] & AYIYA_OPERATION_MASK != AYIYA_FORWARD:
        return None
    return kind, at + AYIYA_BYTES + (1 << (view[at] >> 4)) + (view[at + 1] >> 4) * 4


def l2tp(view: View, at: int) -> Found:
    """PPP in a data message of L2TP version 2."""
    flags = word(view, at)
    if flags & L2TP_NOT_DATA or flags & L2TP_VERSION_MASK != L2TP_VERSION:
        return None
    at += 2 + (2 if flags & L2TP_LENGTH else 0) + 4 + (4 if flags & L2TP_SEQUENCE else 0)
    if flags & L2TP_OFFSET:
        at += 2 + word(view, at)
    return ppp(view, at)


PORTS: dict[int, Callable[[View, int], Found]] = {
    L2TP_PORT: l2tp,
    GTP_PORT: gtp,
    TEREDO_PORT: teredo,
    GRE_PORT: gre,
    VXLAN_PORT: vxlan,
    GPE_PORT: vxlan_gpe,
    AYIYA_PORT: ayiya,
    GENEVE_PORT: geneve,
    OLD_VXLAN_PORT: vxlan,
}
