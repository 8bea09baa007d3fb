"""guard(): judges openings of connections, from its call until it is closed."""

from __future__ import annotations

import errno
import os
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.closing import ClosingIfForgotten
from sockfilter.errors import InvalidArgument, KernelUnsupported, MissingCapability, ObjectError, refused
from sockfilter.guarding import rules as rules_module
from sockfilter.guarding.counts import GuardCounts
from sockfilter.guarding.refused import RECORD, read_refused
from sockfilter.guarding.replies import reply_ports
from sockfilter.libbpf import binding, links
from sockfilter.libbpf.counters import possible_cpus
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.libbpf.ring import BATCH_RECORDS
from sockfilter.sources.calls.cgroups import folder_of
from sockfilter.sources.narrowing import host_and_mask, namespace_name, port_bits
from sockfilter.sources.packets import interfaces
from sockfilter.system import rights
from sockfilter.system.namespace import entered
from sockfilter.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.guarding.refused import RefusedOpening
    from sockfilter.guarding.rules import Rules
    from sockfilter.sources.narrowing import Hosts, Ports

OBJECT = f"{OBJECTS}/guard.bpf.o"
PROGRAMS = AT_TCX, AT_CGROUP = "guard_tcx", "guard_cgroup"
# refused openings that are kept for the caller; of more, the oldest are forgotten
REFUSED_MAX = 100_000
OLD_KERNEL = (
    "an interface requires Linux 6.6 or newer; --cgroup PATH requires 5.12 and judges what arrives for sockets of this"
    " host; --print-nft prints the rules for nftables"
)


def guard(
    interface: str | None = None,
    *,
    allow: Ports | None = None,
    deny: Ports | None = None,
    per_source: str | None = None,
    sources: Hosts | None = None,
    not_sources: Hosts | None = None,
    udp: bool = False,
    enforce: bool = False,
    netns: str | int | None = None,
    cgroup: str | None = None,
) -> Guard:
    """Begins to judge openings of connections: TCP segments with SYN and without ACK. All other packets pass.

    Args:
        interface: judge what arrives at this interface.
        allow: ports; openings to others are refused.
        deny: ports; openings to these are refused.
        per_source: openings of each IPv4 address, or IPv6 network of 64 bits: "50/s", or "50/s:100" with a burst.
        sources: judge only openings from these addresses and networks.
        not_sources: do not judge openings from these.
        udp: judge datagrams too; with allow, those to the ports of this host's own clients pass.
        enforce: drop what is refused. False: a dry run, which drops nothing.
        netns: the network namespace of the interface: a name of `ip netns`, or a PID. None: that of this thread.
        cgroup: in place of an interface: judge what arrives for sockets of this control group.

    Returns:
        The guard, a context manager.

    Raises:
        InvalidArgument: the rules make no sense.
        NoSuchInterface, InterfaceDown, UnsupportedInterface: as for a capture.
        MissingCapability: CAP_BPF or CAP_NET_ADMIN is missing.
        KernelUnsupported: the kernel is older than 6.6, and an interface was given; or cgroup v2 is not mounted.
    """
    made = rules_module.made(allow, deny, per_source, sources, not_sources, udp)
    with entered(namespace_name(netns)):
        return Guard(made, interface, cgroup, enforce=enforce)


