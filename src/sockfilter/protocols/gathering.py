"""Gathers the content of a message on a stream, up to the limit for bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import Body
from sockfilter.model.budget import LARGE_BODY_BYTES, body_weight
from sockfilter.protocols.pieces import Pieces

if TYPE_CHECKING:
    from sockfilter.model.budget import Budget
    from sockfilter.model.policy import BodyPolicy


class Gathering:
    """Gathers one content after another.

    Args:
        policy: how much to keep of each.
        budget: the memory for large ones.

    Attributes:
        length: bytes of the present content so far, whether kept or not.
        is_cut: whether less of it was kept than the limit allows.
    """

    __slots__ = ("_asked", "_budget", "_limit", "_pieces", "is_cut", "length")

    def __init__(self, policy: BodyPolicy, budget: Budget) -> None:
        self._limit = policy.limit
        self._budget = budget
        self._pieces = Pieces()
        self._asked = 0  # bytes taken from the budget
        self.length = 0
        self.is_cut = False

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept."""
        return body_weight(self._pieces.size)

    def add(self, data: bytes) -> None:
        """Takes the next bytes of the content."""
        self.length += len(data)
        room = self._limit - self._pieces.size
        if room <= 0 or self.is_cut:
            return
        piece = data if len(data) <= room else data[:room]
        if self._pieces.size + len(piece) >= LARGE_BODY_BYTES and not self._has_memory(len(piece)):
            self.is_cut = True
            self._budget.bodies_cut += 1
            return
        self._pieces.add(piece)

    def leave_out(self, size: int) -> None:
        """Counts bytes that were not kept by the caller. Nothing after them is kept."""
        self.length += size
        self.is_cut = self.is_cut or self._pieces.size < self._limit

    def body(self, wire_len: int, *, is_whole: bool = True) -> Body:
        """Ends the present content and returns it.

        Args:
            wire_len: its bytes as sent.
            is_whole: whether its length is known.
        """
        content = self._pieces.take()
        length = self.length if is_whole else None
        self.clear()
        return Body(wire_len, length, content)

    def clear(self) -> None:
        """Drops the present content."""
        self._pieces.clear()
        self._asked = self.length = 0
        self.is_cut = False

    def _has_memory(self, size: int) -> bool:
        """Whether the budget allows size more bytes of a large content."""
        missing = body_weight(self._pieces.size + size) - self._asked
        if missing > 0:
            if not self._budget.take(missing):
                return False
            self._asked += missing
        return True
