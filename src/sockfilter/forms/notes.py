"""The notes at the end of an exchange's line: its problems, whether it was in TLS, and its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.model import Exchange


def notes_of(exchange: Exchange) -> tuple[str, ...]:
    """The notes, the most important first."""
    notes: tuple[str, ...] = exchange.problems
    if exchange.tcp is not None and exchange.tcp.is_hurt:
        from sockfilter.forms.tcp import loss_note  # imported late: few exchanges lose anything

        notes += (loss_note(exchange.tcp),)
    if exchange.is_pushed:
        notes += ("pushed",)
    if exchange.connection.tls is not None:
        notes += ("https",)
    return notes if exchange.stream is None else (*notes, f"h2:{exchange.stream}")
