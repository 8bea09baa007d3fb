"""TCP connections for programs: a context manager that yields connections as they end."""

from __future__ import annotations

import select
import time
from collections import deque
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, TypeAlias

from sockfilter.captures.tcp_selection import TcpSelection
from sockfilter.closing import ClosingIfForgotten
from sockfilter.errors import Closed, KernelUnsupported, MissingCapability
from sockfilter.metrics.connections import ConnectionCounts
from sockfilter.metrics.registry import Registry
from sockfilter.model.tcp_connection import Listener, QueueFull, TcpChange, TcpConnection, TcpDrop, TcpReset
from sockfilter.observers.tcp.ended import EndedConnections
from sockfilter.observers.tcp.following import Asked, Following, Show
from sockfilter.observers.tcp.listeners import Listeners
from sockfilter.sources.narrowing import namespace_name
from sockfilter.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sockfilter.model import Endpoint, Process
    from sockfilter.observers.tcp.half import TcpHalf
    from sockfilter.sources.narrowing import Hosts, Ports

Seen: TypeAlias = "TcpConnection | TcpChange | TcpDrop | TcpReset | Listener | QueueFull"

# seconds between two reads while a connection waits for its other end
SOON_S = 0.02
# Seconds after a read in which records gather. A record that wakes the reader takes five times as long in the kernel.
GATHER_S = 0.02
# records that are read in one turn: some milliseconds of work, after which other threads may have theirs
RECORDS_AT_ONCE = 2048


class Connections(ClosingIfForgotten):
    """The TCP connections of this machine, from its creation on. Created by connections().

    Iterating yields connections as they end, and what else was asked for, and waits for them without end.

    Args:
        selection: which are wanted.
        asked: what is wanted beside them, and of which network namespace.
        needs_rights: whether to raise an error without rights, in place of showing less.

    Attributes:
        listeners: who listens.
        registry: the counts of what is wanted, by name and labels.
        limited: why only the ends of connections are known, if so. Empty: everything is.

    Raises SockfilterError.
    """

    def __init__(self, selection: TcpSelection, asked: Asked, *, needs_rights: bool = False) -> None:
        self._selection = selection
        self._following: Following | None = None
        self._ended: EndedConnections | None = None
        self.limited = ""
        self.registry = Registry()
        self._counts = ConnectionCounts(self.registry)
        self._waiting: deque[Seen] = deque()
        self._wakers: list[int] = []
        with ExitStack() as stack:
            self.listeners = stack.enter_context(Listeners(asked.netns))
            try:
                self._following = stack.enter_context(Following(asked, self.listeners))
                self._note_open(self._following)
                self._source_fd = self._following.fileno()
            except (MissingCapability, KernelUnsupported) as error:
                if needs_rights:
                    raise
                self.limited = str(error)
                self._ended = stack.enter_context(EndedConnections(self.listeners, asked.netns))
                self._source_fd = self._ended.fileno()
            self._turns = Turns("what follows the connections")
            self._stack = stack.pop_all()
        self._wakers.append(self._turns.wake_fd)
        self.is_closed = False

    def __iter__(self) -> Iterator[Seen]:
        while not self.is_closed:
            yield from self._taken()
            self._wait(None)

    def close(self) -> None:
        """Ends it. Connections that are open are not yielded. A thread that waits goes on."""
        self._turns.close(self._end, self._end)

    def _end(self) -> None:
        self.is_closed = True
        self._stack.close()

    def also_wake_for(self, fd: int) -> None:
        """Makes wait() return when a descriptor is readable."""
        self._wakers.append(fd)

    @property
    def has_symbols(self) -> bool:
        """Whether functions of the kernel have names. Without CAP_SYSLOG they are addresses."""
        return self._following is None or self._following.has_symbols

    @property
    def ledger(self) -> dict[str, int]:
        """What was recorded, read and lost."""
        return self._turns.do(self._ledger)

    def read(self) -> Iterator[Seen]:
        """Yields what has happened since the last call, without waiting. Raises Closed."""
        self._check_open()
        return self._taken()

    def rest(self) -> Iterator[Seen]:
        """Yields what has happened, and ended connections of which more might be told. For the end. Raises Closed."""
        self._check_open()
        yield from self._taken()
        yield from self._turns.do(self._hurried)

    def wait(self, timeout_s: float | None = None) -> None:
        """Waits until something may have happened, or for timeout_s seconds. Raises Closed."""
        self._check_open()
        self._wait(timeout_s)

    def _ledger(self) -> dict[str, int]:
        found = self._following.ledger if self._following is not None else {}
        counted = self._ended.counts if self._ended is not None else {}
        turned = {"turned_away": self.listeners.turned_away, "overflows": self.listeners.overflows}
        made = {**found, **counted, **turned}
        self._counts.note_losses(made)
        return made

    def _taken(self) -> Iterator[Seen]:
        """Yields what is there. Several threads may do so: each thing goes to one of them."""
        while self._turns.do(self._has_more):
            while self._waiting:
                with suppress(IndexError):  # another thread was faster
                    yield self._waiting.popleft()

    def _has_more(self) -> bool:
        if not self._waiting and not self.is_closed:
            self._waiting.extend(self._wanted(self._read()))
        return bool(self._waiting)

    def _read(self) -> Iterator[Seen]:
        if self._following is not None:
            yield from self._following.read(RECORDS_AT_ONCE)
        elif self._ended is not None:
            yield from self._ended.read()
        if time.monotonic() >= self.listeners.due_s:
            yield from self.listeners.poll()

    def _hurried(self) -> list[Seen]:
        if self.is_closed:
            return []
        source: Iterable[Seen] = ()
        if self._following is not None:
            source = self._following.rest()
        elif self._ended is not None:
            source = self._ended.read(hurries=True)
        return list(self._wanted(source))

    def _wait(self, timeout_s: float | None) -> None:
        left_s = self.listeners.due_s - time.monotonic()
        self._turns.sleep(self._sleep, max(0.0, left_s if timeout_s is None else min(left_s, timeout_s)))

    def _sleep(self, left_s: float) -> None:
        if self._following is None:
            _poll([*self._wakers, self._source_fd], left_s)
            return
        if _poll(self._wakers, min(left_s, GATHER_S)):
            return
        left_s = max(0.0, left_s - GATHER_S)
        if not self._following.ask_to_be_woken():
            return
        if self._following.lives.has_late:
            left_s = min(left_s, SOON_S)
        _poll([*self._wakers, self._source_fd], left_s)

    def _check_open(self) -> None:
        self._turns.check_process()
        if self.is_closed:
            raise Closed("the connections are closed; open others")

    def _wanted(self, found: Iterable[Seen]) -> Iterator[Seen]:
        for seen in found:
            if self._is_wanted(seen):
                self._counts.count(seen)
                yield seen

    def _is_wanted(self, seen: Seen) -> bool:
        selection = self._selection
        if isinstance(seen, TcpConnection):
            client, server = seen.client, seen.server
            return selection.has_ends(client.endpoint, server.endpoint) and selection.has_process(
                (client.process, server.process), (client.cgroup, server.cgroup)
            )
        if isinstance(seen, (TcpChange, TcpReset)):
            if not selection.has_ends(seen.here, seen.there):
                return False
            return not selection.needs_processes or self.has_process(seen.here, seen.there)
        if isinstance(seen, TcpDrop):
            if not selection.has_ends(seen.sender, seen.receiver):
                return False
            return not selection.needs_processes or self.has_process(seen.sender, seen.receiver)
        listener = seen.listener if isinstance(seen, QueueFull) else seen
        return selection.has_ends(listener.here) and selection.has_process(listener.processes)

    def has_process(self, here: Endpoint, there: Endpoint) -> bool:
        """Returns whether a process at one end of an open connection is wanted."""
        halves = self._halves(here, there)
        return self._selection.has_process(
            [half.process or half.closer for half in halves], [half.cgroup for half in halves]
        )

    def process_at(self, here: Endpoint, there: Endpoint) -> Process | None:
        """Returns the process at an end of a connection that is open, or has just ended."""
        if self._following is None:
            return None
        return self._following.lives.process_at(here, there)

    def _halves(self, here: Endpoint, there: Endpoint) -> list[TcpHalf]:
        if self._following is None:
            return []
        lives = self._following.lives
        found = (lives.half_of(here, there, 0), lives.half_of(there, here, 0))
        return [half for half in found if half is not None]

    def _note_open(self, following: Following) -> None:
        """Notes who holds connections that are open at the start."""
        following.note_open(self.listeners.at_start)


