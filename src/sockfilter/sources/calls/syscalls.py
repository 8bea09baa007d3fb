"""System calls: what processes say on their TCP sockets, and hear, before any wire."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import InvalidArgument, KernelUnsupported
from sockfilter.libbpf import binding, tracing
from sockfilter.libbpf.counters import Counters, Sum
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.libbpf.ring import ring_bytes
from sockfilter.model import Endpoint
from sockfilter.model.hearing import Hearing
from sockfilter.sources.calls import cgroups
from sockfilter.sources.narrowing import KernelFilter
from sockfilter.sources.records import ALL_BYTES, RING_BYTES, RecordSource, outcomes
from sockfilter.system.members import Members

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OBJECT = f"{OBJECTS}/syscalls.bpf.o"
# those that follow processes first: what is forked from then on is known
PROGRAMS = ("calls_fork", "calls_gone", "calls_destroy", "calls_state", "calls_exit")
# what takes the place of an interface's name
NAME = "syscalls"
# in place of an address
UNIX = "unix"
# seconds that a call may take to come back once what it did can be seen: its thread may wait for a processor
RETURN_S = 0.02
RETURN_LOOK_S = 0.0005


class Callers(NamedTuple):
    """Whose calls are wanted; where nothing is said, everybody's.

    Attributes:
        processes: these and what they start, by their numbers; None: all.
        comms: those of commands, by their names as the kernel has them: 15 bytes at most; empty: of all.
        cgroup: those in a cgroup or below it: its path, or a container's id.
        unix_too: on Unix stream sockets too.
    """

    processes: tuple[int, ...] | None = None
    comms: tuple[str, ...] = ()
    cgroup: str | None = None
    unix_too: bool = False


class Calls:
    """The programs that see calls.

    Args:
        config: struct sf_config.
        ports: the map of ports; empty: none is needed.
        ring: bytes of the ring.
        callers: whose calls.
        meanwhile: is called while the kernel verifies the programs, and before the first call is seen.

    Raises:
        SockfilterError: one of its kinds, for each thing that can be in the way.
    """

    def __init__(
        self, config: Any, ports: bytes, ring: int, callers: Callers, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        self._ffi, self._lib = binding.load()
        self._counters: list[int] | None = None
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            self._object.set_max_entries("ring", ring)
            self._object.configure(bytes(self._ffi.buffer(config)))
            members = Members(self._object)
            config_of_calls = self._config(callers, members.are_renumbered)
            self._object.configure(bytes(self._ffi.buffer(config_of_calls)), ".rodata.calls")
            kept = Counters(self._object, self._lib.SF_CALL_COUNTERS, (outcomes(), self._outcomes_of_calls()))
            self._object.begin_to_load()
            meanwhile()
            tracing.load(self._object, "capturing system calls")
            self._kept = stack.enter_context(kept.open())
            if ports:
                self._object.fill("ports", ports)
            self.ring_fd, self.shared_fd, self.skips_fd = (
                self._object.map_fd(name) for name in ("ring", ".bss", "skips")
            )
            self._links = stack.enter_context(ExitStack())
            tracing.attach(self._object, PROGRAMS, self._links)
            if callers.processes is not None:
                members.add(callers.processes)
            self._stack = stack.pop_all()

    def check(self) -> None:
        """Nothing takes it away but this process."""

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter and enum sf_call_counter."""
        if self._counters is not None:
            return self._counters
        return self._kept.read()

    def rebind(self, position: int, interface: Any) -> None:
        """There is no interface."""

    def detach(self) -> None:
        """Takes the programs off; their maps stay."""
        if self._counters is not None:
            return
        self._links.close()
        self._lib.sf_let_programs_end()
        self._counters = self.counters()

    def close(self) -> None:
        """Gives everything back to the kernel; counters() goes on to answer."""
        self.detach()
        self._stack.close()

    def unix_ends(self, stream: int) -> tuple[Endpoint, Endpoint]:
        """Both ends of a connection of Unix sockets: what the server's is bound to is its name."""
        found = self._ffi.new("struct sf_unix_name *")
        ends = [Endpoint(UNIX, 0), Endpoint(UNIX, 0)]
        if not self._lib.bpf_map_lookup_elem(
            self._object.map_fd("unix_names"), self._ffi.new("__u64 *", stream), found
        ):
            ends[found.end & 1] = Endpoint(unix_name(bytes(self._ffi.buffer(found.path))[: found.len]), 0)
        return ends[0], ends[1]

    def _outcomes_of_calls(self) -> Sum:
        return Sum(self._lib.SF_CALLS_SEEN, self._lib.SF_CALLS_SEEN + 1, self._lib.SF_CALLS_HTTP)

    def _config(self, callers: Callers, are_renumbered: bool) -> Any:
        config = self._ffi.new("struct sf_calls_config *")
        config.unix_too = callers.unix_too
        if callers.processes is not None:
            config.by_tree, config.is_named = True, are_renumbered
        config.by_comm = len(callers.comms)
        for number, name in enumerate(callers.comms):
            config.comms[number] = _comm(name)
        if callers.cgroup is not None:
            config.cgroup, config.cgroup_level = cgroups.number_and_level(callers.cgroup)
        return config


