"""Generic Routing Encapsulation (RFC 2784, RFC 2890), and its own uses: PPTP (RFC 2637), ERSPAN, WCCP."""

from __future__ import annotations

from sockfilter.packets.framing import ETHERNET, Found, View, by_version, ppp, word
from sockfilter.packets.pseudowire import ethernet_fits

GRE_BYTES = 4
# the optional fields of 4 bytes; routing (RFC 1701) is not followed
CHECKSUM, ROUTING, KEY, SEQUENCE = 0x8000, 0x4000, 0x2000, 0x1000
VERSION_MASK = 0x07
# RFC 2637, 4.1
PPTP_VERSION, PPP_IN_GRE, ACKNOWLEDGEMENT = 1, 0x880B, 0x0080

# draft-foschiano-erspan-03, 4: two EtherTypes for three types
ERSPAN, ERSPAN3 = 0x88BE, 0x22EB
ERSPAN2_VERSION = 1
ERSPAN2_BYTES = 8
ERSPAN3_BYTES, ERSPAN3_SUBHEADER_BYTES = 12, 8
ERSPAN3_HAS_SUBHEADER = 0x01

# draft-wilson-wrec-wccp-v2-01, 4.10; a router of version 1 sends no header (gre_parse_header() in Linux)
WCCP = 0x883E
WCCP_BYTES = 4


def gre(view: View, at: int) -> Found:
    """What GRE carries, one step of ERSPAN and WCCP included."""
    flags, kind = word(view, at), word(view, at + 2)
    at += GRE_BYTES
    if flags & VERSION_MASK == PPTP_VERSION:
        return _pptp(view, at, flags) if kind == PPP_IN_GRE else None
    if flags & (VERSION_MASK | ROUTING):
        return None
    at += 4 * sum(bool(flags & field) for field in (CHECKSUM, KEY, SEQUENCE))
    if kind == ERSPAN:
        return ETHERNET, at + ERSPAN2_BYTES if flags & SEQUENCE else at  # type I has neither number nor header
    within = WITHIN.get(kind)
    return within(view, at) if within else (kind, at)


def _pptp(view: View, at: int, flags: int) -> Found:
    """PPP behind the key, which is always there, and a sequence number, which is there with payload."""
    if not flags & KEY or not flags & SEQUENCE:
        return None
    return ppp(view, at + 8 + (4 if flags & ACKNOWLEDGEMENT else 0))


def erspan(view: View, at: int) -> Found:
    """Type I or II where GRE's flags, which tell them apart, are out of sight: by where a frame is."""
    if view[at] >> 4 == ERSPAN2_VERSION and (ethernet_fits(view, at + ERSPAN2_BYTES) or not ethernet_fits(view, at)):
        return ETHERNET, at + ERSPAN2_BYTES
    return ETHERNET, at


def erspan3(view: View, at: int) -> Found:
    """Type III."""
    subheader = ERSPAN3_SUBHEADER_BYTES if view[at + ERSPAN3_BYTES - 1] & ERSPAN3_HAS_SUBHEADER else 0
    return ETHERNET, at + ERSPAN3_BYTES + subheader


def wccp(view: View, at: int) -> Found:
    """A packet redirected to a web cache."""
    return by_version(view, at) or by_version(view, at + WCCP_BYTES)


WITHIN = {ERSPAN3: erspan3, PPP_IN_GRE: ppp, WCCP: wccp}
