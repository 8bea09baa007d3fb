"""The BPF object that watches the kernel's TCP: loaded, attached, and read."""

from __future__ import annotations

import mmap
import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability, refused
from sockfilter.libbpf import binding, tracepoints, tracing
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.system import rights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

OBJECT = f"{OBJECTS}/tcp.bpf.o"
PURPOSE = "TCP's own view"
# records read at once
BATCH_RECORDS = 512
# bytes of the ring: 4000 records. A capture reads it between batches of packets, at least once a second
RING_BYTES = 1 << 20
# program -> its tracepoint
PROGRAMS = {
    "tcp_state_by_process": "inet_sock_set_state",
    "tcp_state_by_packet": "inet_sock_set_state",
    "tcp_state_by_interrupt": "inet_sock_set_state",  # after the one that it makes up for
    "tcp_receive": "tcp_rcv_space_adjust",
    "tcp_arrive": "tcp_probe",
    "tcp_retransmit": "tcp_retransmit_skb",
    "tcp_drop": "kfree_skb",
    "tcp_reset_sent": "tcp_send_reset",
    "tcp_reset_received": "tcp_receive_reset",
    "tcp_icmp": "icmp_send",
}
# what older kernels do without: the tracepoint is there since Linux 6.11
OPTIONAL = {"tcp_icmp"}

# the tracepoint whose programs together miss nothing: if the kernel does not run one of them, another one handles it
COVERED = "inet_sock_set_state"
# the program that a timer runs
TIMED = "tcp_look"


class TcpWants(NamedTuple):
    """What the program watches and records.

    Attributes:
        kinds: bits of enum sf_tcp_wants, such as SF_TCP_WANT_DROPS.
        netns: the number of the only network namespace whose sockets are watched; 0: all.
        ports: only connections with one of these ports; None: all.
        slow_ns: with SF_TCP_WANT_SLOW, for how long bytes lay in the socket, in nanoseconds.
        stacks_per_s, syn_drops_per_s: the most stacks, and drops of SYNs, that each CPU records in a second.
        ring_bytes: the ring's size.
    """

    kinds: int
    netns: int = 0
    ports: Iterable[int] | None = None
    slow_ns: int = 0
    stacks_per_s: int = 10
    syn_drops_per_s: int = 100
    ring_bytes: int = RING_BYTES


class DropPlace(NamedTuple):
    """Where packets are dropped, and why: the number of the kernel's reason, and an address in its code."""

    location: int
    reason: int


