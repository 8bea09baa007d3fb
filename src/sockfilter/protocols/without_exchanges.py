"""The base of conversations in protocols that have no exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.interface import Handover


class WithoutExchanges:
    """What does not depend on the protocol.

    Args:
        before: what was read on the connection before, in another protocol; None if nothing.
    """

    __slots__ = ("_before",)

    has_lane = False

    def __init__(self, before: Handover | None) -> None:
        self._before = before

    @property
    def open(self) -> list[Exchange]:
        """No exchange is ever open."""
        return []

    @property
    def count(self) -> int:
        """The number of exchanges in earlier protocols."""
        return 0 if self._before is None else self._before.number

    def abandon(self, end: int) -> None:
        """Ignores that an end has closed: no response is awaited."""

    def close(self, problem: Problem) -> None:
        """Ignores the end of the connection: both receivers have ended before."""
