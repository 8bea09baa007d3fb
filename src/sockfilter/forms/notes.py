"""The notes at the end of an exchange's line: its problems, and its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.model import Exchange


def notes_of(exchange: Exchange) -> tuple[str, ...]:
    """The notes, the most important first."""
    if exchange.stream is None:
        return exchange.problems
    return (*exchange.problems, *(("pushed",) if exchange.is_pushed else ()), f"h2:{exchange.stream}")
