"""pcapng (draft-ietf-opsawg-pcapng): blocks for interfaces, frames and counters. Independent of files."""

from __future__ import annotations

import os
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.outputs.output import ByteSink

# Bytes that are collected before they are written without a flush().
COLLECTED_BYTES_MAX = 1 << 20

# Block types (section 4) and their fixed fields. The byte order is always little-endian, as the section header states.
SECTION, INTERFACE, SIMPLE_PACKET, STATISTICS, PACKET, SECRETS = 0x0A0D0D0A, 1, 3, 5, 6, 10
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
NANOSECONDS = b"\x09"  # 10 to the power of -9 seconds
ISB_IFRECV, ISB_IFDROP, ISB_FILTERACCEPT = 4, 5, 6
COUNTER = Struct("<Q")
SECRETS_FIELDS = Struct("<II")  # kind, bytes (section 4.7)
TLS_KEY_LOG = 0x544C534B

PADDING = [bytes(-size % 4) for size in range(4)]
MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1


class PcapngWriter:
    """Collects the blocks of a section; flush() writes them.

    Args:
        sink: receives the bytes.
        application: name and version of the writing program.
    """

    def __init__(self, sink: ByteSink, application: str = "sockfilter") -> None:
        self._sink = sink
        self._collected = bytearray()
        self._held: deque[tuple[int, bytearray]] = deque()  # blocks that wait, by turn
        self._last = self._collected  # takes further blocks
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
        """The number of bytes so far, including those not yet written."""
        return self._sent + len(self._collected) + self.held_bytes

    def interface(self, name: str, link_type: int) -> int:
        """Adds an interface. Returns its number for packet() and statistics()."""
        fields = INTERFACE_FIELDS.pack(link_type, 0, NO_LIMIT)
        # The kernel allows names that are not text, but pcapng requires UTF-8.
        text = name.encode("utf-8", "replace")
        self._block(INTERFACE, fields, (IF_NAME, text), (IF_TSRESOL, NANOSECONDS))
        self._interfaces += 1
        return self._interfaces - 1

    def packet(self, interface: int, time_ns: int | None, frame: bytes | memoryview, wire_len: int) -> None:
        """Adds a frame. Raises what the sink raises.

        Args:
            interface: the number of the interface.
            time_ns: nanoseconds since 1970. None: not known.
            frame: the bytes that were kept.
            wire_len: the number of bytes on the wire.
        """
        kept = len(frame)
        padding = PADDING[kept % 4]
        wire_len = min(max(wire_len, kept), MASK32)
        # A block without a time belongs to the first interface and cannot say that its frame was cut (section 4.4).
        is_simple = time_ns is None and not interface and kept == wire_len
        head = SIMPLE_PACKET_HEAD if is_simple else PACKET_HEAD
        length = head.size + kept + len(padding) + LENGTH.size
        collected = self._last
        if is_simple:
            collected += head.pack(SIMPLE_PACKET, length, wire_len)
        else:
            high, low = divmod(time_ns or 0, 1 << 32)
            collected += head.pack(PACKET, length, interface, high & MASK32, low, kept, wire_len)
        collected += frame
        collected += padding + LENGTH.pack(length)
        if len(self._collected) >= COLLECTED_BYTES_MAX:
            self.flush()

    @property
    def held_bytes(self) -> int:
        """The number of bytes that wait since hold()."""
        return sum(len(blocks) for _, blocks in self._held)

    def hold(self, turn: int) -> None:
        """Keeps all further blocks until they are released, so that secrets() may put a block before them.

        Args:
            turn: a number for these blocks, greater than those before.
        """
        self._last = bytearray()
        self._held.append((turn, self._last))

    def release(self, turn: int | None = None) -> None:
        """Lets the blocks that were kept before a turn be written. None: all of them."""
        while self._held and (turn is None or self._held[0][0] < turn):
            self._collected += self._held.popleft()[1]
        if not self._held:
            self._last = self._collected

    def secrets(self, key_log: bytes) -> None:
        """Adds secrets of TLS, before the blocks that wait: a reader needs them before the packets that they open.

        Args:
            key_log: the lines of a key log.
        """
        fields = SECRETS_FIELDS.pack(TLS_KEY_LOG, len(key_log)) + key_log + PADDING[len(key_log) % 4]
        length = BLOCK.size + len(fields) + LENGTH.size
        self._collected += BLOCK.pack(SECRETS, length) + fields + LENGTH.pack(length)

    def statistics(
        self, interface: int, time_ns: int, received: int, dropped: int, filter_accepted: int | None = None
    ) -> None:
        """Adds counters of an interface since the beginning of the capture.

        Args:
            interface: the number of the interface.
            time_ns: the time of the counters, in nanoseconds since 1970.
            received: packets that arrived.
            dropped: of those, packets lost for lack of room.
            filter_accepted: of those, packets that the filter accepted. None: not known.
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
        """Writes what was collected and does not wait, at once. Raises what the sink raises."""
        if not self._collected:
            return
        collected, self._collected = self._collected, bytearray()
        if not self._held:
            self._last = self._collected
        self._sent += len(collected)
        rest = memoryview(collected)
        while rest:
            rest = rest[self._sink.write(rest) or 0 :]

    def _block(self, kind: int, fields: bytes, *options: tuple[int, bytes]) -> None:
        body = fields + b"".join(_option(*option) for option in options) + OPTION.pack(END_OF_OPTIONS, 0)
        length = BLOCK.size + len(body) + LENGTH.size
        self._last += BLOCK.pack(kind, length) + body + LENGTH.pack(length)


def whole_blocks(data: memoryview) -> int:
    """Returns how many bytes the whole blocks take that data begins with."""
    size = 0
    while len(data) - size >= BLOCK.size:
        _, length = BLOCK.unpack_from(data, size)
        if length > len(data) - size:
            break
        size += length
    return size


def _option(code: int, value: bytes) -> bytes:
    value = value[:OPTION_BYTES_MAX]
    return OPTION.pack(code, len(value)) + value + PADDING[len(value) % 4]
