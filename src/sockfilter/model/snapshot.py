"""The memory of a TLS connection in its process, as it was when the process sent or received on it."""

from __future__ import annotations

from typing import NamedTuple


class Snapshot(NamedTuple):
    """A copy of the object that a TLS library keeps for a connection.

    Attributes:
        process: the process.
        address: the address of the object in it.
        time_ns: when it was copied, in the clock of the packets.
        memory: the beginning of the object.
        blocks: what its words point to, by the offset of the word.
    """

    process: int
    address: int
    time_ns: int
    memory: bytes
    blocks: dict[int, bytes]

    def __repr__(self) -> str:
        """Shows what it is, and none of its bytes: secrets are among them."""
        return f"<Snapshot of {len(self.memory)} bytes and {len(self.blocks)} blocks>"
