"""Finds the process at each end of a connection."""

from __future__ import annotations

import mmap
import os
import socket
import time
from collections import Counter
from contextlib import ExitStack
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import MissingCapability, ObjectError, refused
from sockfilter.libbpf import binding, tracing
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.model.problem import Problem
from sockfilter.model.process import LOOKS_MAX, ConnectionProcesses, Process
from sockfilter.observers.interface import ObservedCapture
from sockfilter.observers.processes import process_files
from sockfilter.observers.processes.containers import container_of
from sockfilter.system import namespace, rights, sock_diag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.model import Connection, Endpoint, Exchange

OBJECT = f"{OBJECTS}/processes.bpf.o"
PROGRAMS = ("processes_connect", "processes_established", "processes_receive")
# struct sf_end, struct sf_owner and struct sf_life of bpf/processes.h; a test compares the layouts
END = Struct("=16s16sHHI")
OWNER = Struct("=QIIQIIQIIQII")
LIFE = Struct("=QII")
# processes in the cache, as many as in the BPF program's map
PROCESSES_MAX = 4096
# connections whose processes are looked up in /proc at the start
OPEN_MAX = 65536
# used in place of a namespace: any namespace except the captured one
ELSEWHERE = 0
# after such a problem the connection may still be open, so another process may have received it after the last packet
OPEN_STILL = {Problem.CAPTURE_ENDED, Problem.IDLE, Problem.EVICTED}
ANYWHERE = ObservedCapture()


class Holder(NamedTuple):
    """The process that holds an end, as the BPF program recorded it.

    Attributes:
        start_ns: the start time of the process, in nanoseconds since boot.
        tgid: its PID; 0 if no process holds the end.
        execs: the number of its execs so far.
        noted_ns: the time of the record, in nanoseconds of CLOCK_MONOTONIC.
        netns: the inode number of the end's network namespace.
    """

    start_ns: int
    tgid: int
    execs: int
    noted_ns: int
    netns: int
    reserved: int


class Found(NamedTuple):
    """The process at an end, the ledger's name for the result, and whether the end changed hands afterwards."""

    process: Process | None
    reason: str
    changes: bool


