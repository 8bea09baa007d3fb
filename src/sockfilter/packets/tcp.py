"""Reads the TCP headers that the kernel has not read, and makes segments of the payload of IP packets."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.model.flow import OWN_STREAM, FlowStart
from sockfilter.packets.records import INDEX, ends_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.flow import TakeSegment

# RFC 9293, 3.1
TCP_HEADER = Struct("!HHIIBBHHH")
PORT = Struct("!H")
WORDS = Struct("=QQ")


class TcpDecoder:
    """Finds or opens the stream of each segment.

    Args:
        takers: maps a stream to the function that takes its segments.
        stream_of: returns the stream of a flow by its key, or None if the flow is not open.
        open_stream: makes a taker for a stream that is not in takers.
        interface_name: returns the name of an interface by its index.
        is_wanted: whether the user asked for connections between two ports.
    """

    def __init__(
        self,
        takers: dict[int, TakeSegment],
        stream_of: Callable[[bytes], int | None],
        open_stream: Callable[[int, FlowStart, int], TakeSegment],
        interface_name: Callable[[int], str],
        is_wanted: Callable[[int, int], bool],
    ) -> None:
        self._takers = takers
        self._stream_of = stream_of
        self._open_stream = open_stream
        self._interface_name = interface_name
        self._is_wanted = is_wanted
        self._opened = 0

    def take(self, time_ns: int, interface: int, source: bytes, dest: bytes, data: bytes) -> bool:
        """Takes the payload of an IP packet.

        Args:
            time_ns: when the packet passed.
            interface: index of the interface.
            source, dest: addresses in 16 bytes each.
            data: TCP header and TCP payload.

        Returns whether it contains a segment of a wanted connection.
        """
        if len(data) < TCP_HEADER.size:
            return False
        source_port, dest_port, seq, ack, offset, flags, _, _, _ = TCP_HEADER.unpack_from(data)
        start = (offset >> 4) * 4
        if not TCP_HEADER.size <= start <= len(data) or not self._is_wanted(source_port, dest_port):
            return False
        # the order of the two ends is that of flow_of() in bpf/lib/connections.bpf.h
        first = (source_port, _words(source)) <= (dest_port, _words(dest))
        ends = [(source, source_port), (dest, dest_port)] if first else [(dest, dest_port), (source, source_port)]
        key = b"".join(address for address, _ in ends) + b"".join(PORT.pack(port) for _, port in ends)
        key += INDEX.pack(interface)
        length = len(data) - start
        stream = self._stream_of(key)
        if stream is None:
            if not length:
                return True
            self._opened += 1
            stream = OWN_STREAM | self._opened << 1
        stream = stream & ~1 | (not first)
        take = self._takers.get(stream) or self._open_stream(
            stream, FlowStart(key, ends_of(key), self._interface_name(interface)), time_ns
        )
        take(time_ns, seq, ack, flags, length, length, memoryview(data), start)
        return True


def _words(address: bytes) -> tuple[int, int]:
    """The sort key of an address, as in the kernel: the second half first, in the byte order of the machine."""
    first, second = WORDS.unpack(address)
    return second, first
