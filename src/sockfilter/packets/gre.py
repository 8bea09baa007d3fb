"""Generic Routing Encapsulation (RFC 2784, RFC 2890), and the protocols on top of it: PPTP (RFC 2637), ERSPAN, WCCP."""

from __future__ import annotations

from sockfilter.packets.framing import ETHERNET, Found, View, by_version, ppp, word
from sockfilter.packets.pseudowire import ethernet_fits

GRE_BYTES = 4
# flags of the optional fields, of 4 bytes each; packets with routing (RFC 1701) are not read
CHECKSUM, ROUTING, KEY, SEQUENCE = 0x8000, 0x4000, 0x2000, 0x1000
VERSION_MASK = 0x07
# RFC 2637, 4.1
PPTP_VERSION, PPP_IN_GRE, ACKNOWLEDGEMENT = 1, 0x880B, 0x0080

# draft-foschiano-erspan-03, 4: types I and II share an EtherType
ERSPAN, ERSPAN3 = 0x88BE, 0x22EB
ERSPAN2_VERSION = 1
ERSPAN2_BYTES = 8
ERSPAN3_BYTES, ERSPAN3_SUBHEADER_BYTES = 12, 8
ERSPAN3_HAS_SUBHEADER = 0x01

# draft-wilson-wrec-wccp-v2-01, 4.10; WCCP version 1 has no header (gre_parse_header() in Linux)
WCCP = 0x883E
WCCP_BYTES = 4


def gre(view: View, at: int) -> Found:
    """The payload of GRE, after the header of ERSPAN or WCCP if there is one."""
    flags, kind = word(view, at), word(view, at + 2)
    at += GRE_BYTES
    if flags & VERSION_MASK == PPTP_VERSION:
        return _pptp(view, at, flags) if kind == PPP_IN_GRE else None
    if flags & (VERSION_MASK | ROUTING):
        return None
    at += 4 * sum(bool(flags & field) for field in (CHECKSUM, KEY, SEQUENCE))
    if kind == ERSPAN:
        return ETHERNET, at + ERSPAN2_BYTES if flags & SEQUENCE else at  # type I has neither sequence number nor header
    within = WITHIN.get(kind)
    return within(view, at) if within else (kind, at)


def _pptp(view: View, at: int, flags: int) -> Found:
    """PPP after the key, which is always present, and the sequence number, which is present if there is a payload."""
    if not flags & KEY or not flags & SEQUENCE:
        return None
    return ppp(view, at + 8 + (4 if flags & ACKNOWLEDGEMENT else 0))


def erspan(view: View, at: int) -> Found:
    """ERSPAN of type I or II. The flags of GRE, which tell the two apart, are not available here.

    So the function tests at which of the two offsets an Ethernet frame fits.
    """
    if view[at] >> 4 == ERSPAN2_VERSION and (ethernet_fits(view, at + ERSPAN2_BYTES) or not ethernet_fits(view, at)):
        return ETHERNET, at + ERSPAN2_BYTES
    return ETHERNET, at


def erspan3(view: View, at: int) -> Found:
    """ERSPAN of type III."""
    subheader = ERSPAN3_SUBHEADER_BYTES if view[at + ERSPAN3_BYTES - 1] & ERSPAN3_HAS_SUBHEADER else 0
    return ETHERNET, at + ERSPAN3_BYTES + subheader


def wccp(view: View, at: int) -> Found:
    """A packet that was redirected to a web cache."""
    return by_version(view, at) or by_version(view, at + WCCP_BYTES)


WITHIN = {ERSPAN3: erspan3, PPP_IN_GRE: ppp, WCCP: wccp}
