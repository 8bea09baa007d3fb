"""Joins refused openings with the exchanges of their connections: those would not have been."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.guarding.refused import RefusedOpening
    from sockfilter.model import Endpoint, Exchange

# refused openings whose exchanges are awaited: the oldest make room
OPENINGS_MAX = 65_536
# sources that are told apart in the sum
SOURCES_MAX = 65_536
# exchanges that wait to be shown
WAITING_MAX = 10_000


class Joining:
    """Takes refused openings and exchanges.

    Attributes:
        exchanges: how many exchanges were on connections whose opening was refused.
    """

    def __init__(self) -> None:
        self._openings: OrderedDict[tuple[Endpoint, Endpoint], None] = OrderedDict()
        self._sources: set[str] = set()
        self._waiting: list[Exchange] = []
        self.exchanges = 0

    @property
    def sources(self) -> int:
        """How many sources were refused; at most 65 536."""
        return len(self._sources)

    def add_refused(self, refused: RefusedOpening) -> None:
        """Takes a refused opening."""
        if len(self._sources) < SOURCES_MAX:
            self._sources.add(refused.source.ip)
        ends = refused.source, refused.target
        self._openings[ends] = None
        self._openings.move_to_end(ends)
        if len(self._openings) > OPENINGS_MAX:
            self._openings.popitem(last=False)

    def add_exchange(self, exchange: Exchange) -> None:
        """Takes an exchange that has ended."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(exchange)

    def take(self) -> list[Exchange]:
        """Returns the exchanges since the last call that were on a connection whose opening was refused."""
        taken, self._waiting = self._waiting, []
        found = [
            exchange for exchange in taken if (exchange.connection.client, exchange.connection.server) in self._openings
        ]
        self.exchanges += len(found)
        return found
