"""pcapng (draft-ietf-opsawg-pcapng): blocks for interfaces, frames and counters. Knows nothing of files."""

from __future__ import annotations

import os
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.outputs.output import ByteSink

# bytes that are collected before they are written without being asked to
COLLECTED_BYTES_MAX = 1 << 20

# block types (section 4) and their fixed fields; the byte order is stated, so that it is one everywhere
SECTION, INTERFACE, SIMPLE_PACKET, STATISTICS, PACKET = 0x0A0D0D0A, 1, 3, 5, 6
BLOCK = Struct("<II")  # type, length
LENGTH = Struct("<I")
SECTION_FIELDS = Struct("<IHHq")
BYTE_ORDER, MAJOR, MINOR, LENGTH_UNKNOWN = 0x1A2B3C4D, 1, 0, -1
INTERFACE_FIELDS = Struct("<HHI")
NO_LIMIT = 0  # snap length
STATISTICS_FIELDS = Struct("<III")
SIMPLE_PACKET_HEAD = Struct("<III")  # type, length, bytes on the wire
PACKET_HEAD = Struct("<IIIIIII")  # type, length, interface, time in two halves, bytes kept, bytes on the wire

OPTION = Struct("<HH")
OPTION_BYTES_MAX = 0xFFFF
END_OF_OPTIONS = 0
SHB_HARDWARE, SHB_OS, SHB_USERAPPL = 2, 3, 4
IF_NAME, IF_TSRESOL = 2, 9
NANOSECONDS = b"\x09"  # the negative power of ten
ISB_IFRECV, ISB_IFDROP, ISB_FILTERACCEPT = 4, 5, 6
COUNTER = Struct("<Q")

PADDING = [bytes(-size % 4) for size in range(4)]
MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1


class PcapngWriter:
    """Collects a section; flush() sends it on.

    Args:
        sink: takes the bytes.
        application: name and version of who writes.
    """

    def __init__(self, sink: ByteSink, application: str = "sockfilter") -> None:
        self._sink = sink
        self._collected = bytearray()
        self._interfaces = 0
        self._sent = 0
        host = os.uname()
        self._block(
            SECTION,
            SECTION_FIELDS.pack(BYTE_ORDER, MAJOR, MINOR, LENGTH_UNKNOWN),
            (SHB_HARDWARE, host.machine.encode()),
            (SHB_OS, f"{host.sysname} {host.release}".encode()),
            (SHB_USERAPPL, application.encode()),
        )

    @property
    def size(self) -> int:
        """Bytes so far, those not yet sent on among them."""
        return self._sent + len(self._collected)

    def interface(self, name: str, link_type: int) -> int:
        """Adds an interface, and gives its number for packet() and statistics()."""
        fields = INTERFACE_FIELDS.pack(link_type, 0, NO_LIMIT)
        # a name need not be text for the kernel, but must be UTF-8 here
        text = name.encode("utf-8", "replace")
        self._block(INTERFACE, fields, (IF_NAME, text), (IF_TSRESOL, NANOSECONDS))
        self._interfaces += 1
        return self._interfaces - 1

    def packet(self, interface: int, time_ns: int | None, frame: bytes | memoryview, wire_len: int) -> None:
        """Adds a frame. Raises what the sink raises.

        Args:
            interface: its number.
            time_ns: since 1970; None: not known.
            frame: bytes, as far as they were kept.
            wire_len: bytes that it had.
        """
        kept = len(frame)
        padding = PADDING[kept % 4]
        wire_len = min(max(wire_len, kept), MASK32)
        # a block without a time is of the first interface, and does not say that its frame was cut (section 4.4)
        is_simple = time_ns is None and not interface and kept == wire_len
        head = SIMPLE_PACKET_HEAD if is_simple else PACKET_HEAD
        length = head.size + kept + len(padding) + LENGTH.size
        collected = self._collected
        if is_simple:
            collected += head.pack(SIMPLE_PACKET, length, wire_len)
        else:
            high, low = divmod(time_ns or 0, 1 << 32)
            collected += head.pack(PACKET, length, interface, high & MASK32, low, kept, wire_len)
        collected += frame
        collected += padding + LENGTH.pack(length)
        if len(collected) >= COLLECTED_BYTES_MAX:
            self.flush()

    def statistics(
        self, interface: int, time_ns: int, received: int, dropped: int, filter_accepted: int | None = None
    ) -> None:
        """Adds counters of an interface since the beginning of the capture.

        Args:
            interface: its number.
            time_ns: when they stood there, since 1970.
            received: packets that came.
            dropped: of those, packets lost for want of room.
            filter_accepted: of those, packets that were wanted; None: not known.
        """
        counters = [(ISB_IFRECV, received), (ISB_IFDROP, dropped)]
        if filter_accepted is not None:
            counters.append((ISB_FILTERACCEPT, filter_accepted))
        self._block(
            STATISTICS,
            STATISTICS_FIELDS.pack(interface, time_ns >> 32 & MASK32, time_ns & MASK32),
            *((option, COUNTER.pack(count & MASK64)) for option, count in counters),
        )

    def flush(self) -> None:
        """Sends on what was collected, in one write. Raises what the sink raises."""
        if not self._collected:
            return
        collected, self._collected = self._collected, bytearray()
        self._sent += len(collected)
        rest = memoryview(collected)
        while rest:
            rest = rest[self._sink.write(rest) or 0 :]

    def _block(self, kind: int, fields: bytes, *options: tuple[int, bytes]) -> None:
        body = fields + b"".join(_option(*option) for option in options) + OPTION.pack(END_OF_OPTIONS, 0)
        length = BLOCK.size + len(body) + LENGTH.size
        self._collected += BLOCK.pack(kind, length) + body + LENGTH.pack(length)


def _option(code: int, value: bytes) -> bytes:
    value = value[:OPTION_BYTES_MAX]
    return OPTION.pack(code, len(value)) + value + PADDING[len(value) % 4]
