"""Which TCP connections are wanted: by ports, hosts, processes and control groups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.sources.narrowing import host_and_mask, host_list, port_ranges, process_names, process_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sockfilter.model import Endpoint, Process
    from sockfilter.sources.narrowing import Hosts, Ports

# seconds between two looks at the control groups below the wanted one: a new one may have been made
GROUPS_S = 1.0


class TcpSelection:
    """What is wanted. None: any.

    Args:
        ports: ports of either end, as for port_ranges().
        host: addresses or networks of either end.
        pid: numbers of the processes at either end.
        comm: names of the processes at either end.
        cgroup: a control group, or a container: processes at either end are in it or below it.

    Raises InvalidArgument, and KernelUnsupported if cgroup is given and cgroup v2 is not mounted.
    """

    def __init__(
        self,
        ports: Ports | None = None,
        host: Hosts | None = None,
        pid: int | Sequence[int] | None = None,
        comm: str | Sequence[str] | None = None,
        cgroup: str | None = None,
    ) -> None:
        self.ports = None if ports is None else port_ranges(ports)
        if self.ports == []:
            raise InvalidArgument("ports is empty, so nothing would be shown; None means all ports")
        self._hosts = [
            (int.from_bytes(address, "big"), int.from_bytes(mask, "big"))
            for address, mask in map(host_and_mask, host_list(host))
        ]
        self._pids = None if pid is None else set(process_numbers(pid))
        self._comms = None if comm is None else set(process_names(comm))
        self._cgroup = cgroup
        self._groups: set[int] | None = None
        self._due_s = 0.0
        if cgroup is not None:
            self._look_at_groups()

    @property
    def needs_processes(self) -> bool:
        """Whether it asks for something that only a process has."""
        return self._pids is not None or self._comms is not None or self._cgroup is not None

    def has_ends(self, *ends: Endpoint) -> bool:
        """Returns whether ports and hosts are wanted."""
        if self.ports is not None and not any(low <= end.port <= high for end in ends for low, high in self.ports):
            return False
        return not self._hosts or any(self._has_host(end.ip) for end in ends)

    def has_process(self, processes: Iterable[Process | None], groups: Iterable[int] = ()) -> bool:
        """Returns whether one of the processes is wanted. groups: the numbers of their control groups."""
        if self._pids is None and self._comms is None and self._cgroup is None:
            return True
        known = [process for process in processes if process is not None]
        if self._pids is not None and not any(process.pid in self._pids for process in known):
            return False
        if self._comms is not None and not any(process.comm in self._comms for process in known):
            return False
        return self._cgroup is None or any(self._has_group(number) for number in groups)

    def _has_host(self, ip: str) -> bool:
        number = int.from_bytes(host_and_mask(ip.partition("%")[0])[0], "big")
        return any(number & mask == address & mask for address, mask in self._hosts)

    def _has_group(self, number: int) -> bool:
        if not number:
            return False
        if self._groups is not None and number not in self._groups and time.monotonic() >= self._due_s:
            self._look_at_groups()
        return self._groups is not None and number in self._groups

    def _look_at_groups(self) -> None:
        from sockfilter.sources.calls.cgroups import numbers_below

        assert self._cgroup is not None  # the callers know
        self._groups = numbers_below(self._cgroup)
        self._due_s = time.monotonic() + GROUPS_S
