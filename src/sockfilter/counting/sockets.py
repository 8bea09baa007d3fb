"""Segments that reached an established TCP socket, and packets that the kernel dropped (bpf/stations.bpf.c)."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.counting.counts import Counted, DropCounts, summed
from sockfilter.counting.reading import COUNTED
from sockfilter.errors import MissingCapability, ObjectError
from sockfilter.libbpf import binding, tracepoints, tracing
from sockfilter.libbpf.counters import possible_cpus
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.system import namespace, rights
from sockfilter.system.drop_reasons import NOT_SPECIFIED, DropReasons

if TYPE_CHECKING:
    from sockfilter.sources.packets.interfaces import Interface

OBJECT = f"{OBJECTS}/stations.bpf.o"
PURPOSE = "counting at sockets and drops"
DELIVERED_AT, DROPPED_AT = "tcp_probe", "kfree_skb"
DELIVERED = "stations_delivered"
# by the number of arguments of the tracepoint
DROPS = {2: "stations_drop2", 3: "stations_drop3", 4: "stations_drop4"}


class SocketStation(Closing):
    """Counts what becomes of an interface's packets behind it, in the network namespace of the calling thread.

    Args:
        interface: the interface.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF.
        ObjectError: the object is missing or damaged, or the kernel refused it.
    """

    def __init__(self, interface: Interface) -> None:
        self._ffi, self._lib = binding.load()
        self._reasons = DropReasons()
        self._cpus = possible_cpus()
        arguments = tracepoints.find([DELIVERED_AT, DROPPED_AT], PURPOSE)[DROPPED_AT]
        drop = DROPS[max(min(DROPS), min(arguments, max(DROPS)))]
        config = self._ffi.new("struct sf_count_config *", {"ifindex": interface.index, "netns": namespace.number()})
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            self._object.choose((DELIVERED, *DROPS.values()), DELIVERED, drop)
            self._object.configure(bytes(self._ffi.buffer(config)))
            try:
                tracing.load(self._object, PURPOSE)
            except (MissingCapability, ObjectError) as error:
                lacks = rights.missing_for_processes()
                if not lacks:
                    raise
                raise MissingCapability(f"{PURPOSE}: {os.strerror(1)}: {rights.advice_for('CAP_PERFMON')}") from error
            tracepoints.attach(self._object, (DELIVERED, drop), stack)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Detaches the programs."""
        self._stack.close()

    def delivered(self) -> Counted:
        """Returns the segments that reached an established socket."""
        return self._sum("delivered", self._ffi.new("__u32 *", 0))

    def drops(self) -> DropCounts:
        """Returns the dropped packets by reason."""
        found: tuple[dict[str, Counted], dict[str, Counted]] = ({}, {})
        fd = self._object.map_fd("drops")
        key, following = self._ffi.NULL, self._ffi.new("struct sf_drop_key *")
        while not self._lib.bpf_map_get_next_key(fd, key, following):
            key = self._ffi.new("struct sf_drop_key *", following[0])
            side, name = found[key.is_out], self._reasons.name(key.reason) or NOT_SPECIFIED
            side[name] = side.get(name, Counted()).plus(self._sum("drops", key))
        return DropCounts(*found)

    def _sum(self, name: str, key: object) -> Counted:
        values = self._ffi.new("char[]", self._cpus * COUNTED.size)
        if self._lib.bpf_map_lookup_elem(self._object.map_fd(name), key, values):
            return Counted()
        return summed(Counted(*each) for each in COUNTED.iter_unpack(self._ffi.buffer(values)[:]))
