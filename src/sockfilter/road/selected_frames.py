"""Writes the frames of connections whose exchanges meet a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Wants
from sockfilter.packets.selected_frames import ChosenStreams, FrameSorter, HeldFrames
from sockfilter.road.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.outputs.fan import OutputSource
    from sockfilter.outputs.file_names import Limits
    from sockfilter.outputs.output import ByteSink
    from sockfilter.packets.frames import Frame
    from sockfilter.sources.files.source import FileSource


class SelectedFrames(Frames):
    """Writes the frames of connections with a selected exchange or message. Live, frames are held until one ends.

    Args:
        target, limits, owner: as for Frames.
        told: takes a text at the end if frames of selected connections had to be let go.
    """

    wants = Wants.FRAMES | Wants.EXCHANGES | Wants.MESSAGES

    def __init__(
        self,
        target: str | ByteSink,
        limits: Limits,
        owner: tuple[int, int] | None,
        told: Callable[[str], object],
    ) -> None:
        super().__init__(target, limits, owner)
        self._told = told
        self._held = HeldFrames(self._write_frame)
        self._sorter = FrameSorter(self._held.give, self._write_frame)

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records. Raises CaptureFileError."""
        self._sorter.take(view, offsets)

    def write(self, exchange: Exchange) -> None:
        """Selects the connection of an exchange. Raises CaptureFileError."""
        self._held.select(exchange.connection.streams)

    def write_message(self, message: StreamMessage) -> None:
        """Selects the connection of a message. Raises CaptureFileError."""
        self._held.select(message.connection.streams)

    def close(self) -> None:
        """Closes the file. Raises CaptureFileError."""
        super().close()
        count, self._held.let_go = self._held.let_go, 0
        if count:
            self._told(
                f"the capture file lacks {count} frames of connections that the filter selects: they passed before the"
                " first matching exchange ended, and there was no more room for them; -w without -Y writes all frames"
            )

    def _write_frame(self, frame: Frame) -> None:
        self._write(*frame)


class FramesOfFile(Frames):
    """Writes the frames of connections of a capture file with a selected exchange, by reading the file a second time.

    Args:
        target, limits, owner: as for Frames.
        again: the same file, with the same filter, to be read when the first reading has ended.
    """

    wants = Wants.FRAMES | Wants.EXCHANGES | Wants.MESSAGES

    def __init__(
        self, target: str | ByteSink, limits: Limits, owner: tuple[int, int] | None, again: FileSource
    ) -> None:
        super().__init__(target, limits, owner)
        self._again = again
        self._chosen = ChosenStreams(self._write_frame)

    def begin(self, source: OutputSource) -> None:
        """Creates the first file. Raises the same errors as Frames.begin()."""
        super().begin(source)
        self._source = self._again

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Does nothing: frames are written in the second reading."""

    def write(self, exchange: Exchange) -> None:
        """Selects the connection of an exchange."""
        self._chosen.select(exchange.connection.streams)

    def write_message(self, message: StreamMessage) -> None:
        """Selects the connection of a message."""
        self._chosen.select(message.connection.streams)

    def close(self) -> None:
        """Reads the file again, writes the frames, and closes the file. Raises CaptureFileError."""
        sorter = FrameSorter(self._chosen.give, self._write_frame)
        try:
            # without a file nothing could begin; a source that is closed gives nothing
            while self._files is not None and self._again.drain(sorter.take):
                pass
        finally:
            self._again.close()
            super().close()

    def _write_frame(self, frame: Frame) -> None:
        self._write(*frame)
