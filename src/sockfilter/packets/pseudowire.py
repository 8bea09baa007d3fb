"""MPLS: a stack of labels, and a payload whose type no field states (RFC 3032; RFC 4928, 3)."""

from __future__ import annotations

from sockfilter.packets.framing import (
    ETHERNET,
    ETHERNET_BYTES,
    IPV4,
    IPV6,
    MPLS,
    MPLS_MULTICAST,
    PPPOE,
    TAGS,
    Found,
    View,
    by_version,
    word,
)

LABELS_MAX = 16  # far more than networks use
LABEL_BYTES = 4
LAST_LABEL = 0x01
CONTROL_WORD_BYTES = 4  # RFC 4385, 3: its first four bits are 0
# the padded size of an Ethernet payload, and the size of the frame check sequence, which some captures contain
PADDED_BYTES = 46
CHECKSUM_BYTES = 4
CARRIERS = {*TAGS, MPLS, MPLS_MULTICAST, PPPOE}


def mpls(view: View, at: int) -> Found:
    """The payload after the last label: IP, or an Ethernet frame with or without a control word."""
    for _ in range(LABELS_MAX):
        at += LABEL_BYTES
        if view[at - 2] & LAST_LABEL:
            return _payload(view, at)
    return None


def _payload(view: View, at: int) -> Found:
    """Guesses the type of the payload.

    An Ethernet address may look like the first byte of IP. The bytes at the place of the IP length rarely match then.
    """
    if ip_fills(view, at):
        return by_version(view, at)
    if not view[at] >> 4 and ethernet_fits(view, at + CONTROL_WORD_BYTES):
        return ETHERNET, at + CONTROL_WORD_BYTES
    if ethernet_fits(view, at):
        return ETHERNET, at
    return by_version(view, at)  # IP that the snap length has cut


def ip_fills(view: View, at: int) -> bool:
    """Whether an IP packet fills the bytes up to the end, apart from padding or a frame check sequence."""
    there, version = len(view) - at, view[at] >> 4
    total = word(view, at + 2) if version == 4 else word(view, at + 4) + 40 if version == 6 else 0
    return 20 <= total <= there and (there <= PADDED_BYTES or there - total <= CHECKSUM_BYTES)


def ethernet_fits(view: View, at: int) -> bool:
    """Whether there is an Ethernet frame that may carry IP."""
    if len(view) - at <= ETHERNET_BYTES:
        return False
    kind, version = word(view, at + ETHERNET_BYTES - 2), view[at + ETHERNET_BYTES] >> 4
    return kind in CARRIERS or (kind == IPV4 and version == 4) or (kind == IPV6 and version == 6)
