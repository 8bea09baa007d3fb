"""Which processes serve the ports that openings were refused to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sockfilter.observers.processes import process_files
from sockfilter.system import sockets
from sockfilter.system.namespace import entered

if TYPE_CHECKING:
    from sockfilter.model.process import Process

# seconds between two looks at all sockets and all processes, which take some 20 ms
LOOK_S = 2.0
# state of a UDP socket that is not connected, as /proc/net/udp writes it (include/net/tcp_states.h, TCP_CLOSE)
UNCONNECTED = "07"
STATES = {"tcp": sockets.LISTEN, "udp": UNCONNECTED}


class ListeningProcesses:
    """The processes that listen on ports of a network namespace.

    Args:
        netns: the namespace, as for system.namespace.entered().
    """

    def __init__(self, netns: str | None) -> None:
        self._netns = netns
        self._looked_s: dict[str, float] = {}
        self._found: dict[tuple[str, int], Process | None] = {}

    def of(self, protocol: str, port: int) -> Process | None:
        """Returns a process that serves a port of "tcp" or "udp". None: there is none, or it may not be looked at."""
        if (protocol, port) not in self._found and time.monotonic() - self._looked_s.get(protocol, 0) >= LOOK_S:
            self._look(protocol)
        return self._found.get((protocol, port))

    def _look(self, protocol: str) -> None:
        with entered(self._netns):
            ports = {found.inode: found.here.port for found in sockets.table(protocol, STATES[protocol])}
        holders = process_files.holders(set(ports))
        self._found = {key: process for key, process in self._found.items() if key[0] != protocol}
        for inode, pids in holders.items():
            # a server that has forked shares its socket: its first process is the one that opened it
            read = process_files.read(min(pids))
            if read is not None:
                self._found[protocol, ports[inode]] = read.process
        self._looked_s[protocol] = time.monotonic()
