"""The first and the last time in a capture file, without reading what is between them."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import zlib
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.sources.files.packet import FRAME_BYTES_MAX, Damaged
from sockfilter.sources.files.pcap import HEADER_BYTES, PcapFormat, byte_order
from sockfilter.sources.files.pcapng import (
    BLOCK_BYTES_MAX,
    BLOCK_HEAD,
    BLOCK_TAIL,
    BYTE_ORDER_MAGIC,
    OLD_PACKET,
    PACKET,
    PCAPNG_MAGIC,
    PcapngFormat,
)
from sockfilter.sources.files.stream import GZIP_MAGIC

if TYPE_CHECKING:
    from sockfilter.sources.files.packet import Format, Packet

# Bytes at the beginning in which the first packet is looked for: behind the blocks about the machine and its names.
START_BYTES = 1 << 20
# Bytes at the end in which the last packets are looked for: at first few, then as many as a frame may have.
END_BYTES = (1 << 14, FRAME_BYTES_MAX + (1 << 14))
# Nanoseconds after the first packet in which the last one is believed: a year. Other bytes rarely look like such times.
SPAN_NS = 366 * 86400 * 10**9
# Nanoseconds before the first packet in which one behind it may be: packets may be out of order.
SLACK_NS = 60 * 10**9


class Ends(NamedTuple):
    """What the ends of a capture file say.

    Attributes:
        kind: the format, and the link type if the file has but one.
        first_ns, last_ns: the times of the first and the last packet, in nanoseconds since 1970. None: not known.
    """

    kind: tuple[str, int]
    first_ns: int | None
    last_ns: int | None


def ends_of(path: str) -> Ends | None:
    """Returns what the ends of a file say. None: it is no capture file, or cannot be read twice, as a pipe."""
    try:
        if path == "-" or not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb") as file:
            start = file.read(START_BYTES)
            if start.startswith(GZIP_MAGIC):
                file.seek(0)
                with gzip.open(file) as unzipped:
                    return _ends(unzipped.read(START_BYTES), None)
            size = os.fstat(file.fileno()).st_size
            for length in END_BYTES:
                file.seek(max(0, size - length))
                found = _ends(start, file.read(length))
                if found is None or found.last_ns is not None or length >= size:
                    return found
            return found
    except (OSError, EOFError, ValueError, zlib.error, Damaged, struct.error):
        return None


def _ends(start: bytes, end: bytes | None) -> Ends | None:
    """Returns what the first and the last bytes of a file say. end: None: they are not known."""
    packets: list[Packet] = []
    form: Format
    order = "<"
    if start.startswith(PCAPNG_MAGIC):
        form, kind, at = PcapngFormat(), "pcapng", 0
        order = "<" if start[BLOCK_HEAD : BLOCK_HEAD + 4] == Struct("<I").pack(BYTE_ORDER_MAGIC) else ">"
    else:
        form, kind, at = PcapFormat(start[:HEADER_BYTES]), "pcap", HEADER_BYTES
    form.read(start, at, packets)
    first_ns = packets[0].time_ns if packets else None
    link_type = form.interfaces[0].link_type if form.interfaces else -1
    last_ns = None
    if end is not None and first_ns is not None:
        last_ns = _last_of_pcap(start, end, first_ns) if kind == "pcap" else _last_of_pcapng(form, end, order)
    return Ends((kind, link_type), first_ns, last_ns)


def _last_of_pcap(start: bytes, end: bytes, first_ns: int) -> int | None:
    """Returns the time of the last packet: of records that follow one another up to the very end of the file."""
    form = PcapFormat(start[:HEADER_BYTES])
    seconds = Struct(f"{byte_order(start)}I").unpack_from
    earliest, latest = (first_ns - SLACK_NS) // 10**9, (first_ns + SPAN_NS) // 10**9
    for at in range(max(0, len(end) - BLOCK_TAIL)):
        if earliest <= seconds(end, at)[0] <= latest:
            found: list[Packet] = []
            try:
                is_whole = form.read(end, at, found) == len(end)
            except Damaged:
                continue
            times = [packet.time_ns or 0 for packet in found]
            if is_whole and times and all(first_ns - SLACK_NS <= time_ns <= first_ns + SPAN_NS for time_ns in times):
                return times[-1]
    return None


def _last_of_pcapng(form: Format, end: bytes, order: str) -> int | None:
    """Returns the time of the last packet. Each block ends with its length, so that blocks can be read backwards."""
    length_of = Struct(order + "I").unpack_from
    stop = len(end)
    while stop >= BLOCK_HEAD + BLOCK_TAIL:
        (size,) = length_of(end, stop - BLOCK_TAIL)
        if not BLOCK_HEAD + BLOCK_TAIL <= size <= min(stop, BLOCK_BYTES_MAX) or size % 4:
            return None
        stop -= size
        (kind,) = length_of(end, stop)
        if kind in (PACKET, OLD_PACKET):
            found: list[Packet] = []
            form.read(end[stop : stop + size], 0, found)
            if found and found[0].time_ns is not None:
                return found[0].time_ns
    return None
