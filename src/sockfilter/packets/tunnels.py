"""Removes one layer of a tunnel: for tunnels that bpf/lib/packet.bpf.h does not read, and for fragmented datagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.packets import framing
from sockfilter.packets.framing import IPV4, IPV6, Found, View, bounded, llc, ppp, pppoe, word
from sockfilter.packets.gre import ERSPAN, ERSPAN3, PPP_IN_GRE, WCCP, erspan, erspan3, gre, wccp
from sockfilter.packets.pseudowire import mpls
from sockfilter.packets.udp_tunnels import udp

if TYPE_CHECKING:
    from collections.abc import Callable

IPV4_IN_IP, UDP, IPV6_IN_IP, GRE = 4, 17, 41, 47
IPV4_BYTES = 20
IPV6_BYTES = 40
IPV4_FRAGMENT = 0x3FFF
# hop-by-hop, routing, destination options, mobility: the length counts units of 8 bytes, less one (RFC 8200, 4)
EXTENSIONS = {0, 43, 60, 135}
FRAGMENT, AUTHENTICATION = 44, 51
IPV6_FRAGMENT = 0xFFF9
EXTENSIONS_MAX = 8  # PACKET_EXTENSIONS of packet.bpf.h


def inner(ether_type: int, packet: memoryview, at: int) -> Found:
    """Finds the EtherType of what a packet carries (0x6558: an Ethernet frame), and where that begins.

    Args:
        ether_type: EtherType of the packet. A value up to 1500 is a length, and LLC follows.
        packet: the bytes that were kept.
        at: where the packet begins in them.

    Returns None if the packet is not a tunnel, if it is an IP fragment, or if it is damaged.
    """
    find = llc if ether_type <= framing.LENGTH_MAX else STEPS.get(ether_type)
    return bounded(find, packet, at) if find else None


def carried(protocol: int, packet: View, at: int) -> Found:
    """Does the same as inner() for the payload of an IP packet.

    Args:
        protocol: the IP protocol number.
        packet: the bytes that were kept.
        at: where the payload begins in them.
    """
    find = PROTOCOLS.get(protocol)
    return bounded(find, packet, at) if find else None


def ipv4(view: View, at: int) -> Found:
    """The payload of IPv4 (RFC 791, 3.1)."""
    header = (view[at] & 0x0F) * 4
    if view[at] >> 4 != 4 or header < IPV4_BYTES or word(view, at + 6) & IPV4_FRAGMENT:
        return None
    following, view = view[at + 9], _until(view, at, word(view, at + 2))
    at += header
    if following == AUTHENTICATION:
        following, at = view[at], at + _authentication_bytes(view, at)
    return carried(following, view, at)


def ipv6(view: View, at: int) -> Found:
    """The payload of IPv6 (RFC 8200, 3 and 4)."""
    if view[at] >> 4 != 6:
        return None
    following, length = view[at + 6], word(view, at + 4)
    view = _until(view, at, IPV6_BYTES + length if length else 0)
    at += IPV6_BYTES
    for _ in range(EXTENSIONS_MAX + 1):
        if following in EXTENSIONS:
            size = (view[at + 1] + 1) * 8
        elif following == AUTHENTICATION:
            size = _authentication_bytes(view, at)
        elif following == FRAGMENT and not word(view, at + 2) & IPV6_FRAGMENT:
            size = 8  # an atomic fragment: the packet is whole (RFC 6946)
        else:
            return carried(following, view, at)
        following, at = view[at], at + size
    return None


def _authentication_bytes(view: View, at: int) -> int:
    """The length of an Authentication Header, in bytes (RFC 4302, 2.2)."""
    return int(view[at + 1] + 2) * 4


def _until(view: View, at: int, total: int) -> View:
    """Removes the padding after an IP packet. A total length of 0 means no limit (read_ipv4() of packet.bpf.h)."""
    return view[: at + total] if total else view


STEPS: dict[int, Callable[[View, int], Found]] = {
    IPV4: ipv4,
    IPV6: ipv6,
    framing.PPPOE: pppoe,
    framing.MPLS: mpls,
    framing.MPLS_MULTICAST: mpls,
    ERSPAN: erspan,
    ERSPAN3: erspan3,
    PPP_IN_GRE: ppp,
    WCCP: wccp,
}

PROTOCOLS: dict[int, Callable[[View, int], Found]] = {
    IPV4_IN_IP: lambda _, at: (IPV4, at),
    IPV6_IN_IP: lambda _, at: (IPV6, at),
    UDP: udp,
    GRE: gre,
}
