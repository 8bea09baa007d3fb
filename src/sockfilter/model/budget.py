"""How much memory the connections that are open may take together."""

from __future__ import annotations

# Bytes of all that is open, by default: what a small machine can spare, and 25 000 connections or 200 000 requests.
MEMORY_BYTES = 256 << 20
# less does not hold one long head, its body, and what waits for them
MEMORY_BYTES_MIN = 1 << 20
# What a connection takes before it has said anything, and what a message takes beside its own bytes: as measured.
CONNECTION_BYTES = 8 << 10
# the same of a connection whose first bytes wait, as they are not a whole head
BEGINNING_BYTES = 2 << 10
MESSAGE_BYTES = 1 << 10
# Where more is in use than the first part of the budget, as much goes as brings it to the second: then an eighth of
# the budget has to come before all is weighed again, which takes some 2 us a connection.
FULL_EIGHTHS = 7
RELIEVED_EIGHTHS = 6


class Budget:
    """Knows when what is open has to be weighed. Between two times it adds up what can have come at most.

    Args:
        limit: bytes.
    """

    __slots__ = ("_over", "limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # bytes that were read or decoded so far: what is kept of them is no more
        self.taken = 0
        self._over = 0  # by how much that was too much when all was weighed

    def is_due(self, connections: int, messages: int) -> bool:
        """Whether so many connections, with so many messages that wait, may take more than there is."""
        return self._most(connections, messages) - self._over > self.limit

    def weighed(self, size: int, connections: int, messages: int) -> None:
        """So many bytes are in use by them."""
        self._over = self._most(connections, messages) - size

    def _most(self, connections: int, messages: int) -> int:
        return connections * CONNECTION_BYTES + messages * MESSAGE_BYTES + self.taken
