"""Watches listening sockets: which there are, and whose queues are full.

The kernel has no event for a connection that it turns away because the accept queue is full. So listeners are polled.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.model.tcp_connection import Listener, QueueFull
from sockfilter.model.tcp_state import TcpState
from sockfilter.observers.tcp.open_sockets import OpenSockets
from sockfilter.system import inet_diag, namespace
from sockfilter.system.netstat import Netstat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Endpoint, Process

# seconds between two looks: a client waits that long for its second SYN, so that a full queue is seen twice
POLL_S = 1.0
# listeners that are watched: a machine with more of them is not known; the others are counted
LISTENERS_MAX = 16384
OVERFLOWS = "TcpExtListenOverflows"


class Listeners(Closing):
    """The listeners of a network namespace, from construction on.

    Args:
        netns: the namespace, as for namespace.entered(). None: this thread's.

    Attributes:
        netns: the inode number of the namespace.
        turned_away: how many times a queue was full, by the listeners' own counts.
        overflows: the same by the count of the whole namespace (ListenOverflows).
        unwatched: listeners for which there was no room at the last look.

    Raises KernelUnsupported and NamespaceError.
    """

    def __init__(self, netns: str | None = None) -> None:
        with namespace.entered(netns), ExitStack() as stack:
            self._sockets = stack.enter_context(inet_diag.Sockets())
            self._netstat = stack.enter_context(Netstat())
            found = OpenSockets()
            self._stack = stack.pop_all()
        self.netns = found.netns
        self.at_start = found
        self._listeners = dict(islice(found.listeners_by_cookie(), LISTENERS_MAX))
        self._full: set[int] = set()
        self._processes: dict[Endpoint, Process] = {}
        self._overflows = self._netstat.read().get(OVERFLOWS, 0)
        self.turned_away = self.overflows = self.unwatched = 0
        self.due_s = time.monotonic() + POLL_S

    def close(self) -> None:
        """Stops watching."""
        self._stack.close()

    def list(self) -> list[Listener]:
        """Returns the listeners of the last look, ordered by port."""
        return sorted(self._listeners.values(), key=lambda one: (one.here.port, one.here.ip))

    def note(self, here: Endpoint, process: Process, netns: int) -> None:
        """Notes who has begun to listen, as an event of the kernel tells."""
        if netns == self.netns and len(self._processes) < LISTENERS_MAX:
            self._processes[here] = process

    def holder(self, here: Endpoint, netns: int) -> Process | None:
        """Returns the process that listens at an end, if it is one."""
        if netns != self.netns:
            return None
        for ip in (here.ip, "0.0.0.0", "::"):
            noted = self._processes.get(here._replace(ip=ip))
            if noted is not None:
                return noted
        found = [one for one in self._listeners.values() if one.here.port == here.port]
        exact = [one for one in found if one.here.ip == here.ip] or found
        processes = {process for one in exact for process in one.processes}
        return processes.pop() if len(processes) == 1 else None

    def is_server(self, here: Endpoint) -> bool:
        """Whether somebody listens at this end, or did at the last look."""
        places = {here.ip, "0.0.0.0", "::"}
        return any(one.here.port == here.port and one.here.ip in places for one in self._listeners.values())

    def poll(self) -> Iterator[Listener | QueueFull]:
        """Looks again. Yields listeners that are new, and those whose queues are full."""
        self.due_s = time.monotonic() + POLL_S
        now_ns = time.time_ns()
        seen: dict[int, Listener] = {}
        self.unwatched = 0
        for one in self._sockets.list({TcpState.LISTEN}):
            if len(seen) >= LISTENERS_MAX:
                self.unwatched += 1
                continue
            before = self._listeners.get(one.cookie)
            if before is None:
                noted = self._processes.get(one.here)
                before = Listener(one.here, () if noted is None else (noted,), now_ns, 0, 0, one.dropped, self.netns)
                now = seen[one.cookie] = before._replace(waiting=one.receive_queue, most=one.send_queue)
                yield now
            else:
                now = seen[one.cookie] = before._replace(
                    waiting=one.receive_queue, most=one.send_queue, dropped=one.dropped
                )
            turned_away = one.dropped - before.dropped
            if turned_away > 0 or (now.is_full and one.cookie not in self._full):
                self.turned_away += turned_away
                yield QueueFull(now_ns, now, turned_away)
            (self._full.add if now.is_full else self._full.discard)(one.cookie)
        self._listeners = seen
        self._full &= set(seen)
        overflows = self._netstat.read().get(OVERFLOWS, 0)
        self.overflows += max(0, overflows - self._overflows)
        self._overflows = overflows
