"""What a capture keeps: exchanges and messages, with permanent numbers. The oldest are dropped when there are many."""

from __future__ import annotations

import os
from collections import deque
from threading import RLock
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from sockfilter.model import Exchange, StreamMessage

Kept = TypeVar("Kept")


class Buffer(Generic[Kept]):
    """Items in their order. The oldest are dropped when it is full.

    Args:
        limit: the maximum number of items.
    """

    def __init__(self, limit: int) -> None:
        self._items: deque[Kept] = deque()
        self._limit = limit
        # A thread may read while another one adds. A signal handler may interrupt either and read, hence a reentrant
        # lock.
        self._lock = RLock()
        _all.add(self)
        # The number of items dropped because the buffer was full.
        self.forgotten = 0
        # The number of the next item.
        self.end = 0

    def add(self, item: Kept) -> None:
        """Adds an item."""
        with self._lock:
            if len(self._items) >= self._limit:
                self.forgotten += 1
                self._drop_first()
            self._items.append(item)
            self.end += 1

    def since(self, number: int) -> tuple[list[Kept], int]:
        """Returns the items from this number on, and the number of the next one."""
        with self._lock:
            count = self.end - number
            if count >= len(self._items):
                return list(self._items), self.end
            return [self._items[i] for i in range(-count, 0)], self.end

    def forget(self, number: int) -> None:
        """Drops the items before a number."""
        with self._lock:
            while self._items and self.end - len(self._items) < number:
                self._drop_first()

    def unlock(self) -> None:
        """Replaces the lock in a child of fork: another thread of the parent may have held it."""
        self._lock = RLock()

    def _drop_first(self) -> Kept:
        return self._items.popleft()


class ExchangeBuffer(Buffer[Exchange]):
    """Exchanges in the order in which they ended."""


class MessageBuffer(Buffer[StreamMessage]):
    """Messages in the order in which they passed. Each is also in its exchange while it is here."""

    def add(self, item: StreamMessage) -> None:
        """Adds a message."""
        super().add(item)
        exchange = item.exchange
        if exchange is not None:
            if not isinstance(exchange.messages, deque):
                exchange.messages = deque()
            exchange.messages.append(item)

    def _drop_first(self) -> StreamMessage:
        message = super()._drop_first()
        exchange = message.exchange
        if exchange is not None and isinstance(exchange.messages, deque) and exchange.messages:
            exchange.messages.popleft()  # it is the oldest there too
        return message


_all: WeakSet[Buffer[Any]] = WeakSet()


def _unlock_all() -> None:
    for kept in _all:
        kept.unlock()


os.register_at_fork(after_in_child=_unlock_all)
