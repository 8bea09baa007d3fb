"""How many bytes connections carry in an interval: by sock_diag, with the last numbers of those that have ended."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.closing import Closing
from sockfilter.observers.tcp.open_sockets import OPEN
from sockfilter.system import inet_diag, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Endpoint
    from sockfilter.system.inet_diag import TcpSocket

# sockets whose last numbers are kept: the oldest make room, and then begin anew. Each takes 200 bytes.
SOCKETS_MAX = 100_000


class Carried(NamedTuple):
    """What a socket carried in an interval: its ends, and the payload bytes that it sent and received."""

    here: Endpoint
    there: Endpoint
    sent: int
    received: int


class TcpTraffic(Closing):
    """The bytes of the TCP sockets of a network namespace, from construction on.

    Args:
        netns: the namespace, as for namespace.entered(). None: this thread's.

    Attributes:
        lost: how often the kernel had no room for the last numbers of ended sockets.
        seconds: the length of the last interval.

    Raises KernelUnsupported and NamespaceError.
    """

    def __init__(self, netns: str | None = None) -> None:
        with namespace.entered(netns), ExitStack() as stack:
            self._ended = stack.enter_context(inet_diag.EndedSockets())
            self._sockets = stack.enter_context(inet_diag.Sockets())
            self._stack = stack.pop_all()
        self._last: dict[int, tuple[int, int]] = {}
        self._since_s = time.monotonic()
        self.seconds = 0.0
        for found in self._sockets.list(OPEN):
            self._difference(found)

    def close(self) -> None:
        """Closes the sockets."""
        self._stack.close()

    @property
    def lost(self) -> int:
        """How often the kernel had no room for the last numbers of ended sockets."""
        return self._ended.lost

    def read(self) -> Iterator[Carried]:
        """Yields what each socket has carried since the last call, if it has carried anything."""
        now_s = time.monotonic()
        self.seconds, self._since_s = now_s - self._since_s, now_s
        for found in self._ended.read():
            carried = self._difference(found)
            self._last.pop(found.cookie, None)
            if carried is not None:
                yield carried
        for found in self._sockets.list(OPEN):
            carried = self._difference(found)
            if carried is not None:
                yield carried

    def _difference(self, found: TcpSocket) -> Carried | None:
        figures = found.figures
        if figures is None or figures.payload_sent is None or figures.bytes_received is None:
            return None
        now = figures.payload_sent, figures.bytes_received
        before = self._last.pop(found.cookie, (0, 0))
        if len(self._last) >= SOCKETS_MAX:
            self._last.pop(next(iter(self._last)))
        self._last[found.cookie] = now
        # the end of the other side's bytes counts as one received byte
        sent, received = now[0] - before[0], now[1] - before[1]
        return Carried(found.here, found.there, sent, received) if sent > 0 or received > 1 else None
