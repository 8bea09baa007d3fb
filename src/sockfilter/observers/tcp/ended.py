"""Connections as they end, by sock_diag alone: what can be known without rights."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.model.tcp_connection import How, TcpConnection, TcpEnding, TcpPeer
from sockfilter.model.tcp_state import TcpState
from sockfilter.system import namespace
from sockfilter.system.inet_diag import EndedSockets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Endpoint, Process
    from sockfilter.observers.tcp.listeners import Listeners
    from sockfilter.system.inet_diag import TcpSocket

# seconds for which an ended socket waits for the other end's, which closes later
PARTNER_S = 1.0
# ended sockets that wait: of as many connections that end in a second
WAITING_MAX = 16384
NOT_KNOWN = TcpEnding(How.NOT_KNOWN)


class EndedConnections(Closing):
    """Connections of one network namespace, as their sockets end.

    Args:
        listeners: tells which ends are servers.
        netns: the namespace, as for namespace.entered(). None: this thread's.

    Attributes:
        counts: ends: sockets that ended; joined: connections of which both sockets are here; connections: those
            yielded; lost: how often the kernel had no room for some.

    Raises KernelUnsupported and NamespaceError.
    """

    def __init__(self, listeners: Listeners, netns: str | None = None) -> None:
        self._listeners = listeners
        with namespace.entered(netns), ExitStack() as stack:
            self._ended = stack.enter_context(EndedSockets())
            self._stack = stack.pop_all()
        self._waiting: dict[tuple[Endpoint, Endpoint], tuple[float, int, TcpSocket]] = {}
        start = listeners.at_start
        self._holders: dict[int, Process] = {}
        for found in start.sockets:
            holders = start.processes_of(found)
            if found.state is TcpState.ESTABLISHED and len(holders) == 1:
                self._holders[found.cookie] = holders[0]
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        """Stops listening."""
        self._stack.close()

    def fileno(self) -> int:
        """Returns a descriptor that is readable when a socket has ended."""
        return self._ended.fileno()

    @property
    def has_waiting(self) -> bool:
        """Whether read() is to be called again soon."""
        return bool(self._waiting)

    def read(self, *, hurries: bool = False) -> Iterator[TcpConnection]:
        """Yields the connections that have ended. hurries: do not wait for the other ends of those that have one."""
        now_s, now_ns = time.monotonic(), time.time_ns()
        for found in self._ended.read():
            if not found.there.port:  # a listener, or a socket that was reset by its process and has no peer any more
                continue
            self.counts["ends"] += 1
            partner = self._waiting.pop((found.there, found.here), None)
            if partner is not None:
                self.counts["joined"] += 1
                yield self._made(found, partner[2], now_ns)
            else:
                self._waiting[found.here, found.there] = now_s, now_ns, found
        self.counts["lost"] = self._ended.lost
        for ends, (since_s, ended_ns, found) in list(self._waiting.items()):
            if since_s + PARTNER_S > now_s and len(self._waiting) <= WAITING_MAX and not hurries:
                break
            del self._waiting[ends]
            yield self._made(found, None, ended_ns)

    def _made(self, one: TcpSocket, partner: TcpSocket | None, ended_ns: int) -> TcpConnection:
        self.counts["connections"] += 1
        is_server = self._is_server(one)
        is_known = is_server or partner is None or self._is_server(partner)
        client, server = (partner, one) if is_server else (one, partner)
        ends = (one.there, one.here) if is_server else (one.here, one.there)
        peers = [self._peer(end, found, found is server) for end, found in zip(ends, (client, server), strict=True)]
        number = self.counts["connections"]
        return TcpConnection(number, peers[0], peers[1], is_known, None, ended_ns, None, NOT_KNOWN)

    def _is_server(self, found: TcpSocket) -> bool:
        return self._listeners.is_server(found.here)

    def _peer(self, end: Endpoint, found: TcpSocket | None, is_server: bool) -> TcpPeer:
        if found is None:
            return TcpPeer(end)
        process = self._holders.pop(found.cookie, None)
        if process is None and is_server:
            process = self._listeners.holder(end, self._listeners.netns)
        sent = None if found.figures is None else found.figures.payload_sent
        return TcpPeer(end, process, sent, found.figures, None, self._listeners.netns)
