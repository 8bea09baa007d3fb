"""The packets that the readers of both formats produce, and the error for a damaged file."""

from __future__ import annotations

from typing import NamedTuple, Protocol

# bytes of a frame; tcpdump's largest snap length is 262 144, and a segment before segmentation has 8 * 65 535
FRAME_BYTES_MAX = 1 << 20


class Damaged(Exception):  # internal: the source turns it into a CaptureFileError
    """The data is not a valid packet or block. Internal to the source.

    Args:
        words: what is wrong.
        record: the offset of the packet or block in the data.
        at: the offset of the byte that is wrong.
    """

    def __init__(self, words: str, record: int = 0, at: int = 0) -> None:
        super().__init__(words)
        self.record, self.at = record, at


class FileInterface(NamedTuple):
    """An interface where packets were captured. link_type is a number of the LINKTYPE registry."""

    name: str
    link_type: int


class Packet(NamedTuple):
    """A frame, by its place in the data.

    Attributes:
        time_ns: nanoseconds since 1970; None if the file has no time for it.
        at: the offset of its bytes in the data.
        length: the number of bytes in the file.
        wire_length: the number of bytes on the wire.
        interface: the number of its interface, from 0.
    """

    time_ns: int | None
    at: int
    length: int
    wire_length: int
    interface: int


class Format(Protocol):
    """Reads one file format."""

    interfaces: list[FileInterface]

    def read(self, data: bytes, at: int, found: list[Packet]) -> int:
        """Reads the complete packets.

        Args:
            data: a part of the file.
            at: the offset in data of the next packet or block.
            found: the list to append the packets to.

        Returns the offset of the first packet or block that is incomplete.
        Raises Damaged, with offsets in data.
        """