def _poll(fds: list[int], timeout_s: float) -> bool:
    """Returns whether a descriptor is readable within a time."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def connections(
    ports: Ports | None = None,
    host: Hosts | None = None,
    *,
    pid: int | Sequence[int] | None = None,
    comm: str | Sequence[str] | None = None,
    cgroup: str | None = None,
    netns: str | int | None = None,
    states: bool = False,
    drops: bool = False,
    resets: bool = False,
    queued: bool = False,
) -> Connections:
    """Follows the TCP connections of this machine. It has begun when it returns.

    Args:
        ports: connections with one of these at either end: a number, a text such as "8000,9000-9100", a range, or
            several of these. None: any port.
        host: connections with this address or network at either end, or with one of several. None: any host.
        pid, comm: connections of these processes, by number or by name. None: of all.
        cgroup: connections of this control group, or of a container by its id. None: of all.
        netns: a network namespace by name, or by the number of a process in it. None: all.
        states: also yield each change of a state.
        drops: also yield each segment that the kernel drops.
        resets: also yield each reset that is sent or received.
        queued: measure how long the first bytes lay in each socket.

    Raises:
        InvalidArgument: an argument is invalid.
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF, or lacks a tracepoint.
    """
    selection = TcpSelection(ports, host, pid, comm, cgroup)
    show = Show.QUEUED if queued else Show(0)
    for is_asked, kind in ((states, Show.STATES), (drops, Show.DROPS), (resets, Show.RESETS)):
        if is_asked:
            show |= kind
    return Connections(selection, Asked(show, namespace_name(netns), ports_of(selection)), needs_rights=True)


def ports_of(selection: TcpSelection) -> list[int] | None:
    """Returns the ports that the kernel is to compare with. None: all."""
    if selection.ports is None:
        return None
    return [port for low, high in selection.ports for port in range(low, high + 1)]
