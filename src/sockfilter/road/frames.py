"""Writes capture files during a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.file_names import Limits
from sockfilter.outputs.rotation import NO_LIMITS, CaptureFiles, FileCounters
from sockfilter.packets.frames import FrameTaker

if TYPE_CHECKING:
    from sockfilter.outputs.fan import OutputSource
    from sockfilter.outputs.output import ByteSink

SEEN, SENT, RING_FULL = (list(PACKET_COUNTERS).index(name) for name in ("seen", "sent", "ring_full"))


class Frames(Member, Closing):
    """Writes the frames of HTTP connections in pcapng.

    Args:
        target: a path, or an object that takes the bytes.
        limits: when the next file begins.
        owner: user and group that own the files. None: those of the process.
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

    @property
    def is_full(self) -> bool:
        """Whether the last of the files that limits allow has ended."""
        return self._files is not None and self._files.is_full

    def begin(self, source: OutputSource) -> None:
        """Creates the first file.

        Args:
            source: the source of the records.

        Raises:
            CaptureFileError: a file cannot be created.
            InvalidArgument: the file is the one that the capture is read from.
        """
        self._source = source
        spared = source.identity
        self._files = CaptureFiles(self._target, self._counters, self._limits, self._owner, spared=spared)

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records. Raises CaptureFileError."""
        self._taker.take(view, offsets)

    def flush(self) -> None:
        """Flushes the file. Raises CaptureFileError."""
        if self._files is not None:
            self._files.flush()

    def close(self) -> None:
        """Writes the counters and closes the file. Raises CaptureFileError."""
        if self._files is not None:
            self._files.close()

    def _write(self, index: int, link_type: int, time_ns: int, frame: bytes, wire_len: int) -> None:
        assert self._files is not None  # set by begin()
        number = self._interfaces.get((index, link_type))
        if number is None:
            number = self._files.interface(self._source.interface_name(index), link_type)
            self._interfaces[index, link_type] = number
        self._files.packet(number, self._source.wall_ns(time_ns), frame, wire_len)

    def _counters(self, number: int) -> FileCounters | None:
        """Returns the counters of all interfaces together for the first interface, and None for the others."""
        if number:
            return None
        counters = self._source.counters()
        return FileCounters(counters[SEEN], counters[RING_FULL], counters[SENT])
