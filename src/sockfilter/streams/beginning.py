"""The beginning of a connection: its first bytes wait until they can be parsed.

Until then, the connection has no directions and no conversation, which saves memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.sequence import MASK
from sockfilter.streams.direction import ACK, CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.flow import FlowStart
    from sockfilter.streams.direction import Direction

# Bytes that wait. Few heads that come in pieces are longer, and a waiting connection should take 2 KiB of memory.
WAITING_BYTES_MAX = 1024
# Segments that wait. A head comes in one or two segments, or in more if a program writes it line by line.
WAITING_SEGMENTS_MAX = 8


class Begun(Protocol):
    """What first bytes need of their connection.

    Attributes:
        start: how the connection was opened.
        last_ns: when its last segment passed.
        beginning: holds its first bytes. None: they were passed on.
    """

    start: FlowStart
    last_ns: int
    beginning: FirstBytes | None

    @property
    def directions(self) -> tuple[Direction, Direction]:
        """One for each end."""


class FirstBytes:
    """The first segments of one end, in order, while they are too few to parse.

    They are passed on unchanged when any other segment of the connection comes, or when the state of the connection is
    needed.

    Args:
        connection: the connection.
        take: is called when all further segments are to go to the connection's directions.
        stream: the source's number of the direction that they belong to.
        is_unfinished: whether bytes are too few to parse.
    """

    __slots__ = ("_ack", "_connection", "_data", "_end", "_is_unfinished", "_segments", "_seq", "_take")

    def __init__(
        self, connection: Begun, take: Callable[[], None], stream: int, is_unfinished: Callable[[bytes], bool]
    ) -> None:
        self._take = take
        self._connection = connection
        self._is_unfinished = is_unfinished
        self._end = end = stream & 1
        isns = connection.start.isn
        first, peer = isns[end], isns[1 - end]
        # the next sequence number and acknowledgement number; None: any
        self._seq = None if first is None else (first + 1) & MASK
        self._ack = None if peer is None else (peer + 1) & MASK
        self._data = b""
        self._segments: tuple[tuple[int, int, int], ...] = ()  # time, flags and length of each

    def segment(
        self,
        time_ns: int,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        kept: int,
        buffer: memoryview | bytes,
        start: int,
    ) -> None:
        """Takes a segment of the end that sent first. The arguments are those of Direction.segment()."""
        if (
            (seq == self._seq or self._seq is None)
            and (ack == self._ack or self._ack is None)
            and flags & (ACK | CONTROL) == ACK
            and kept == length
            and 0 < length <= WAITING_BYTES_MAX - len(self._data)
            and len(self._segments) < WAITING_SEGMENTS_MAX
        ):
            data = self._data + bytes(buffer[start : start + length])
            if self._is_unfinished(data):
                self._data = data
                self._segments = (*self._segments, (time_ns, flags, length))
                self._seq, self._ack = (seq + length) & MASK, ack
                self._connection.last_ns = time_ns
                return
        self.tell()
        self._connection.directions[self._end].segment(time_ns, seq, ack, flags, length, kept, buffer, start)

    def answer(
        self,
        time_ns: int,
        seq: int,
        ack: int,
        flags: int,
        length: int,
        kept: int,
        buffer: memoryview | bytes,
        start: int,
    ) -> None:
        """Takes a segment of the other end."""
        self.tell()
        self._connection.directions[1 - self._end].segment(time_ns, seq, ack, flags, length, kept, buffer, start)

    def tell(self) -> None:
        """Passes on the waiting bytes. All further segments go to the connection."""
        connection = self._connection
        connection.beginning = None
        self._take()
        if self._seq is None or self._ack is None or not self._segments:
            return  # nothing waits
        take = connection.directions[self._end].segment
        seq, at = (self._seq - len(self._data)) & MASK, 0
        for time_ns, flags, length in self._segments:
            take(time_ns, (seq + at) & MASK, self._ack, flags, length, length, self._data, at)
            at += length

    @property
    def weight(self) -> int:
        """The number of waiting bytes."""
        return len(self._data)
