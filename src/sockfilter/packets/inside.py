"""Finds what is inside a packet that the BPF program could not read: one layer at a time, across fragments too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from sockfilter.packets import tunnels
from sockfilter.packets.fragments import Reassembler, read_piece
from sockfilter.packets.framing import IPV4, IPV6

if TYPE_CHECKING:
    from sockfilter.packets.framing import View

# the EtherType, the memory, and the offset in it of the data that the EtherType describes
Within: TypeAlias = "tuple[int, View, int]"
# nanoseconds between two searches for datagrams that have waited too long
LOOK_NS = 1_000_000_000


class Inside:
    """Decapsulates tunnels. Keeps fragments until their packet is complete."""

    def __init__(self) -> None:
        self._reassemblers = {
            protocol: Reassembler(partial(self._put_together, protocol), protocol) for protocol in tunnels.PROTOCOLS
        }
        self._found: Within | None = None
        self._looked_ns = 0

    def step(self, time_ns: int, interface: int, ether_type: int, frame: memoryview, at: int) -> Within | None:
        """Removes one layer.

        Args:
            time_ns: when the packet passed.
            interface: index of the interface.
            ether_type: EtherType of the packet.
            frame: the bytes that were kept of the frame.
            at: where the packet begins in them.

        Returns None if the packet carries nothing known, or if it is a fragment and others are still missing.
        """
        found = tunnels.inner(ether_type, frame, at)
        if found:
            return found[0], frame, found[1]
        piece = read_piece(frame[at:]) if ether_type in (IPV4, IPV6) else None
        if piece is None or piece.is_whole or piece.protocol not in self._reassemblers:
            return None
        self._found = None
        if time_ns - self._looked_ns > LOOK_NS:
            self._looked_ns = time_ns
            for reassembler in self._reassemblers.values():
                reassembler.tick(time_ns)
        self._reassemblers[piece.protocol].add(time_ns, interface, piece)
        return self._found

    def _put_together(
        self, protocol: int, time_ns: int, interface: int, source: bytes, dest: bytes, data: bytes
    ) -> bool:
        found = tunnels.carried(protocol, data, 0)
        self._found = (found[0], data, found[1]) if found else None
        return found is not None
