"""The member of the fan that keeps the last exchanges for viewers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Member, Wants

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Connection, Exchange, StreamMessage
    from sockfilter.recent.store import RecentExchanges


class RecentOutput(Member):
    """Adds exchanges and messages to a store.

    Args:
        store: where they are kept.
        is_wanted: whether to keep what a connection carries. None: all is kept.
    """

    name = "viewers"
    wants = Wants.EXCHANGES | Wants.MESSAGES

    def __init__(self, store: RecentExchanges, is_wanted: Callable[[Connection], bool] | None = None) -> None:
        self._store = store
        self._is_wanted = is_wanted

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        if self._is_wanted is None or self._is_wanted(exchange.connection):
            self._store.add(exchange)

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message."""
        if self._is_wanted is None or self._is_wanted(message.connection):
            self._store.add_message(message)
