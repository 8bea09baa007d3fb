"""The captures of a test session: opened on first use and shared by all tests that ask for the same arguments."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sockfilter.errors import BrokerError, MissingCapability
from sockfilter.filters.where import Where
from sockfilter.testing.options import SYSCALLS

if TYPE_CHECKING:
    from sockfilter.captures.capture import Capture
    from sockfilter.testing.evidence import Tap

# The number of captures that stay open, each with its own ring. The least recently used one is closed first.
CAPTURES_MAX = 4


class Captures:
    """Opens captures and closes them at the end.

    Args:
        broker: the socket of a broker. None: the default socket, if it exists and this process lacks the rights.
        has_taps: whether frames are needed too.
    """

    def __init__(self, broker: str | None = None, *, has_taps: bool = False) -> None:
        self._broker = broker
        self._has_taps = has_taps
        self._taps: dict[Capture, Tap] = {}
        self._open: OrderedDict[str, Capture] = OrderedDict()
        self._in_use: list[Capture] = []

    def get(self, arguments: dict[str, Any]) -> Capture:
        """Returns a shared capture with these arguments. Raises SockfilterError."""
        # a Where may have predicates, whose names need not differ
        key = repr(sorted((name, id(one) if isinstance(one, Where) else one) for name, one in arguments.items()))
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
        """Returns the tap for a capture's frames. None: there is none."""
        return self._taps.get(capture)

    def new(self, arguments: dict[str, Any]) -> Capture:
        """Opens a capture that is not shared. Raises SockfilterError."""
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
        """Keeps a capture and its exchanges until release()."""
        self._in_use.append(capture)

    def release(self, capture: Capture) -> None:
        """Releases a capture. Its exchanges are dropped if no other user holds it."""
        self._in_use.remove(capture)
        if capture not in self._in_use and not capture.is_closed:
            with suppress(BrokerError):
                capture.clear()

    def close(self) -> None:
        """Closes all captures."""
        for capture in self._open.values():
            capture.close()
        self._open.clear()
        self._taps.clear()