class SyscallSource(RecordSource):
    """What crosses system calls, from the moment it is made until it is closed.

    Args:
        callers: whose calls.
        kernel_filter: what the kernel leaves out.
        ring: bytes of the ring, made a power of two.
        run_bytes: payload of one direction in a row that is sent even when the ring fills; None: all.
        meanwhile: is called while the kernel verifies the programs, and before the first call is seen.

    Raises:
        SockfilterError: one of its kinds, for each thing that can be in the way.
    """

    def __init__(
        self,
        callers: Callers,
        *,
        kernel_filter: KernelFilter | None = None,
        ring: int = RING_BYTES,
        run_bytes: int | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        ffi, _ = binding.load()
        size = ring_bytes(ring)
        config = ffi.new("struct sf_config *")
        kernel_filter = kernel_filter or KernelFilter()
        ports = kernel_filter.configure(config)
        config.frame_bytes = ALL_BYTES
        config.run_bytes = ALL_BYTES if run_bytes is None else min(run_bytes, ALL_BYTES)
        config.pressure_bytes = size // 2
        calls = Calls(config, ports, size, callers, meanwhile)
        super().__init__(calls, size, kernel_filter)
        self.hearing = Hearing(both_ends=True, local_ends=calls.unix_ends)

    @property
    def name(self) -> str:
        """What a greeting says."""
        return "system calls"

    def interface_name(self, index: int) -> str:
        """The same for all: the record has the number of a network namespace there."""
        return NAME

    def settle(self, drain: Callable[[], int], is_pending: Callable[[], bool]) -> None:
        """Waits, a little, for calls whose work is done and whose threads have not come back from the kernel."""
        end = time.monotonic() + RETURN_S
        while is_pending() and time.monotonic() < end:
            time.sleep(RETURN_LOOK_S)
            drain()


def unix_name(path: bytes) -> str:
    """What a Unix socket is bound to, as ss(8) writes it: an abstract name (unix(7)) begins with @."""
    is_abstract = path.startswith(b"\0")
    text = (path[1:] if is_abstract else path.partition(b"\0")[0]).decode(errors="surrogateescape")
    return f"{UNIX}:{'@' if is_abstract else ''}{text}"


def _comm(name: str) -> bytes:
    made = name.encode(errors="surrogateescape")
    _, lib = binding.load()
    if not made or len(made) >= lib.SF_COMM_BYTES:
        raise InvalidArgument(
            f"{name!r} is not a process name: names have 1 to {lib.SF_COMM_BYTES - 1} bytes; ps -eo comm lists them"
        )
    return made


def _comms(comm: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names asked for, each once. Raises InvalidArgument."""
    if comm is None:
        return ()
    found = tuple(dict.fromkeys([comm] if isinstance(comm, str) else comm))
    _, lib = binding.load()
    if not 0 < len(found) <= lib.SF_COMMS or not all(isinstance(name, str) for name in found):
        raise InvalidArgument(f"comm={comm!r}: it must be one name, or a list of 1 to {lib.SF_COMMS} names")
    return found


def callers(
    pid: int | Sequence[int] | None, comm: str | Sequence[str] | None, cgroup: str | None, unix: bool | None = None
) -> Callers:
    """What is asked for as Callers. Raises InvalidArgument."""
    processes = None if pid is None else tuple([pid] if isinstance(pid, int) else pid)
    if processes is not None and (not processes or min(processes) < 1):
        raise InvalidArgument(f"pid={pid!r}: process numbers start at 1")
    for number in processes or ():
        if not os.path.exists("/proc/self"):
            raise KernelUnsupported("looking for a process: there is no /proc; mount procfs: mount -t proc proc /proc")
        if not os.path.exists(f"/proc/{number}"):
            raise InvalidArgument(f"there is no process {number}")
    return Callers(processes, _comms(comm), cgroup, bool(unix))
