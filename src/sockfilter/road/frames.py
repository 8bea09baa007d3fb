"""Capture files that are written while a capture goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.outputs.file_names import Limits
from sockfilter.outputs.rotation import NO_LIMITS, CaptureFiles, Counters
from sockfilter.packets.frames import FrameTaker

if TYPE_CHECKING:
    from types import TracebackType

    from sockfilter.outputs.output import Sink

SEEN, SENT, RING_FULL = (list(PACKET_COUNTERS).index(name) for name in ("seen", "sent", "ring_full"))


class Source(Protocol):
    """What is asked of where the records come from."""

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the file that it reads; None: it reads none."""

    def wall_ns(self, time_ns: int) -> int | None:
        """A record's time since 1970; None: it has none."""

    def interface_name(self, index: int) -> str:
        """An interface's name by its index."""

    def counters(self) -> list[int]:
        """The program's counters."""


class Frames:
    """The frames of a capture's HTTP connections, in pcapng.

    Args:
        source: the capture's.
        target: a path, or what takes the bytes.
        limits: when another file begins.
        owner: user and group to whom files are given.

    Raises:
        CaptureFileError: a file cannot be made.
        InvalidArgument: it is the one that the capture is read from.
    """

    def __init__(
        self,
        source: Source,
        target: str | Sink,
        limits: Limits = NO_LIMITS,
        owner: tuple[int, int] | None = None,
    ) -> None:
        self._source = source
        self._files = CaptureFiles(target, self._counters, limits, owner, spared=source.identity)
        self._interfaces: dict[tuple[int, int], int] = {}
        # takes a batch of records
        self.take = FrameTaker(self._write).take

    def __enter__(self) -> Frames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_full(self) -> bool:
        """Whether the last of so many files has had its time."""
        return self._files.is_full

    def flush(self) -> None:
        """Sends on what has been written."""
        self._files.flush()

    def close(self) -> None:
        """Ends the file, with its counters."""
        self._files.close()

    def _write(self, index: int, link_type: int, time_ns: int, frame: bytes, wire_len: int) -> None:
        number = self._interfaces.get((index, link_type))
        if number is None:
            number = self._files.interface(self._source.interface_name(index), link_type)
            self._interfaces[index, link_type] = number
        self._files.packet(number, self._source.wall_ns(time_ns), frame, wire_len)

    def _counters(self, number: int) -> Counters | None:
        """They are of all interfaces together: the first has them."""
        if number:
            return None
        counters = self._source.counters()
        return Counters(counters[SEEN], counters[RING_FULL], counters[SENT])
