"""The last exchanges of a capture. The capture's thread adds them, and viewers on other threads take what is new."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from sockfilter.views.buffers import MessageBuffer

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Message, StreamMessage

# The number of exchanges that are kept: as many as a person scrolls through, and some minutes of a busy server.
RECENT_MAX = 100_000
# Bytes that they may take, by weight_of(): 100 000 exchanges with heads of 500 bytes and without bodies take 450 MB.
RECENT_BYTES = 768 << 20
# The number of messages on streams that are kept with their exchanges.
MESSAGES_MAX = 100_000
# Exchanges that stay although newer ones need the room: as many as a person chooses.
PINNED_MAX = 1000
# measured: bytes that an exchange takes beside its heads and bodies
EXCHANGE_BYTES = 3500


class RecentExchange:
    """An exchange in the store.

    Attributes:
        number: counts from 0 in the order in which exchanges were added; never changes.
        exchange: the exchange.
        weight: bytes that it takes, about.
        is_pinned: whether it stays although newer ones need the room.
    """

    __slots__ = ("exchange", "is_pinned", "number", "weight")

    def __init__(self, number: int, exchange: Exchange, weight: int) -> None:
        self.number = number
        self.exchange = exchange
        self.weight = weight
        self.is_pinned = False


class RecentExchanges:
    """The last exchanges, with permanent numbers. Any thread may call any method.

    If there are too many, or if they are too large, the oldest are let go and counted. A capture never waits for a
    viewer.

    Args:
        limit: the number of exchanges that are kept, beside those that are pinned.
        bytes_max: the bytes that these may take.

    Attributes:
        end: the number of the next exchange.
        first: the number of the oldest exchange that is kept, beside those that are pinned.
        let_go: how many were let go.
        weight: bytes that the kept ones take, about.
        messages_seen: how many messages on streams have come.
    """

    def __init__(self, limit: int = RECENT_MAX, bytes_max: int = RECENT_BYTES) -> None:
        self.limit = limit
        self.bytes_max = bytes_max
        self.end = 0
        self.first = 0
        self.let_go = 0
        self.weight = 0
        self.messages_seen = 0
        self._kept: dict[int, RecentExchange] = {}
        self._pinned: dict[int, RecentExchange] = {}
        self._messages = MessageBuffer(MESSAGES_MAX)
        self._lock = RLock()

    def __len__(self) -> int:
        return self.end - self.first

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange, and lets the oldest go if there is no room."""
        weight = weight_of(exchange)
        with self._lock:
            number = self.end
            self._kept[number] = RecentExchange(number, exchange, weight)
            self.weight += weight
            self.end = number + 1
            while self.end - self.first > self.limit or (self.weight > self.bytes_max and self.end - self.first > 1):
                self._let_first_go()

    def add_message(self, message: StreamMessage) -> None:
        """Adds a message to the exchange that opened its stream. The oldest go if there are too many."""
        self.messages_seen += 1
        self._messages.add(message)

    def _let_first_go(self) -> None:
        recent = self._kept.pop(self.first)
        self.weight -= recent.weight
        self.first += 1
        if not recent.is_pinned:
            self.let_go += 1

    def since(self, number: int, count: int | None = None) -> list[RecentExchange]:
        """Returns those with this number and greater ones that are kept, oldest first.

        Args:
            number: the first number.
            count: how many at most. None: all.
        """
        with self._lock:
            start = max(number, self.first)
            end = self.end if count is None else min(self.end, start + count)
            kept = self._kept
            return [kept[each] for each in range(start, end)]

    def get(self, number: int) -> RecentExchange | None:
        """Returns the exchange with a number. None: it was let go."""
        return self._kept.get(number) or self._pinned.get(number)

    def pin(self, number: int) -> bool:
        """Keeps an exchange whatever comes. Returns False if it is gone, or if PINNED_MAX are pinned already."""
        with self._lock:
            recent = self.get(number)
            if recent is None or (number not in self._pinned and len(self._pinned) >= PINNED_MAX):
                return False
            recent.is_pinned = True
            self._pinned[number] = recent
            return True

    def unpin(self, number: int) -> None:
        """Undoes pin(). The exchange is let go if newer ones have taken its room."""
        with self._lock:
            recent = self._pinned.pop(number, None)
            if recent is not None:
                recent.is_pinned = False
                self.let_go += number < self.first

    @property
    def pinned(self) -> list[RecentExchange]:
        """Those that are pinned, oldest first."""
        with self._lock:
            return [self._pinned[number] for number in sorted(self._pinned)]

    def clear(self) -> None:
        """Forgets all exchanges but those that are pinned. They do not count as let go."""
        with self._lock:
            self._kept.clear()
            self.first = self.end
            self.weight = 0


def weight_of(exchange: Exchange) -> int:
    """The bytes of memory that an exchange takes, about."""
    return EXCHANGE_BYTES + _weight(exchange.request) + _weight(exchange.response)


def _weight(message: Message | None) -> int:
    if message is None:
        return 0
    log = message.grpc
    return len(message.raw) + len(message.body) + len(message.body.trailer) + (0 if log is None else log.weight)
