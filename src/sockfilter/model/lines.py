"""The interface of an output that writes one line per exchange. Code in C writes most such lines itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection


class Lines(Protocol):
    """An output that writes one line per exchange.

    Attributes:
        is_json: the lines are JSON, and not text with columns.
        show_secrets: do not mask secrets.
        widths_max: the largest widths of the first two columns, in characters.
    """

    is_json: bool
    show_secrets: bool
    widths_max: tuple[int, int]

    @property
    def widths(self) -> tuple[int, int]:
        """The present widths of the first two columns, in characters."""

    def around(self, connection: Connection) -> tuple[bytes, bytes]:
        """What a line of JSON says of a connection: before the number of the exchange, and behind it."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of count exchanges."""
