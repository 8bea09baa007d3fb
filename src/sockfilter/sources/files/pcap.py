"""Classic pcap files (draft-ietf-opsawg-pcap), with any byte order and time resolution."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.sources.files.packet import FRAME_BYTES_MAX, Damaged, FileInterface, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC_BYTES = 4
HEADER_BYTES = 24
LENGTH_AT = 8  # in a record's header
NS_PER_SECOND = 1_000_000_000
# magic number -> nanoseconds per unit of the fraction, and bytes of a record's header
KINDS = {
    0xA1B2C3D4: (1000, 16),
    0xA1B23C4D: (1, 16),
    0xA1B2CD34: (1000, 24),  # "modified" (Kuznetzov): each record's header has eight more bytes
}
LINK_TYPE_MASK = 0x03FFFFFF  # the bits above hold the length of the frame check sequence


class PcapFormat:
    """Reads the records after the file's header.

    Args:
        header: the file's first HEADER_BYTES bytes.
    """

    def __init__(self, header: bytes) -> None:
        order = byte_order(header)
        if order is None:
            raise Damaged("it does not begin like a pcap file")
        (magic,) = Struct(order + "I").unpack_from(header)
        (link_type,) = Struct(order + "I").unpack_from(header, HEADER_BYTES - 4)
        self._unit_ns, self._record_bytes = KINDS[magic]
        self._unpack: Callable[[bytes, int], tuple[int, ...]] = Struct(order + "IIII").unpack_from
        self.interfaces = [FileInterface("", link_type & LINK_TYPE_MASK)]

    def read(self, data: bytes, at: int, found: list[Packet]) -> int:
        """See Format.read()."""
        unpack, unit_ns, header = self._unpack, self._unit_ns, self._record_bytes
        end = len(data) - header
        while at <= end:
            seconds, fraction, length, wire_length = unpack(data, at)
            if length > FRAME_BYTES_MAX:
                raise Damaged(f"a packet has an impossible length of {length} bytes", at, at + LENGTH_AT)
            begin = at + header
            if begin + length > len(data):
                break
            # a time of 0 means that the writer had no time
            time_ns = seconds * NS_PER_SECOND + fraction * unit_ns or None
            found.append(Packet(time_ns, begin, length, wire_length, 0))
            at = begin + length
        return at


def byte_order(header: bytes) -> str | None:
    """Returns the byte order of a pcap file as struct writes it, "<" or ">"; None if it is not a pcap file."""
    for order in "<>":
        if len(header) >= MAGIC_BYTES and Struct(order + "I").unpack_from(header)[0] in KINDS:
            return order
    return None
