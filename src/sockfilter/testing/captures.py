"""The captures of a test session: opened when first asked for, and used by all tests that ask the same."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockfilter.errors import BrokerError, MissingCapability
from sockfilter.testing.options import SYSCALLS

if TYPE_CHECKING:
    from sockfilter.captures.capture import Capture
    from sockfilter.testing.evidence import Tap

# captures that stay open at once: each has a ring of its own; the one that was not asked for the longest goes
CAPTURES_MAX = 4


class Captures:
    """Opens captures, and closes them at the end.

    Args:
        broker: the socket of a broker; None: the usual place, where there is one and the rights are missing.
        has_taps: the frames are wanted too.
    """

    def __init__(self, broker: str | None = None, *, has_taps: bool = False) -> None:
        self._broker = broker
        self._has_taps = has_taps
        self._taps: dict[Capture, Tap] = {}
        self._open: OrderedDict[str, Capture] = OrderedDict()
        self._in_use: list[Capture] = []

    def get(self, arguments: dict[str, Any]) -> Capture:
        """A capture with these arguments, which others use too. Raises SockfilterError."""
        key = repr(sorted(arguments.items()))
        if key not in self._open or self._open[key].is_closed:
            self._open[key] = self.new(arguments)
        self._open.move_to_end(key)
        for old, capture in list(self._open.items())[: max(0, len(self._open) - CAPTURES_MAX)]:
            if capture not in self._in_use:
                del self._open[old]
                self._taps.pop(capture, None)
                capture.close()
        return self._open[key]

    def tap(self, capture: Capture) -> Tap | None:
        """Where a capture's frames can be had; None: nowhere."""
        return self._taps.get(capture)

    def new(self, arguments: dict[str, Any]) -> Capture:
        """A capture of one's own. Raises SockfilterError."""
        if self._broker is not None:
            return self._opened({"broker": self._broker, **arguments})
        try:
            return self._opened(arguments)
        except MissingCapability:
            from sockfilter.sources.broker.messages import SOCKET

            if not os.path.exists(SOCKET):
                raise
            return self._opened({"broker": SOCKET, **arguments})

    def _opened(self, arguments: dict[str, Any]) -> Capture:
        from sockfilter.captures.capture import capture
        from sockfilter.outputs.fan import Fan, Wants
        from sockfilter.testing.evidence import Tap

        if not self._has_taps or arguments.get("via") == SYSCALLS:  # calls have no frames
            return capture(**arguments)
        tap = Tap()
        made = capture(**arguments, outputs=Fan(Wants.FRAMES, lambda: [tap]))
        self._taps[made] = tap
        return made

    def hold(self, capture: Capture) -> None:
        """Keeps one open, and what it has seen, until release()."""
        self._in_use.append(capture)

    def release(self, capture: Capture) -> None:
        """Lets go of one: what it has seen makes room, where nobody else needs it."""
        self._in_use.remove(capture)
        if capture not in self._in_use and not capture.is_closed:
            with suppress(BrokerError):
                capture.clear()

    def close(self) -> None:
        """Closes all."""
        for capture in self._open.values():
            capture.close()
        self._open.clear()
        self._taps.clear()
