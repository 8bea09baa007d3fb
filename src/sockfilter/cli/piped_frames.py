"""A capture file on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.outputs.rotation import NO_LIMITS
from sockfilter.road.frames import Frames
from sockfilter.road.selected_frames import FramesOfFile, SelectedFrames

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.outputs.fan import OutputSource
    from sockfilter.sources.files.source import FileSource


class _NotOverInput(Frames):
    """Refuses to write to the file that is read."""

    _sink: StandardOutput

    def begin(self, source: OutputSource) -> None:
        """Implements Frames. Raises InvalidArgument if standard output is the file that is read."""
        if source.identity == self._sink.identity:
            raise InvalidArgument("-w -: standard output is the file that -r reads; write to another file")
        super().begin(source)


class FramesToStandardOutput(_NotOverInput):
    """Writes a capture file to standard output.

    Args:
        sink: standard output.
        secrets: also write the secrets that open TLS.
    """

    def __init__(self, sink: StandardOutput, *, secrets: bool = False) -> None:
        super().__init__(sink, secrets=secrets)
        self._sink = sink


class SelectedToStandardOutput(_NotOverInput, SelectedFrames):
    """The same, for the connections that a filter selects.

    Args:
        sink: standard output.
        told: as for SelectedFrames.
    """

    def __init__(self, sink: StandardOutput, told: Callable[[str], object]) -> None:
        super().__init__(sink, NO_LIMITS, None, told)
        self._sink = sink


class FileToStandardOutput(_NotOverInput, FramesOfFile):
    """The same, for those of a capture file.

    Args:
        sink: standard output.
        again: as for FramesOfFile.
    """

    def __init__(self, sink: StandardOutput, again: FileSource) -> None:
        super().__init__(sink, NO_LIMITS, None, again)
        self._sink = sink
