"""pcapng files (draft-ietf-opsawg-pcapng): sections of blocks. Each section has its own interfaces."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.sources.files.packet import FRAME_BYTES_MAX, Damaged, FileInterface, Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECTION = 0x0A0D0D0A
PCAPNG_MAGIC = SECTION.to_bytes(4, "big")  # the same in both byte orders
INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 1, 2, 3, 6
SECRETS = 10
# the type of secrets that are a key log of TLS: "TLSK"
TLS_KEY_LOG = 0x544C534B
BYTE_ORDER_MAGIC = 0x1A2B3C4D
# bytes: type and length at the start of a block, length at its end
BLOCK_HEAD, BLOCK_TAIL = 8, 4
# the offset of the first length in a block, and of the length in the fields of a packet and of secrets
SIZE_AT, LENGTH_AT, SECRETS_SIZE_AT = 4, 12, 4
# bytes of a block: a frame with its options, or host names, or TLS secrets
BLOCK_BYTES_MAX = 16 * FRAME_BYTES_MAX
# options of an interface
IF_NAME, IF_TSRESOL, IF_TSOFFSET = 2, 9, 14
NS_PER_SECOND = 1_000_000_000
# the year 2262
NS_MAX = 1 << 63
# interfaces in one file
INTERFACES_MAX = 65536


class StampUnit:
    """The unit and the offset of an interface's time stamps.

    Args:
        resolution: if_tsresol: a negative power of ten, or of two if the highest bit is set.
        offset_s: if_tsoffset, in seconds.
    """

    def __init__(self, resolution: int = 6, offset_s: int = 0) -> None:
        exponent = resolution & 0x7F
        self._units = 2**exponent if resolution & 0x80 else 10**exponent
        self._offset_ns = offset_s * NS_PER_SECOND

    def ns(self, stamp: int) -> int | None:
        """Returns nanoseconds since 1970; None if the stamp is 0, before 1970 or after the year 2262."""
        found = stamp if self._units == NS_PER_SECOND else int(stamp * NS_PER_SECOND // self._units)
        found += self._offset_ns
        return found if 0 < found < NS_MAX else None


class ByteSource(NamedTuple):
    """An interface of a section.

    Attributes:
        interface: its number in PcapngFormat.interfaces.
        clock: the unit of its time stamps.
        snap: the snap length in bytes; 0 means no limit.
    """

    interface: int
    clock: StampUnit
    snap: int


def tls_key_log(data: bytes, start: int, end: int, order: str) -> bytes | None:
    """Returns the key log in a Decryption Secrets Block; None if the block has other secrets.

    Args:
        data: bytes of the file.
        start, end: the offsets behind the head of the block, and of its tail.
        order: the byte order.

    Raises:
        Damaged: the secrets are longer than the block.
    """
    fields = Struct(order + "II")
    room = end - start - fields.size
    if room < 0:
        raise Damaged(
            "a block of secrets has no room for their length", start - BLOCK_HEAD, start - BLOCK_HEAD + SIZE_AT
        )
    kind, size = fields.unpack_from(data, start)
    if size > room:
        words = f"secrets have an impossible length of {size} bytes, in a block with room for {room}"
        raise Damaged(words, start - BLOCK_HEAD, start + SECRETS_SIZE_AT)
    start += fields.size
    return data[start : start + size] if kind == TLS_KEY_LOG else None


class PcapngFormat:
    """Reads the blocks of a file.

    Args:
        take_key_log: takes each key log that the file carries, and the offset of its block in the data.
    """

    def __init__(self, take_key_log: Callable[[bytes, int], None] = lambda log, at: None) -> None:
        self._take_key_log = take_key_log
        self.interfaces: list[FileInterface] = []
        self._known: dict[tuple[int, FileInterface], int] = {}  # by the number in its section, and the interface
        self._section: list[ByteSource] = []
        self._order = "<"
        self._use("<")

    def read(self, data: bytes, at: int, found: list[Packet]) -> int:
        """See Format.read()."""
        while at + BLOCK_HEAD + BLOCK_TAIL <= len(data):
            kind, size = self._head.unpack_from(data, at)
            if kind == SECTION:
                size = self._begin_section(data, at)
            if size < BLOCK_HEAD + BLOCK_TAIL or size % 4 or size > BLOCK_BYTES_MAX:
                raise Damaged(f"a block has an impossible length of {size} bytes", at, at + SIZE_AT)
            if at + size > len(data):
                break
            start, end = at + BLOCK_HEAD, at + size - BLOCK_TAIL
            if self._word.unpack_from(data, end)[0] != size:
                raise Damaged("a block's two lengths differ", at, end)
            if kind == PACKET and end - start >= self._packet.size:
                number, high, low, length, wire_length = self._packet.unpack_from(data, start)
                self._add(number, high << 32 | low, start + self._packet.size, end, length, wire_length, found)
            else:
                self._read_other(kind, data, start, end, found)
            at += size
        return at

    def _use(self, order: str) -> None:
        self._order = order
        self._word = Struct(order + "I")
        self._head = Struct(order + "II")
        self._packet = Struct(order + "IIIII")
        self._old_packet = Struct(order + "HHIIII")
        self._option = Struct(order + "HH")

    def _begin_section(self, data: bytes, at: int) -> int:
        """Detects the byte order. Returns the block's size."""
        for order in "<>":
            if Struct(order + "I").unpack_from(data, at + BLOCK_HEAD)[0] == BYTE_ORDER_MAGIC:
                self._use(order)
                self._section = []
                return int(self._head.unpack_from(data, at)[1])
        raise Damaged("a section begins without a byte-order mark", at, at + BLOCK_HEAD)

    def _read_other(self, kind: int, data: bytes, start: int, end: int, found: list[Packet]) -> None:
        if kind == OLD_PACKET and end - start >= self._old_packet.size:
            number, _, high, low, length, wire_length = self._old_packet.unpack_from(data, start)
            self._add(number, high << 32 | low, start + self._old_packet.size, end, length, wire_length, found)
        elif kind == SIMPLE_PACKET and end - start >= self._word.size and self._section:
            (wire_length,) = self._word.unpack_from(data, start)
            start += self._word.size
            length = min(wire_length, self._section[0].snap or FRAME_BYTES_MAX, end - start)
            # a simple packet block has no time
            found.append(Packet(None, start, length, wire_length, self._section[0].interface))
        elif kind == INTERFACE and end - start >= BLOCK_HEAD:
            self._add_interface(data, start, end)
        elif kind == SECRETS:
            log = tls_key_log(data, start, end, self._order)
            if log is not None:
                self._take_key_log(log, start - BLOCK_HEAD)

    def _add(
        self, number: int, stamp: int, start: int, end: int, length: int, wire_length: int, found: list[Packet]
    ) -> None:
        # both kinds of block have the same fields at the same offsets; only the size of the interface number differs
        fields = start - self._packet.size
        if number >= len(self._section):
            raise Damaged("a packet has an interface that is not described", fields - BLOCK_HEAD, fields)
        if length > min(end - start, FRAME_BYTES_MAX):
            words = f"a packet has an impossible length of {length} bytes, in a block with room for {end - start}"
            raise Damaged(words, fields - BLOCK_HEAD, fields + LENGTH_AT)
        source = self._section[number]
        found.append(Packet(source.clock.ns(stamp), start, length, wire_length, source.interface))

    def _add_interface(self, data: bytes, start: int, end: int) -> None:
        if max(len(self.interfaces), len(self._section)) >= INTERFACES_MAX:
            raise Damaged(f"it has more than {INTERFACES_MAX} interfaces", start - BLOCK_HEAD, start - BLOCK_HEAD)
        link_type, _, snap = Struct(self._order + "HHI").unpack_from(data, start)
        name, resolution, offset_s = "", 6, 0
        for code, value in self._options(data, start + BLOCK_HEAD, end):
            if code == IF_NAME:
                name = value.decode(errors="replace")
            elif code == IF_TSRESOL and value:
                resolution = value[0]
            elif code == IF_TSOFFSET and len(value) == 8:
                (offset_s,) = Struct(self._order + "q").unpack(value)
        interface = FileInterface(name, link_type)
        # concatenated files describe the same interfaces again
        known = self._known.setdefault((len(self._section), interface), len(self.interfaces))
        if known == len(self.interfaces):
            self.interfaces.append(interface)
        self._section.append(ByteSource(known, StampUnit(resolution, offset_s), snap))

    def _options(self, data: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
        while at + self._option.size <= end:
            code, length = self._option.unpack_from(data, at)
            at += self._option.size
            if not code or at + length > end:
                return
            yield code, data[at : at + length]
            at += length + -length % 4
