"""A capture file on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.road.frames import Frames

if TYPE_CHECKING:
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.outputs.fan import OutputSource


class FramesToStandardOutput(Frames):
    """Writes a capture file to standard output.

    Args:
        sink: standard output.
        secrets: also write the secrets that open TLS.
    """

    def __init__(self, sink: StandardOutput, *, secrets: bool = False) -> None:
        super().__init__(sink, secrets=secrets)
        self._identity = sink.identity

    def begin(self, source: OutputSource) -> None:
        """Implements Frames. Raises InvalidArgument if standard output is the file that is read."""
        if source.identity == self._identity:
            raise InvalidArgument("-w -: standard output is the file that -r reads; write to another file")
        super().begin(source)
