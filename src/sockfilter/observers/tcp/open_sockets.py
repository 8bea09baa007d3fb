"""What is open now: connections with both ends where both are on this machine, and listeners, by sock_diag."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from sockfilter.model.tcp_connection import Listener, OpenConnection, TcpConnection, TcpPeer
from sockfilter.model.tcp_state import TcpState
from sockfilter.observers.processes import process_files
from sockfilter.system import inet_diag, namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Endpoint, Process
    from sockfilter.system.inet_diag import TcpSocket

# states of sockets that a process holds or held; the others are remains that the kernel keeps
OPEN = frozenset(TcpState) - {TcpState.LISTEN, TcpState.TIME_WAIT, TcpState.CLOSE, TcpState.BOUND_INACTIVE}
# processes that a listener names
HOLDERS_MAX = 64
ANY_ADDRESS = {"0.0.0.0", "::"}


class OpenSockets:
    """The TCP sockets of this thread's network namespace at one moment.

    Args:
        names: whether to find the processes that hold them, which reads all of /proc.

    Raises KernelUnsupported.
    """

    def __init__(self, *, names: bool = True) -> None:
        self.time_ns = time.time_ns()
        self.netns = namespace.number()
        with inet_diag.Sockets() as sockets:
            self.sockets = list(sockets.list(OPEN | {TcpState.LISTEN}))
        self._processes: dict[int, Process | None] = {}
        inodes = {str(found.inode) for found in self.sockets if found.inode} if names else set()
        self._holders = process_files.holders(inodes) if inodes else {}
        self._listening: dict[int, set[str]] = {}
        for found in self.sockets:
            if found.state is TcpState.LISTEN:
                self._listening.setdefault(found.here.port, set()).add(found.here.ip)

    def is_server(self, here: Endpoint) -> bool:
        """Whether somebody listens at this end's port."""
        found = self._listening.get(here.port, set())
        return here.ip in found or not ANY_ADDRESS.isdisjoint(found)

    def processes_of(self, found: TcpSocket) -> tuple[Process, ...]:
        """Returns the processes that hold a socket."""
        named = (self._process(pid) for pid in sorted(self._holders.get(str(found.inode), ()))[:HOLDERS_MAX])
        return tuple(process for process in named if process is not None)

    def listeners(self) -> Iterator[Listener]:
        """Yields the listeners, ordered by port."""
        return (listener for _, listener in self.listeners_by_cookie())

    def listeners_by_cookie(self) -> Iterator[tuple[int, Listener]]:
        """Yields the listeners, ordered by port, each after what identifies its socket."""
        found = (one for one in self.sockets if one.state is TcpState.LISTEN)
        for one in sorted(found, key=lambda one: (one.here.port, one.here.ip)):
            queue = one.receive_queue, one.send_queue
            who = self.processes_of(one)
            yield one.cookie, Listener(one.here, who, None, *queue, one.dropped, self.netns, self._started(one))

    def connections(self) -> Iterator[OpenConnection]:
        """Yields the open connections, each once."""
        others = {(one.here, one.there): one for one in self.sockets if one.state is not TcpState.LISTEN}
        done: set[tuple[Endpoint, Endpoint]] = set()
        number = 0
        for ends, one in others.items():
            if ends in done:
                continue
            partner = others.get((one.there, one.here)) if one.here != one.there else None
            done |= {ends, ends[::-1]}
            number += 1
            yield self._connection(number, one, partner)

    def _connection(self, number: int, one: TcpSocket, partner: TcpSocket | None) -> OpenConnection:
        is_server = one.state is not TcpState.SYN_SENT and self.is_server(one.here)
        is_known = is_server or one.state is TcpState.SYN_SENT or partner is None or self.is_server(partner.here)
        client, server = (partner, one) if is_server else (one, partner)
        ends = (one.there, one.here) if is_server else (one.here, one.there)
        peers = [self._peer(end, socket, self.netns) for end, socket in zip(ends, (client, server), strict=True)]
        idle = [each.figures.idle_ms for each in (client, server) if each is not None and each.figures is not None]
        made = TcpConnection(number, peers[0], peers[1], is_known)
        return OpenConnection(
            made,
            tuple(None if each is None else each.receive_queue for each in (client, server)),
            tuple(None if each is None else each.send_queue for each in (client, server)),
            min((each for each in idle if each is not None), default=None),
        )

    def _peer(self, end: Endpoint, found: TcpSocket | None, netns: int) -> TcpPeer:
        if found is None:
            return TcpPeer(end)
        holders = self.processes_of(found)
        sent = found.figures.payload_sent if found.figures is not None else None
        # of several holders nobody knows which one uses it
        return TcpPeer(end, holders[0] if len(holders) == 1 else None, sent, found.figures, found.state, netns)

    def _started(self, found: TcpSocket) -> int | None:
        """Returns when the oldest process that holds a socket started, in nanoseconds since 1970."""
        pids = self._holders.get(str(found.inode), ())
        starts = [start for start in map(process_files.start_of, sorted(pids)[:HOLDERS_MAX]) if start is not None]
        if not starts:
            return None
        booted_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return booted_ns + min(starts) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def _process(self, pid: int) -> Process | None:
        if pid not in self._processes:
            read = process_files.read(pid)
            self._processes[pid] = read.process if read is not None else None
        return self._processes[pid]
