"""How much memory the connections that are open may take together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Bytes of all that is open, by default: what a small machine can spare, and 25 000 connections or 200 000 requests.
MEMORY_BYTES = 256 << 20
# less does not hold one long head, its body, and what waits for them
MEMORY_BYTES_MIN = 1 << 20
# What a connection takes before it has said anything, and what a message takes beside its own bytes: as measured.
CONNECTION_BYTES = 8 << 10
# the same of a connection whose first bytes wait, as they are not a whole head
BEGINNING_BYTES = 2 << 10
MESSAGE_BYTES = 1 << 10
# A body of so many bytes is large: it is written in pieces, and what that takes beside it counts as well.
LARGE_BODY_BYTES = 1 << 20
# How many times a large body is in memory while it ends, its secrets are masked, and it is written: as measured.
BODY_COPIES = 6
# Where more is in use than the first part of the budget, as much goes as brings it to the second: then an eighth of
# the budget has to come before all is weighed again, which takes some 2 us a connection.
FULL_EIGHTHS = 7
RELIEVED_EIGHTHS = 6


def body_weight(size: int) -> int:
    """Bytes that a body of this many takes."""
    return size if size < LARGE_BODY_BYTES else size * BODY_COPIES


class Budget:
    """Knows when what is open has to be weighed. Between two times it adds up what can have come at most.

    Args:
        limit: bytes.
        count: bytes that connections and messages take beside what was said.
        weigh: bytes that all that is open takes; asked when there seems to be no room.

    Attributes:
        taken: bytes that were read or decoded so far: what is kept of them is no more.
        bodies_cut: bodies that there was no room for.
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
        self._over = 0  # by how much the sum was too much when all was weighed
        self._weighed_at = 0  # what had been taken then

    @property
    def is_due(self) -> bool:
        """Whether what is open may take more than there is."""
        return self._most > self.limit

    def weighed(self, size: int) -> None:
        """So many bytes are in use."""
        self._over = self._most - size
        self._weighed_at = self.taken

    def take(self, size: int) -> bool:
        """Takes room for so many more bytes of a body; False: there is none."""
        if not self._has_room(size) and self._may_weigh:
            self.weighed(self._weigh())
        if not self._has_room(size):
            return False
        self.taken += size
        return True

    def _has_room(self, size: int) -> bool:
        """Whether so much more needs nobody to be given up, nor soon."""
        return (self._most + size) * 8 <= self.limit * RELIEVED_EIGHTHS

    @property
    def _may_weigh(self) -> bool:
        """Whether enough has come since the last time: each weighing looks at all that is open."""
        return (self.taken - self._weighed_at) * 8 >= self.limit * (8 - FULL_EIGHTHS)

    @property
    def _most(self) -> int:
        return self._count() + self.taken - self._over
