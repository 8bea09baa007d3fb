"""What is within a packet that the program could not read: one step at a time, over fragments too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from sockfilter.packets import tunnels
from sockfilter.packets.fragments import Reassembler, read_piece
from sockfilter.packets.framing import IPV4, IPV6

if TYPE_CHECKING:
    from sockfilter.packets.framing import View

# EtherType, memory, and where in it begins what the type names
Within: TypeAlias = "tuple[int, View, int]"
# nanoseconds between two looks for datagrams that have waited too long
LOOK_NS = 1_000_000_000


class Inside:
    """Goes into tunnels. Keeps the fragments of those whose packets came in parts."""

    def __init__(self) -> None:
        self._reassemblers = {
            protocol: Reassembler(partial(self._put_together, protocol), protocol) for protocol in tunnels.PROTOCOLS
        }
        self._found: Within | None = None
        self._looked_ns = 0

    def step(self, time_ns: int, interface: int, ether_type: int, frame: memoryview, at: int) -> Within | None:
        """One layer further in.

        Args:
            time_ns: when it passed.
            interface: index of the interface.
            ether_type: of the packet.
            frame: bytes, as far as they were kept.
            at: where the packet begins in them.

        None: nothing that is known, or a fragment and not the last of them to come.
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