class TcpProgram(Closing):
    """The programs of tcp.bpf.c, from construction on. Everything is gone when it is closed.

    Args:
        wants: what they watch and record.
        meanwhile: called while the kernel verifies the programs.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF, or lacks a tracepoint.
        ObjectError: the object is missing or damaged.
    """

    def __init__(self, wants: TcpWants, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._ring: Any = None
        self._shared: Any = None
        lacks = rights.missing_for_processes()
        if lacks:
            raise MissingCapability(
                f"{PURPOSE}: {' and '.join(lacks)} missing; it requires CAP_BPF and CAP_PERFMON, or sudo"
            )
        self._ffi, self._lib = binding.load()
        # asked now: a sandbox may not read where it comes from
        self._cpus = self._lib.libbpf_num_possible_cpus()
        arguments = tracepoints.find(list(dict.fromkeys(PROGRAMS.values())), PURPOSE)
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            programs = self._chosen(wants.kinds, arguments)
            is_timed = bool(wants.kinds & self._lib.SF_TCP_WANT_ACCEPTS)
            self._lib.bpf_program__set_autoload(self._object.program(TIMED), is_timed)
            for name in PROGRAMS:
                self._lib.bpf_program__set_autoload(self._object.program(name), name in programs)
            self._object.set_max_entries("tcp_ring", wants.ring_bytes)
            self._object.configure(self._configuration(wants, arguments))
            self._object.begin_to_load()
            meanwhile()
            tracing.load(self._object, PURPOSE)
            self._watched = [self._object.program_fd(name) for name in programs if PROGRAMS[name] != COVERED]
            self._fill_ports(wants.ports)
            self._map(stack, wants.ring_bytes)
            tracepoints.attach(self._object, programs, stack)
            if is_timed:
                self._attach_timer(stack)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Detaches the programs and frees the maps. What they have counted stays."""
        if self._ring is not None:
            self._skipped = self.skipped
            self._shared = self._ffi.new("struct sf_tcp_shared *", self._shared[0])
            self._ring = None
            self._stack.close()

    @property
    def fd(self) -> int:
        """The ring's descriptor, which ask_to_be_woken() makes readable."""
        return self._object.map_fd("tcp_ring")

    @property
    def shared(self) -> Any:
        """The program's counters: struct sf_tcp_shared."""
        return self._shared[0]

    @property
    def skipped(self) -> int:
        """How many events the kernel did not show, because they interrupted the program that was to handle them."""
        if self._ring is None:
            return self._skipped
        return sum(self._lib.sf_program_skipped(fd) for fd in self._watched)

    def has_records(self) -> bool:
        """Whether there may be records to read. There are none after close()."""
        ring = self._ring
        return ring is not None and bool(self._lib.sf_ring_produced(ring) != self._lib.sf_ring_consumed(ring))

    def records(self, most: int | None = None) -> Iterator[Any]:
        """Yields the records so far, each a struct sf_tcp_event *, valid until the next one is asked for.

        Args:
            most: a number of records, after which no other batch is read.
        """
        done = 0
        while self._ring is not None and (count := self._lib.sf_ring_peek(self._ring, self._offsets, BATCH_RECORDS)):
            data = self._ffi.cast("char *", self._lib.sf_ring_data(self._ring))
            for offset in self._ffi.unpack(self._offsets, count):
                yield self._ffi.cast("struct sf_tcp_event *", data + offset)
                if self._ring is None:
                    return
            self._lib.sf_ring_release(self._ring)
            done += count
            if most is not None and done >= most:
                return

    def stack_of(self, record: Any) -> list[int]:
        """Returns the kernel's stack of a drop, the innermost address first; empty if it has none."""
        stacked = self._ffi.cast("struct sf_tcp_stacked *", record)
        return list(self._ffi.unpack(stacked.stack, record.frames)) if record.frames else []

    def ask_to_be_woken(self) -> bool:
        """Requests that the next record make the descriptor readable. Returns False if a record is there already."""
        return bool(self._lib.sf_ring_asleep(self._ring, self._ffi.cast("struct sf_shared *", self._shared)))

    def slots(self, here: tuple[str, int], there: tuple[str, int]) -> list[Any]:
        """Returns what is known of an open end, one struct sf_tcp_slot * for each network namespace that has it.

        Args:
            here, there: the end's own address and port, and its peer's.
        """
        return self.slots_of(self.end(here, there))

    def end(self, here: tuple[str, int], there: tuple[str, int]) -> Any:
        """Returns an end as struct sf_tcp_end *, for slots_of()."""
        end = self._ffi.new("struct sf_tcp_end *")
        end.local_addr, end.peer_addr = packed(here[0]), packed(there[0])
        end.local_port, end.peer_port = here[1], there[1]
        return end

    def slots_of(self, end: Any) -> list[Any]:
        """As slots(), for an end that is asked for often. Empty after close()."""
        if self._ring is None:
            return []
        found = self._ffi.new("struct sf_tcp_slot[]", self._lib.SF_TCP_WAYS)
        count = self._lib.sf_tcp_slots(self._buckets, end, found)
        return [self._ffi.new("struct sf_tcp_slot *", found[i]) for i in range(count)]

    def places(self) -> dict[DropPlace, int]:
        """Returns how many packets were dropped, whoever's they were, by place and reason."""
        fd = self._object.map_fd("places")
        key, following = self._ffi.NULL, self._ffi.new("struct sf_tcp_place *")
        values = self._ffi.new("__u64[]", self._cpus)
        found: dict[DropPlace, int] = {}
        while not self._lib.bpf_map_get_next_key(fd, key, following):
            key = self._ffi.new("struct sf_tcp_place *", following[0])
            if not self._lib.bpf_map_lookup_elem(fd, key, values):
                found[DropPlace(key.location, key.reason)] = sum(values)
        return found

    def _chosen(self, kinds: int, arguments: dict[str, int]) -> list[str]:
        lib = self._lib
        only_if = {
            "tcp_state_by_interrupt": lib.SF_TCP_WANT_STATES,
            "tcp_icmp": lib.SF_TCP_WANT_STATES,
            "tcp_arrive": lib.SF_TCP_WANT_ARRIVALS,
            "tcp_retransmit": lib.SF_TCP_WANT_RETRANSMITS,
            "tcp_drop": lib.SF_TCP_WANT_DROPS | lib.SF_TCP_WANT_SYN_DROPS,
            "tcp_reset_sent": lib.SF_TCP_WANT_RESETS,
            "tcp_reset_received": lib.SF_TCP_WANT_RESETS,
        }
        chosen = [name for name in PROGRAMS if name not in only_if or only_if[name] & kinds]
        chosen = [name for name in chosen if name not in OPTIONAL or arguments[PROGRAMS[name]]]
        lacking = [PROGRAMS[name] for name in chosen if not arguments[PROGRAMS[name]]]
        if lacking:
            raise KernelUnsupported(f"{PURPOSE}: this kernel has no tracepoint {lacking[0]}")
        return chosen

    def _configuration(self, wants: TcpWants, arguments: dict[str, int]) -> bytes:
        lib, pidns = self._lib, os.stat("/proc/self/ns/pid")
        config = self._ffi.new("struct sf_tcp_config *")
        config.pidns_dev, config.pidns_ino = pidns.st_dev, pidns.st_ino
        config.slow_ns, config.wants, config.netns = wants.slow_ns, wants.kinds, wants.netns
        config.stacks_per_s, config.syn_drops_per_s = wants.stacks_per_s, wants.syn_drops_per_s
        config.by_port = wants.ports is not None
        has = {
            lib.SF_TCP_HAS_REASON: arguments["kfree_skb"] >= 3,
            lib.SF_TCP_HAS_RECEIVER: arguments["kfree_skb"] >= 4,
            lib.SF_TCP_HAS_RESET_REASON: arguments["tcp_send_reset"] >= 3,
            lib.SF_TCP_HAS_ERROR: arguments["tcp_retransmit_skb"] >= 3,
        }
        config.has = sum(bit for bit, is_there in has.items() if is_there)
        return bytes(self._ffi.buffer(config))

    def _fill_ports(self, ports: Iterable[int] | None) -> None:
        if ports is None:
            return
        bits = bytearray(self._lib.SF_PORT_WORDS * 8)
        for port in ports:
            bits[port // 8] |= 1 << port % 8
        self._object.fill("tcp_ports", bytes(bits))

    def _map(self, stack: ExitStack, ring_bytes: int) -> None:
        self._shared = self._memory(stack, ".bss", "struct sf_tcp_shared *", mmap.PAGESIZE)
        size = self._ffi.sizeof("struct sf_tcp_bucket") * self._lib.SF_TCP_BUCKETS
        self._buckets = self._memory(stack, "buckets", "struct sf_tcp_bucket *", size)
        self._offsets = self._ffi.new("__u32[]", BATCH_RECORDS)
        self._ring = self._lib.sf_ring_open(self._object.map_fd("tcp_ring"), ring_bytes)
        if not self._ring:
            number = self._ffi.errno
            words = binding.error_text(self._ffi, self._lib, number)
            raise refused(f"mapping the ring of {ring_bytes} bytes", number, words)
        stack.callback(self._lib.sf_ring_close, self._ring)

    def _attach_timer(self, stack: ExitStack) -> None:
        """Attaches the program that looks for accepted connections. Without a timer, that is not known."""
        fd = self._lib.sf_tcp_timer(self._lib.SF_TCP_LOOK_NS)
        if fd < 0:
            return
        link = self._lib.bpf_program__attach_perf_event(self._object.program(TIMED), fd)
        if link:
            stack.callback(self._lib.bpf_link__destroy, link)  # closes fd
        else:
            os.close(fd)

    def _memory(self, stack: ExitStack, name: str, kind: str, size: int) -> Any:
        memory = self._lib.sf_memory_open(self._object.map_fd(name), size)
        if not memory:
            number = self._ffi.errno
            words = binding.error_text(self._ffi, self._lib, number)
            raise refused(f"mapping the map {name}", number, words, "this requires Linux 5.5 or newer")
        stack.callback(self._lib.sf_memory_close, memory, size)
        return self._ffi.cast(kind, memory)


def packed(ip: str) -> bytes:
    """Packs an address into 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)."""
    return socket.inet_pton(socket.AF_INET6, ip if ":" in ip else f"::ffff:{ip}")


def unpacked(address: bytes) -> str:
    """Returns the text of an address of 16 bytes, in which IPv4 is ::ffff:a.b.c.d."""
    if address[:12] == b"\0" * 10 + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, address[12:])
    return socket.inet_ntop(socket.AF_INET6, address)
