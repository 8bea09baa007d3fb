"""An output of a line of text for each exchange, as the short road needs to know it to write such lines itself."""

from __future__ import annotations

from typing import Protocol


class Lines(Protocol):
    """Such an output.

    Attributes:
        show_secrets: nothing is masked.
        widths_max: of the first two columns, up to where they grow.
    """

    show_secrets: bool
    widths_max: tuple[int, int]

    @property
    def widths(self) -> tuple[int, int]:
        """Of the first two columns, now."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""
