"""What the readers of both formats make, and how they say that a file is damaged."""

from __future__ import annotations

from typing import NamedTuple, Protocol

# bytes of a frame; tcpdump's largest snap length is 262 144, and a segment before offload has 8 * 65 535
FRAME_BYTES_MAX = 1 << 20


class Damaged(Exception):  # no error of the operator's: the source makes one of it
    """What is read cannot be a packet. Stays within the source.

    Args:
        words: what is wrong.
        record: where the packet or block begins in what is read.
        at: the byte that is wrong.
    """

    def __init__(self, words: str, record: int = 0, at: int = 0) -> None:
        super().__init__(words)
        self.record, self.at = record, at


class FileInterface(NamedTuple):
    """Where packets were captured. link_type: of the LINKTYPE registry."""

    name: str
    link_type: int


class Packet(NamedTuple):
    """A frame, by its place in what was read.

    time_ns: since 1970; None: it has no time.
    at, length: where its bytes are.
    wire_length: how many there were on the wire.
    interface: its number, from 0.
    """

    time_ns: int | None
    at: int
    length: int
    wire_length: int
    interface: int


class Format(Protocol):
    """Reads one format, from its first byte on."""

    interfaces: list[FileInterface]

    def read(self, data: bytes, at: int, found: list[Packet]) -> int:
        """Takes whole packets.

        Args:
            data: what there is of the file from some place on.
            at: where to go on in it.
            found: takes the packets.

        Returns where it stopped for want of more.
        Raises Damaged, with places in data.
        """
