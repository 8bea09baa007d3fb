"""IEEE 802.11 data frames, and the headers that capture tools put in front of them.

This module does not decrypt frames, and does not reassemble fragments of 802.11. Numbers in brackets are sections of
IEEE 802.11-2020.
"""

from __future__ import annotations

from struct import Struct

from sockfilter.packets.framing import Found, View, llc, word

# frame control (9.2.4.1): version and type in the first byte, flags in the second
TYPE_MASK = 0x0F
DATA = 0x08
NO_DATA = 0x40
QOS = 0x80
TO_AND_FROM = 0x03
MORE_FRAGMENTS = 0x04
PROTECTED = 0x40
HT_CONTROL = 0x80
FRAGMENT_NUMBER = 0x0F
QOS_AMSDU = 0x80

THREE_ADDRESSES_BYTES = 24
ADDRESS_BYTES = 6
SUBFRAME_BYTES = 14  # of an A-MSDU: two addresses and a length (9.3.2.2.2)

# https://www.radiotap.org: the presence words, and the first two fields
RADIOTAP = Struct("<BxHI")
RADIOTAP_WORDS = 32
PRESENT = Struct("<I")
HAS_TSFT = 1
HAS_FLAGS = 2
GOES_ON = 1 << 31
FLAG_PADDED = 0x20
FLAG_BAD_CHECKSUM = 0x40

AVS_MAGIC = b"\x80\x21\x10"  # followed by the version
HEADER_BYTES_MIN = 8
HEADER_BYTES_MAX = 4096  # the headers of Prism and AVS have 144 and 64 bytes


def ieee80211(view: View, at: int, padded: bool = False) -> Found:
    """An unencrypted data frame with the start of its payload. padded: the payload begins at a multiple of 4 bytes."""
    kind, flags = view[at], view[at + 1]
    if kind & TYPE_MASK != DATA or kind & NO_DATA or flags & (PROTECTED | MORE_FRAGMENTS):
        return None
    if view[at + 22] & FRAGMENT_NUMBER:
        return None
    size = THREE_ADDRESSES_BYTES
    if flags & TO_AND_FROM == TO_AND_FROM:
        size += ADDRESS_BYTES
    is_amsdu = False
    if kind & QOS:
        is_amsdu = bool(view[at + size] & QOS_AMSDU)
        size += 6 if flags & HT_CONTROL else 2
    if padded:
        size = size + 3 & ~3
    if is_amsdu:
        size += SUBFRAME_BYTES
    return llc(view, at + size)


def radiotap(view: View, at: int) -> Found:
    """Radiotap: presence words, then fields. Only the flags field is read."""
    version, length, present = RADIOTAP.unpack_from(view, at)
    if version:
        return None
    end = at + length
    field, more = at + RADIOTAP.size, present
    for _ in range(RADIOTAP_WORDS):
        if not more & GOES_ON:
            break
        (more,) = PRESENT.unpack_from(view, field)
        field += PRESENT.size
    if present & HAS_TSFT:
        field = at + (field - at + 7 & ~7) + 8
    flags = view[field] if present & HAS_FLAGS and field < end else 0
    # a damaged frame: the receiver discarded it too, and the sender sent it again
    if length < RADIOTAP.size or flags & FLAG_BAD_CHECKSUM:
        return None
    return ieee80211(view, end, bool(flags & FLAG_PADDED))


def prism(view: View, at: int) -> Found:
    """Prism, in the byte order of the capturing machine. Drivers use its link type for AVS too."""
    if bytes(view[at : at + 3]) == AVS_MAGIC:
        return avs(view, at)
    length = bytes(view[at + 4 : at + 8])
    # the length is a small number: the wrong byte order gives a much larger one
    return _behind(view, at, min(int.from_bytes(length, "little"), int.from_bytes(length, "big")))


def avs(view: View, at: int) -> Found:
    """AVS, always in network byte order."""
    if bytes(view[at : at + 3]) != AVS_MAGIC or word(view, at + 4):
        return None
    return _behind(view, at, word(view, at + 6))


def _behind(view: View, at: int, length: int) -> Found:
    return ieee80211(view, at + length) if HEADER_BYTES_MIN <= length <= HEADER_BYTES_MAX else None
