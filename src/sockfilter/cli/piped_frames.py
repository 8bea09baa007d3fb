"""A capture file that goes to standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.road.frames import Frames

if TYPE_CHECKING:
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.outputs.fan import OutputSource


class FramesToStandardOutput(Frames):
    """A capture file that goes to standard output.

    Args:
        sink: standard output.
    """

    def __init__(self, sink: StandardOutput) -> None:
        super().__init__(sink)
        self._identity = sink.identity

    def begin(self, source: OutputSource) -> None:
        """As Frames has it. Raises InvalidArgument where the capture is read from the same file."""
        if source.identity == self._identity:
            raise InvalidArgument("-w -: standard output is the file that -r reads; write to another file")
        super().begin(source)