class Processes(Closing):
    """The processes at the ends of TCP connections, from construction on.

    Args:
        place: the capture to observe.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF, or refuses raw tracepoints.
        ObjectError: the object is missing or damaged.
    """

    def __init__(self, place: ObservedCapture = ANYWHERE) -> None:
        netns, is_wanted, is_everywhere, meanwhile = place[:4]
        lacks = rights.missing_for_processes()
        if lacks:
            raise MissingCapability(
                f"naming processes: {' and '.join(lacks)} missing; it requires CAP_BPF and CAP_PERFMON, or sudo"
            )
        self._ffi, self._lib = binding.load()
        self._cache: dict[tuple[int, int, int], Process | None] = {}
        self._open: dict[tuple[Endpoint, Endpoint], Process] = {}
        self._open_ns = 0
        self._is_everywhere = is_everywhere
        self._counts: Counter[str] = Counter()
        self._is_mapped = False
        with namespace.entered(netns):
            self._netns = namespace.number()
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            self._load(stack, meanwhile)
            self._owners_fd = self._object.map_fd("owners")
            self._processes_fd = self._object.map_fd("processes")
            self._shared = self._mapped(stack)
            self._is_mapped = True
            self._owner = self._ffi.new("struct sf_owner *")
            self._process = self._ffi.new("struct sf_process *")
            self._find_open(netns, is_wanted)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Closes the programs. Processes that were named keep their names."""
        if self._is_mapped:
            self._shared = self._ffi.new("struct sf_handovers *", self._shared[0])
        self._is_mapped = False
        self._stack.close()

    @property
    def counts(self) -> dict[str, int]:
        """How many ends were named, and how many were not for each reason, by the names of the ledger."""
        return dict(self._counts)

    def check(self) -> None:
        """Raises ObjectError if the maps cannot be read."""
        if self._lib.bpf_map_lookup_elem(self._owners_fd, bytes(END.size), self._owner):
            number = self._ffi.errno
            if number != 2:  # ENOENT: the lookup worked and found no entry
                raise ObjectError(f"reading the map owners: {binding.error_text(self._ffi, self._lib, number)}")

    def annotate(self, exchange: Exchange, last_ns: int) -> None:
        """Names the processes at the ends of an exchange's connection, after the exchange has ended.

        Args:
            exchange: the exchange.
            last_ns: the time of the last packet of its connection, in nanoseconds.
        """
        connection = exchange.connection
        known = connection.known
        if known is None:
            known = connection.known = ConnectionProcesses()
            self._counts["ends"] += 2
            if not connection.client.port:
                # the BPF program does not record the processes of Unix sockets
                known.reasons = "unnoted", "unnoted"
                self._counts["unnoted"] += 2
        if not connection.client.port:
            known.looks_left = 0
            return
        handovers = self.handovers
        if known.handovers != handovers:
            known.handovers, known.looks_left = handovers, LOOKS_MAX
        if known.looks_left:
            self._look(connection, known, self._until(exchange, last_ns))
        exchange.processes = known.processes

    def keep_up(self) -> None:
        """Does nothing: annotate() looks processes up when an exchange ends."""

    @property
    def handovers(self) -> int:
        """How many times an end of an open connection passed from one process to another."""
        return int(self._shared[0].count)

    def _until(self, exchange: Exchange, last_ns: int) -> int:
        """Returns the latest time of a valid owner: later, another connection may have the addresses and ports."""
        response = exchange.response
        if response is not None and response.end_ns is not None:
            return response.end_ns
        return time.monotonic_ns() if OPEN_STILL & set(exchange.problems) else last_ns

    def _look(self, connection: Connection, known: ConnectionProcesses, until_ns: int) -> None:
        first, second = connection.ends
        found = [
            self._find(connection, ends, until_ns, process)
            for process, ends in zip(known.processes, ((first, second), (second, first)), strict=True)
        ]
        for before, now in zip(known.reasons, found, strict=True):
            if before:
                self._counts[before] -= 1
            self._counts[now.reason] += 1
        known.processes = found[0].process, found[1].process
        known.reasons = found[0].reason, found[1].reason
        if not any(end.changes for end in found):
            known.looks_left = 0 if None not in known.processes else known.looks_left - 1

    def _find(
        self, connection: Connection, ends: tuple[Endpoint, Endpoint], until_ns: int, before: Process | None
    ) -> Found:
        """Finds the process at the first of two ends. before: the process at the previous exchange."""
        since_ns = connection.syn_ns or 0
        places: tuple[int, ...] = (self._netns, ELSEWHERE)
        if self._is_everywhere:
            places = (connection.netns,)
        elif connection.interface == "lo":
            places = (self._netns,)
        holders = [holder for place in places for holder in self._holders(ends, place)]
        fitting = [holder for holder in holders if since_ns <= holder.noted_ns <= until_ns]
        changes = any(holder.noted_ns > until_ns for holder in holders)
        if not fitting:
            is_here = not self._is_everywhere or connection.netns == self._netns
            was_open = self._open.get(ends) if is_here and since_ns <= self._open_ns <= until_ns else None
            process = before or was_open
            reason = "named" if process is not None else "elsewhen" if holders else "unnoted"
            return Found(process, reason, changes)
        self._open.pop(ends, None)
        if any(holder.netns != fitting[0].netns for holder in fitting):
            return Found(None, "ambiguous", changes)
        last = max(fitting, key=lambda holder: holder.noted_ns)
        if not last.tgid:
            return Found(None, "unnoted", changes)
        process = self._process_of(last)
        return Found(process, "forgotten" if process is None else "named", changes)

    def _holders(self, ends: tuple[Endpoint, Endpoint], netns: int) -> Iterator[Holder]:
        here, there = ends
        end = END.pack(_packed(here.ip), _packed(there.ip), here.port, there.port, netns)
        if self._lib.bpf_map_lookup_elem(self._owners_fd, end, self._owner):
            return
        fields = OWNER.unpack(self._ffi.buffer(self._owner))
        for holder in (Holder(*fields[:6]), Holder(*fields[6:])):
            if holder.noted_ns:
                yield holder

    def _process_of(self, holder: Holder) -> Process | None:
        life = holder[:3]
        if life in self._cache:
            return self._cache[life]
        if len(self._cache) >= PROCESSES_MAX:
            self._cache.clear()
        made = self._read(holder)
        self._cache[life] = made
        return made

    def _read(self, holder: Holder) -> Process | None:
        """Returns a process as the BPF program recorded it; what is missing comes from /proc while it runs."""
        noted = self._process
        if self._lib.bpf_map_lookup_elem(self._processes_fd, LIFE.pack(*holder[:3]), noted):
            return self._from_files(holder, holder.tgid)
        pid, buffer = noted.pid or holder.tgid, self._ffi.buffer
        exe = _names(buffer(noted.exe, noted.exe_len)[:])
        groups = _names(buffer(noted.groups, noted.groups_len)[:])
        arguments = process_files.split(buffer(noted.arguments, min(noted.arguments_len, len(noted.arguments)))[:])
        comm = os.fsdecode(self._ffi.string(noted.comm))
        container = container_of(groups)
        path = "/" + "/".join(reversed(exe)) if exe else None
        made = Process(pid, noted.inner_pid, comm, path, arguments, noted.uid, container.id, container.pod)
        if noted.pid and (path is None or arguments is None or not any(groups)):
            # the arguments were paged out, or the host uses cgroup v1
            seen = self._from_files(holder, noted.pid)
            if seen is not None:
                made = Process(
                    *(pid, noted.inner_pid, comm, path or seen.exe, arguments or seen.cmdline, noted.uid),
                    *(container.id or seen.container, container.pod or seen.pod),
                )
        return made

    def _from_files(self, holder: Holder, pid: int) -> Process | None:
        seen = process_files.read(pid)
        ticks = os.sysconf("SC_CLK_TCK")
        return seen.process if seen is not None and seen.start == holder.start_ns * ticks // 1_000_000_000 else None

    def _load(self, stack: ExitStack, meanwhile: Callable[[], object]) -> None:
        config = self._ffi.new("struct sf_processes_config *", {"netns": 0 if self._is_everywhere else self._netns})
        config.pidns = os.stat("/proc/self/ns/pid").st_ino
        self._object.configure(bytes(self._ffi.buffer(config)))
        self._object.begin_to_load()
        meanwhile()
        tracing.load(self._object, "naming processes")
        tracing.attach(self._object, PROGRAMS, stack)

    def _mapped(self, stack: ExitStack) -> Any:
        memory = self._lib.sf_memory_open(self._object.map_fd(".bss"), mmap.PAGESIZE)
        if not memory:
            number = self._ffi.errno
            words = binding.error_text(self._ffi, self._lib, number)
            raise refused("mapping the map .bss", number, words, "this requires Linux 5.5 or newer")
        stack.callback(self._lib.sf_memory_close, memory, mmap.PAGESIZE)
        return self._ffi.cast("struct sf_handovers *", memory)

    def _find_open(self, netns: str | None, is_wanted: Callable[[int, int], bool]) -> None:
        """Names the ends of open connections. The program is attached already, and sees newer connections."""
        self._open_ns = time.monotonic_ns()
        with namespace.entered(netns):
            found = {
                entry.inode: (entry.here, entry.there)
                for entry in sock_diag.established()
                if is_wanted(entry.here.port, entry.there.port)
            }
        if not found:
            return
        seen: dict[int, Process | None] = {}
        for inode, pids in process_files.holders(set(found)).items():
            if len(pids) != 1 or len(self._open) >= OPEN_MAX:
                continue  # the user of a shared socket is known only after its next receive
            (pid,) = pids
            if pid not in seen:
                read = process_files.read(pid)
                seen[pid] = read.process if read is not None else None
            process = seen[pid]
            if process is not None:
                self._open[found[inode]] = process


def _packed(ip: str) -> bytes:
    """Packs an address into 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)."""
    return socket.inet_pton(socket.AF_INET6, ip if ":" in ip else f"::ffff:{ip}")


def _names(content: bytes) -> list[str]:
    """Splits NUL-terminated names."""
    return [os.fsdecode(name) for name in content.split(b"\0")[:-1]]
