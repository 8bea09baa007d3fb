"""The frames of connections that are selected, which is known only after some of their frames have passed."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from sockfilter.packets.frames import CONNECTIONS_MAX, OPENING_FRAMES_MAX, frame_record
from sockfilter.packets.records import FRAGMENT, FRAME, OF_NO_PACKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.packets.frames import Frame, FrameRecord

TCP_SYN, TCP_ACK = 2, 16
# Bytes of frames that are held of one connection until one of its exchanges is selected: some hundred usual exchanges.
CONNECTION_BYTES_MAX = 1 << 20
# The same for all connections together. Above it, the connections that were held first are let go.
HELD_BYTES_MAX = 64 << 20
# Bytes that a held frame takes besides its content.
FRAME_OVERHEAD = 200


class FrameSorter:
    """Sorts frames by the connections that carry them.

    Segments have the number of their connection. An acknowledgement belongs to the connection that had the last
    segment on its flow; a handshake belongs to the next one.

    Args:
        give: takes the number of a connection and a frame.
        write: takes a frame that belongs to no connection: an IP fragment.
    """

    def __init__(self, give: Callable[[int, Frame], None], write: Callable[[Frame], None]) -> None:
        self._give, self._write = give, write
        self._current: OrderedDict[bytes, int] = OrderedDict()
        self._openings: OrderedDict[bytes, list[Frame]] = OrderedDict()

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records.

        Args:
            view: the memory of the ring.
            offsets: where the records begin in it.
        """
        for at in offsets:
            record = frame_record(view, at)
            if record.kind == FRAGMENT:
                self._write(record.frame)
            elif record.kind == FRAME:
                self._take_control(record)
            elif record.kind not in OF_NO_PACKET:
                self._take_segment(record)

    def _take_control(self, record: FrameRecord) -> None:
        key = record.key
        if record.flags & TCP_SYN and not record.flags & TCP_ACK:
            self._current.pop(key, None)
            self._openings.pop(key, None)
        stream = self._current.get(key)
        if stream is not None:
            self._give(stream, record.frame)
            return
        opening = self._openings.setdefault(key, [])
        if len(opening) < OPENING_FRAMES_MAX:
            opening.append(record.frame)
        if len(self._openings) > CONNECTIONS_MAX:
            self._openings.popitem(last=False)

    def _take_segment(self, record: FrameRecord) -> None:
        key, stream = record.key, record.stream
        if self._current.get(key) != stream:
            self._current[key] = stream
            self._current.move_to_end(key)
            if len(self._current) > CONNECTIONS_MAX:
                self._current.popitem(last=False)
            for frame in self._openings.pop(key, ()):
                self._give(stream, frame)
        self._give(stream, record.frame)


class HeldFrames:
    """Holds the frames of each connection until it is selected, and passes them on from then on.

    Args:
        write: takes each frame of a selected connection.

    Attributes:
        let_go: the number of frames of selected connections that there had been no room for.
    """

    def __init__(self, write: Callable[[Frame], None]) -> None:
        self._write = write
        self._held: OrderedDict[int, deque[Frame]] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._size = 0
        # the numbers of frames that were let go, by connections that may still be selected
        self._gone: OrderedDict[int, int] = OrderedDict()
        self._selected: OrderedDict[int, None] = OrderedDict()
        self.let_go = 0

    def select(self, streams: Iterable[int]) -> None:
        """Selects a connection by its numbers: writes its held frames, and from then on each of its frames."""
        for stream in streams:
            if stream in self._selected:
                self._selected.move_to_end(stream)
                continue
            self._selected[stream] = None
            if len(self._selected) > CONNECTIONS_MAX:
                self._selected.popitem(last=False)
            self.let_go += self._gone.pop(stream, 0)
            self._size -= self._sizes.pop(stream, 0)
            for frame in self._held.pop(stream, ()):
                self._write(frame)

    def give(self, stream: int, frame: Frame) -> None:
        """Takes a frame of a connection."""
        if stream in self._selected:
            self._write(frame)
            return
        held = self._held.get(stream)
        if held is None:
            held = self._held[stream] = deque()
            self._sizes[stream] = 0
        held.append(frame)
        self._resize(stream, len(frame[3]) + FRAME_OVERHEAD)
        while self._sizes[stream] > CONNECTION_BYTES_MAX:
            self._resize(stream, -len(held.popleft()[3]) - FRAME_OVERHEAD)
            self._count_gone(stream, 1)
        while self._size > HELD_BYTES_MAX:
            oldest, frames = self._held.popitem(last=False)
            self._size -= self._sizes.pop(oldest)
            self._count_gone(oldest, len(frames))

    def _resize(self, stream: int, size: int) -> None:
        self._sizes[stream] += size
        self._size += size

    def _count_gone(self, stream: int, count: int) -> None:
        self._gone[stream] = self._gone.get(stream, 0) + count
        if len(self._gone) > CONNECTIONS_MAX:
            self._gone.popitem(last=False)


class ChosenStreams:
    """The connections of a capture file that were selected, by their numbers there, which count from 1: a bit for each.

    Args:
        write: takes each frame of a selected connection.
    """

    def __init__(self, write: Callable[[Frame], None]) -> None:
        self._write = write
        self._bits = bytearray()

    def select(self, streams: Iterable[int]) -> None:
        """Selects a connection by its numbers."""
        for stream in streams:
            number = stream >> 1
            if number >> 3 >= len(self._bits):
                self._bits.extend(bytes((number >> 3) + 1 - len(self._bits)))
            self._bits[number >> 3] |= 1 << (number & 7)

    def give(self, stream: int, frame: Frame) -> None:
        """Takes a frame of a connection."""
        number = stream >> 1
        if number >> 3 < len(self._bits) and self._bits[number >> 3] >> (number & 7) & 1:
            self._write(frame)
