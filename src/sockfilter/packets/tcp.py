"""TCP headers that the kernel has not read: segments out of the payload of IP packets."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.model.flow import FlowStart
from sockfilter.packets.records import INDEX, ends_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.flow import TakeSegment

# RFC 9293, 3.1
TCP_HEADER = Struct("!HHIIBBHHH")
PORT = Struct("!H")
WORDS = Struct("=QQ")
# streams that the kernel has not numbered have this bit; its own begin with a processor's number
OWN_STREAM = 1 << 63


class TcpDecoder:
    """Finds the stream of each segment, or opens one.

    Args:
        takers: stream to what takes its segments.
        stream_of: a flow's stream by its key; None: it is not open.
        open_stream: makes a taker for a stream that is not among them.
        interface_name: an interface's name by its index.
        is_wanted: whether a connection between two ports is asked for.
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
        """Takes what a TCP packet carries.

        Args:
            time_ns: when it passed.
            interface: index of the interface.
            source, dest: addresses in 16 bytes.
            data: TCP header and payload.

        Returns whether there was a segment of a wanted connection in it.
        """
        if len(data) < TCP_HEADER.size:
            return False
        source_port, dest_port, seq, ack, offset, flags, _, _, _ = TCP_HEADER.unpack_from(data)
        start = (offset >> 4) * 4
        if not TCP_HEADER.size <= start <= len(data) or not self._is_wanted(source_port, dest_port):
            return False
        # which end comes first: flow_of() in bpf/lib/connections.bpf.h
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
    """An address as the kernel compares two of them: the later half first, in the machine's byte order."""
    first, second = WORDS.unpack(address)
    return second, first
