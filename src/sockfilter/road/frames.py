"""Capture files that are written while a capture goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.file_names import Limits
from sockfilter.outputs.rotation import NO_LIMITS, CaptureFiles, FileCounters
from sockfilter.packets.frames import FrameTaker

if TYPE_CHECKING:
    from types import TracebackType

    from sockfilter.outputs.fan import OutputSource
    from sockfilter.outputs.output import ByteSink

SEEN, SENT, RING_FULL = (list(PACKET_COUNTERS).index(name) for name in ("seen", "sent", "ring_full"))


class Frames(Member):
    """The frames of a capture's HTTP connections, in pcapng.

    Args:
        target: a path, or what takes the bytes.
        limits: when another file begins.
        owner: user and group to whom files are given.
    """

    name = "capture file"
    wants = Wants.FRAMES

    def __init__(
        self, target: str | ByteSink, limits: Limits = NO_LIMITS, owner: tuple[int, int] | None = None
    ) -> None:
        self._target, self._limits, self._owner = target, limits, owner
        self._files: CaptureFiles | None = None
        self._interfaces: dict[tuple[int, int], int] = {}
        self._taker = FrameTaker(self._write)

    def __enter__(self) -> Frames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_full(self) -> bool:
        """Whether the last of so many files has had its time."""
        return self._files is not None and self._files.is_full

    def begin(self, source: OutputSource) -> None:
        """Makes the first file.

        Args:
            source: where the records come from.

        Raises:
            CaptureFileError: a file cannot be made.
            InvalidArgument: it is the one that the capture is read from.
        """
        self._source = source
        spared = source.identity
        self._files = CaptureFiles(self._target, self._counters, self._limits, self._owner, spared=spared)

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records. Raises CaptureFileError."""
        self._taker.take(view, offsets)

    def flush(self) -> None:
        """Sends on what has been written. Raises CaptureFileError."""
        if self._files is not None:
            self._files.flush()

    def close(self) -> None:
        """Ends the file, with its counters. Raises CaptureFileError."""
        if self._files is not None:
            self._files.close()

    def _write(self, index: int, link_type: int, time_ns: int, frame: bytes, wire_len: int) -> None:
        assert self._files is not None  # it has begun
        number = self._interfaces.get((index, link_type))
        if number is None:
            number = self._files.interface(self._source.interface_name(index), link_type)
            self._interfaces[index, link_type] = number
        self._files.packet(number, self._source.wall_ns(time_ns), frame, wire_len)

    def _counters(self, number: int) -> FileCounters | None:
        """They are of all interfaces together: the first has them."""
        if number:
            return None
        counters = self._source.counters()
        return FileCounters(counters[SEEN], counters[RING_FULL], counters[SENT])
