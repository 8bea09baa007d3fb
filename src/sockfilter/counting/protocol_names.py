"""Names of protocol numbers and EtherTypes; what has none here is shown by its number."""

from __future__ import annotations

# www.iana.org/assignments/protocol-numbers: those that are met in networks of today
PROTOCOLS = {
    **{0: "hop-by-hop", 1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 33: "DCCP", 41: "IPv6"},
    **{43: "IPv6 routing", 44: "IPv6 fragment", 46: "RSVP", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6"},
    **{59: "no next header", 60: "IPv6 options", 88: "EIGRP", 89: "OSPF", 94: "IPIP", 103: "PIM", 108: "IPComp"},
    **{112: "VRRP", 115: "L2TP", 132: "SCTP", 135: "IPv6 mobility", 136: "UDPLite", 137: "MPLS", 139: "HIP"},
    **{140: "SHIM6", 143: "Ethernet"},
}
# standards.ieee.org, EtherType; include/uapi/linux/if_ether.h
ETHER_TYPES = {
    **{0: "802.3", 0x0806: "ARP", 0x0842: "WoL", 0x22F0: "AVTP", 0x22F3: "TRILL", 0x8035: "RARP", 0x8100: "802.1Q"},
    **{0x8847: "MPLS", 0x8848: "MPLS", 0x8863: "PPPoE", 0x8864: "PPPoE", 0x888E: "802.1X", 0x88A8: "802.1ad"},
    **{0x88CC: "LLDP", 0x88E5: "MACsec", 0x88F7: "PTP", 0x8906: "FCoE", 0x8915: "RoCE", 0x9000: "loopback"},
}


def protocol_name(number: int) -> str:
    """Returns a protocol's name, or "protocol N"."""
    return PROTOCOLS.get(number, f"protocol {number}")


def ether_type_name(number: int) -> str:
    """Returns the name of an EtherType, or its number in hexadecimal."""
    return ETHER_TYPES.get(number, f"{number:#06x}")