class Guard(ClosingIfForgotten):
    """Judges openings until it is closed, or the process ends in any way.

    Args:
        rules: the rules.
        interface, cgroup: where; one of them.
        enforce: drop what is refused.

    Attributes:
        name: the interface or the control group.
    """

    def __init__(
        self, rules: Rules, interface: str | None = None, cgroup: str | None = None, *, enforce: bool = False
    ) -> None:
        if (interface is None) == (cgroup is None):
            raise InvalidArgument("a guard takes an interface or a cgroup, one of them")
        if interface == interfaces.ANY:
            raise InvalidArgument("a guard takes one interface, not any")
        self.rules = rules
        self.enforce = enforce
        self.name = interface or cgroup or ""
        self._ffi, self._lib = binding.load()
        self._refused: deque[RefusedOpening] = deque(maxlen=REFUSED_MAX)
        self._cpus = possible_cpus()
        self._ring: Any = None
        self._final: GuardCounts | None = None
        found = None if interface is None else interfaces.find(interface)
        folder = None if cgroup is None else folder_of(cgroup)
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT))
            self._object.choose(PROGRAMS, AT_TCX if found is not None else AT_CGROUP)
            self._object.configure(self._config())
            self._load()
            self._fill()
            size = self._lib.SF_GUARD_RING
            self._ring = self._lib.sf_ring_open(self._object.map_fd("refused"), size)
            if not self._ring:
                number = self._ffi.errno
                raise refused(f"mapping the ring of {size} bytes", number, os.strerror(number))
            stack.callback(self._lib.sf_ring_close, self._ring)
            self._offsets = self._ffi.new("__u32[]", BATCH_RECORDS)
            self._attach(stack, found, folder)
            self._turns = Turns("the guard")
            self._stack = stack.pop_all()
        self.is_closed = False

    @property
    def refused(self) -> list[RefusedOpening]:
        """The openings that were refused, or would have been, in their order; the last 100 000."""
        return self._turns.do(lambda: list(self._known()))

    def take(self) -> list[RefusedOpening]:
        """Returns the refused openings since the last call, and forgets them."""
        return self._turns.do(self._take)

    @property
    def counts(self) -> GuardCounts:
        """What has been counted; after close(), the last counts."""
        return self._turns.do(self._counts)

    def close(self) -> None:
        """Ends the guard: from then on everything passes. What was refused stays readable."""
        self._turns.close(self._end, self._leave)

    def _end(self) -> None:
        self._links.close()  # first, so that the counts are final
        self._known()
        self._final = self._counts()
        self._ring = None
        self._leave()

    def _leave(self) -> None:
        self.is_closed = True
        self._stack.close()

    def _known(self) -> deque[RefusedOpening]:
        self._refused.extend(self._read())
        return self._refused

    def _take(self) -> list[RefusedOpening]:
        taken = list(self._known())
        self._refused.clear()
        return taken

    def _counts(self) -> GuardCounts:
        if self._final is not None:
            return self._final
        found = [self._counter(at) for at in range(self._lib.SF_GUARD_COUNTERS)]
        sources = self._sources() if self.rules.rate is not None else 0
        made = GuardCounts(*found)
        return made._replace(sources=sources, forgotten=max(0, made.new_sources - sources))

    def _config(self) -> bytes:
        rules = self.rules
        config = self._ffi.new("struct sf_guard_config *")
        config.enforce, config.udp = self.enforce, rules.udp
        if rules.rate is not None:
            config.cost_ns = rules.rate.cost_ns
            config.room_ns = rules.rate.burst * rules.rate.cost_ns
        if rules.allow is not None or rules.deny is not None:
            config.ports = self._lib.SF_GUARD_DENY if rules.allow is None else self._lib.SF_GUARD_ALLOW
        config.replies_from, config.replies_to = reply_ports()
        config.by_source, config.by_exemption = bool(rules.sources), bool(rules.not_sources)
        return bytes(self._ffi.buffer(config))

    def _load(self) -> None:
        try:
            self._object.load()
        except MissingCapability as error:
            advice = rights.advice_for("CAP_NET_ADMIN", self._object.is_short_of_locked_memory)
            raise MissingCapability(f"{error}: {advice}") from error
        except ObjectError as error:
            raise KernelUnsupported(f"guarding {self.name}: {error}; {OLD_KERNEL}") from error

    def _fill(self) -> None:
        ports = self.rules.allow if self.rules.allow is not None else self.rules.deny
        if ports is not None:
            self._object.fill("ports", port_bits(list(ports)))
        for name, networks in (("judged", self.rules.sources), ("exempt", self.rules.not_sources)):
            for network in networks:
                address, mask = host_and_mask(network)
                key = self._ffi.new("struct sf_guard_network *", {"addr": address})
                key.prefix = int.from_bytes(mask, "big").bit_count()
                self._object.put(name, key, self._ffi.new("__u8 *", 1))

    def _attach(self, stack: ExitStack, interface: interfaces.Interface | None, folder: str | None) -> None:
        self._links = stack.enter_context(ExitStack())
        try:
            if interface is not None:
                links.attach(self._links, self._object.program_fd(AT_TCX), interface.index, links.TCX_INGRESS)
            else:
                group = os.open(folder or "", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    links.attach(self._links, self._object.program_fd(AT_CGROUP), group, links.CGROUP_INET_INGRESS)
                finally:
                    os.close(group)
        except PermissionError as error:
            raise MissingCapability(
                f"guarding {self.name}: {error.strerror}: {rights.advice_for('CAP_NET_ADMIN')}"
            ) from error
        except OSError as error:
            remedy = "another program may be in the way"
            if interface is not None and error.errno == errno.EINVAL:
                remedy = OLD_KERNEL
            raise refused(f"guarding {self.name}", error.errno, error.strerror, remedy) from error

    def _read(self) -> Iterator[RefusedOpening]:
        while self._ring and (count := self._lib.sf_ring_peek(self._ring, self._offsets, BATCH_RECORDS)):
            data = self._lib.sf_ring_data(self._ring)
            records = [bytes(self._ffi.buffer(data + at, RECORD.size)) for at in self._ffi.unpack(self._offsets, count)]
            self._lib.sf_ring_release(self._ring)
            yield from map(read_refused, records)

    def _counter(self, at: int) -> int:
        values = self._ffi.new("__u64[]", self._cpus)
        if self._lib.bpf_map_lookup_elem(self._object.map_fd("counters"), self._ffi.new("__u32 *", at), values):
            return 0
        return sum(self._ffi.unpack(values, self._cpus))

    def _sources(self) -> int:
        """Returns the number of entries in the table of sources."""
        fd, key, following = self._object.map_fd("sources"), self._ffi.NULL, self._ffi.new("__u64 *")
        found = 0
        while not self._lib.bpf_map_get_next_key(fd, key, following):
            key, found = following, found + 1
        return found
