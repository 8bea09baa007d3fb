"""Captures system calls: the bytes that processes send and receive on their sockets."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import InvalidArgument
from sockfilter.libbpf import binding, tracing
from sockfilter.libbpf.counters import Counters, Sum
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.libbpf.ring import ring_bytes
from sockfilter.model import Endpoint
from sockfilter.model.hearing import Hearing
from sockfilter.sources.calls import cgroups
from sockfilter.sources.narrowing import KernelFilter, process_names, process_numbers
from sockfilter.sources.records import ALL_BYTES, RING_BYTES, RecordSource, outcomes
from sockfilter.system import sockmaps
from sockfilter.system.members import Members

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OBJECT = f"{OBJECTS}/syscalls.bpf.o"
# the programs that follow processes come first, so that no fork is missed
PROGRAMS = ("calls_fork", "calls_gone", "calls_destroy", "calls_state", "calls_exit")
# used in place of an interface's name
NAME = "syscalls"
# used in place of an address
UNIX = "unix"
# seconds to wait for a call to return after its effect is visible: its thread may have to wait for a CPU
RETURN_S = 0.02
RETURN_LOOK_S = 0.0005


class Callers(NamedTuple):
    """Selects whose calls are captured. Without arguments: those of all processes.

    Attributes:
        processes: PIDs of processes, which are followed with their descendants; None means all processes.
        comms: process names as the kernel stores them, at most 15 bytes each; empty means all names.
        cgroup: a cgroup's path, or a container's id; descendant cgroups are included.
        unix_too: capture Unix stream sockets too.
    """

    processes: tuple[int, ...] | None = None
    comms: tuple[str, ...] = ()
    cgroup: str | None = None
    unix_too: bool = False


class Calls:
    """The programs that record system calls.

    Args:
        config: struct sf_config.
        ports: the map of ports; empty means all ports.
        ring: bytes of the ring.
        callers: selects whose calls are captured.
        meanwhile: called while the kernel verifies the programs, and before the first call is seen.

    Raises:
        SockfilterError: a subclass for each cause.
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
            if sockmaps.exist():
                self._object.configure(b"\1", ".data.sockmaps")
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
        """Does nothing: only this process can detach the programs."""

    def counters(self) -> list[int]:
        """Returns the programs' counters, in the order of enum sf_counter and enum sf_call_counter."""
        if self._counters is not None:
            return self._counters
        return self._kept.read()

    def rebind(self, position: int, interface: Any) -> None:
        """Does nothing: there is no interface."""

    def detach(self) -> None:
        """Detaches the programs. Their maps stay open."""
        if self._counters is not None:
            return
        self._links.close()
        self._lib.sf_let_programs_end()
        self._counters = self.counters()

    def close(self) -> None:
        """Frees everything in the kernel. counters() still works."""
        self.detach()
        self._stack.close()

    def unix_ends(self, stream: int) -> tuple[Endpoint, Endpoint]:
        """Returns both ends of a Unix socket connection. The server's end has the name that it is bound to."""
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
            config.comms[number] = name.encode(errors="surrogateescape")
        if callers.cgroup is not None:
            config.cgroup, config.cgroup_level = cgroups.number_and_level(callers.cgroup)
        return config


class SyscallSource(RecordSource):
    """The records of system calls, from construction until close().

    Args:
        callers: selects whose calls are captured.
        kernel_filter: the filter that runs in the kernel.
        ring: bytes of the ring, rounded up to a power of two.
        run_bytes: consecutive payload bytes of one direction that are sent even if the ring fills; None means all.
        meanwhile: called while the kernel verifies the programs, and before the first call is seen.

    Raises:
        SockfilterError: a subclass for each cause.
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
        """What the source captures, for messages."""
        return "system calls"

    def interface_name(self, index: int) -> str:
        """Returns the same name for all: the record's index is the number of a network namespace."""
        return NAME

    def settle(self, drain: Callable[[], int], is_pending: Callable[[], bool]) -> None:
        """Waits briefly for calls that have done their work but have not returned from the kernel."""
        end = time.monotonic() + RETURN_S
        while is_pending() and time.monotonic() < end:
            time.sleep(RETURN_LOOK_S)
            drain()


def unix_name(path: bytes) -> str:
    """Returns the name that a Unix socket is bound to as ss(8) writes it, with @ for an abstract name (unix(7))."""
    is_abstract = path.startswith(b"\0")
    text = (path[1:] if is_abstract else path.partition(b"\0")[0]).decode(errors="surrogateescape")
    return f"{UNIX}:{'@' if is_abstract else ''}{text}"


def _comms(comm: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the requested names without duplicates. Raises InvalidArgument."""
    if comm is None:
        return ()
    found = process_names(comm)
    _, lib = binding.load()
    if len(found) > lib.SF_COMMS:
        raise InvalidArgument(f"comm={comm!r}: at most {lib.SF_COMMS} names are possible")
    return found


def callers(
    pid: int | Sequence[int] | None, comm: str | Sequence[str] | None, cgroup: str | None, unix: bool | None = None
) -> Callers:
    """Returns the checked arguments as Callers. Raises InvalidArgument."""
    processes = None if pid is None else process_numbers(pid)
    return Callers(processes, _comms(comm), cgroup, bool(unix))
