"""How much memory all open connections together may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Default, in bytes: a small machine can spare it, and it holds 20 000 connections or 200 000 requests.
MEMORY_BYTES = 256 << 20
# less cannot hold one long head, its body, and the messages that wait for them
MEMORY_BYTES_MIN = 1 << 20
# Measured: what a connection takes before its first byte, and a fifth for what its end makes; what a message takes in
# addition to its own bytes.
CONNECTION_BYTES = 10 << 10
# measured: what a connection takes whose first bytes are not yet a whole head
BEGINNING_BYTES = 2 << 10
MESSAGE_BYTES = 1 << 10
# From this size on, a body is large: it is written in pieces, and the memory for that counts too.
LARGE_BODY_BYTES = 1 << 20
# Measured: how many copies of a large body are in memory while it ends, is masked, and is written.
BODY_COPIES = 6
# If more than FULL_EIGHTHS of the budget is in use, connections are evicted until RELIEVED_EIGHTHS is in use. Weighing
# takes about 2 us per connection, so it is repeated only after another eighth of the budget has come.
FULL_EIGHTHS = 7
RELIEVED_EIGHTHS = 6


def body_weight(size: int) -> int:
    """Bytes of memory that a body of this size takes."""
    return size if size < LARGE_BODY_BYTES else size * BODY_COPIES


class Budget:
    """Knows when the open connections must be weighed. Between two weighings it adds up an upper bound.

    Args:
        limit: bytes.
        count: returns the bytes that connections and messages take in addition to the bytes they carry.
        weigh: returns the bytes that all open connections take; called when there seems to be no room.

    Attributes:
        taken: bytes read or decoded so far; an upper bound of the bytes that are kept.
        bodies_cut: bodies that were cut because there was no room.
    """

    __slots__ = ("_count", "_over", "_weigh", "_weighed_at", "bodies_cut", "limit", "taken")

    def __init__(
        self, limit: int = MEMORY_BYTES, count: Callable[[], int] = int, weigh: Callable[[], int] = int
    ) -> None:
        self.limit = limit
        self.taken = 0
        self.bodies_cut = 0
        self._count = count
        self._weigh = weigh
        self._over = 0  # by how many bytes the upper bound was too high at the last weighing
        self._weighed_at = 0  # value of taken at the last weighing

    @property
    def is_due(self) -> bool:
        """Whether the open connections may take more than the limit."""
        return self._most > self.limit

    def weighed(self, size: int) -> None:
        """Takes the result of a weighing: the bytes in use."""
        self._over = self._most - size
        self._weighed_at = self.taken

    def take(self, size: int) -> bool:
        """Reserves room for more bytes of a body. Returns False if there is none."""
        if not self._has_room(size) and self._may_weigh:
            self.weighed(self._weigh())
        if not self._has_room(size):
            return False
        self.taken += size
        return True

    def _has_room(self, size: int) -> bool:
        """Whether this many more bytes fit without an eviction now or soon."""
        return (self._most + size) * 8 <= self.limit * RELIEVED_EIGHTHS

    @property
    def _may_weigh(self) -> bool:
        """Whether enough bytes have come since the last weighing, which looks at every open connection."""
        return (self.taken - self._weighed_at) * 8 >= self.limit * (8 - FULL_EIGHTHS)

    @property
    def _most(self) -> int:
        return self._count() + self.taken - self._over
