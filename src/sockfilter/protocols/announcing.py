"""Tells the source which bytes a receiver does not need, so that it may leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# From this many unneeded bytes on, telling the source costs less than reading them.
BULK_BYTES = 128 << 10


class Announcing:
    """A receiver that may ignore some of its bytes.

    Args:
        announce: tells the source how many of the next bytes are not needed; 0 revokes that.

    Attributes:
        ignoring: how many of the next bytes it does not need; it needs only their number.
    """

    __slots__ = ("_announce", "_announced", "ignoring")

    def __init__(self, announce: Callable[[int], None]) -> None:
        self._announce = announce
        self._announced = False  # the source was told, and that was not revoked
        self.ignoring = 0

    def _ignore_next(self, size: int) -> None:
        """Ignores the next bytes from now on.

        Args:
            size: their number. 0: it needs all. That is also told only now: until here, missing bytes may be those that
                the source was told to leave out.
        """
        before, self.ignoring = self.ignoring, size
        if size > before and size >= BULK_BYTES:
            self._announced = True
            self._announce(size)
        elif self._announced and not size:
            self._announced = False
            self._announce(0)
