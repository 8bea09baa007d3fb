"""An output of a line for each exchange, as the short road needs to know it to write such lines itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.model.head import Head


class Lines(Protocol):
    """Such an output.

    Attributes:
        is_json: its form; else text.
        has_bodies: JSON: with what was kept of the bodies.
        show_secrets: nothing is masked.
        widths_max: of the text's first two columns, up to where they grow.
    """

    is_json: bool
    has_bodies: bool
    show_secrets: bool
    widths_max: tuple[int, int]

    @property
    def widths(self) -> tuple[int, int]:
        """Of the text's first two columns, now."""

    def about(self, connection: Connection) -> tuple[bytes, bytes]:
        """What JSON says of a connection: before its exchange's number on it, and behind that."""

    def said(self, head: Head) -> bytes:
        """What JSON says of a message, up to the sizes of its body."""

    def renumber(self, text: bytes, first_id: int) -> bytes:
        """Lines of JSON with other ids."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""
