"""Keeps the last frames of a capture in memory, so that those of some connections can be saved later."""

from __future__ import annotations

from collections import deque
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from sockfilter.errors import CaptureFileError
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.rotation import CaptureFiles
from sockfilter.packets.selected_frames import FRAME_OVERHEAD, FrameSorter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.outputs.fan import OutputSource
    from sockfilter.packets.frames import Frame


class RecentFrames(Member):
    """Keeps the last frames of HTTP connections. One thread gives them, and another may save some.

    Args:
        bytes_max: the bytes that they may take. The oldest are let go.

    Attributes:
        let_go: how many frames were let go.
    """

    name = "frames for viewers"
    wants = Wants.FRAMES

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._kept: deque[tuple[int, Frame]] = deque()
        self._size = 0
        self._lock = Lock()
        self._names: dict[int, str] = {}
        self.let_go = 0
        # a fragment is of no connection that is known
        self._sorter = FrameSorter(self._keep, lambda frame: None)

    def begin(self, source: OutputSource) -> None:
        """Notes the source."""
        self._source = source

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records."""
        with self._lock:
            self._sorter.take(view, offsets)

    def _keep(self, stream: int, frame: Frame) -> None:
        if frame[0] not in self._names:
            self._names[frame[0]] = self._source.interface_name(frame[0])
        self._kept.append((stream, frame))
        self._size += len(frame[3]) + FRAME_OVERHEAD
        while self._size > self._bytes_max:
            _, oldest = self._kept.popleft()
            self._size -= len(oldest[3]) + FRAME_OVERHEAD
            self.let_go += 1

    def pcapng(self, streams: Iterable[int]) -> bytes:
        """Returns the kept frames of connections as a capture file.

        Args:
            streams: the numbers by which the source knows the connections.

        Raises:
            CaptureFileError: none of their frames is kept.
        """
        wanted = frozenset(streams)
        with self._lock:
            frames = [frame for stream, frame in self._kept if stream in wanted]
        if not frames:
            raise CaptureFileError("no frame of the connection is kept any more; --keep-frames keeps more")
        made = BytesIO()
        files = CaptureFiles(made, lambda number: None)
        numbers: dict[tuple[int, int], int] = {}
        for index, link_type, time_ns, content, wire_len in frames:
            place = index, link_type
            if place not in numbers:
                numbers[place] = files.interface(self._names[index], link_type)
            files.packet(numbers[place], self._source.wall_ns(time_ns), content, wire_len)
        files.close()
        return made.getvalue()
