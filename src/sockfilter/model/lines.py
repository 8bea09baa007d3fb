"""The interface of an output that writes one line per exchange. The lane writes such lines itself."""

from __future__ import annotations

from typing import Protocol


class Lines(Protocol):
    """An output that writes one line per exchange.

    Attributes:
        show_secrets: do not mask secrets.
        widths_max: the largest widths of the first two columns, in characters.
    """

    show_secrets: bool
    widths_max: tuple[int, int]

    @property
    def widths(self) -> tuple[int, int]:
        """The present widths of the first two columns, in characters."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of count exchanges."""
