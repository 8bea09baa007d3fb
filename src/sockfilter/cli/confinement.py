"""What a broker keeps of root's rights and of the machine's resources before it accepts connections."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from importlib import import_module

from sockfilter.errors import BrokerError
from sockfilter.libbpf import binding
from sockfilter.sources.broker.places import PLACES_MAX
from sockfilter.system import rights

# Bytes of address space. 64 captures take 160 MB at their peak; of these, the allocator reserves 64 MB for the thread
# that loads. Three times as much leaves room for machines with hundreds of CPUs, which have larger per-CPU counters.
ADDRESS_BYTES_MAX = 512 << 20
# Descriptors of a capture: its connection, the watch on its ring, 8 maps, the program, its types, the memory of the
# counters, and the gate with its map. Each interface adds one.
CAPTURE_DESCRIPTORS = 16
# Descriptors that belong to no capture: standard streams, signals, listening, loading.
OTHER_DESCRIPTORS = 64
# Modules that other code imports late. Without root's rights, their folder may not be readable by then.
IMPORTED_LATE = ("difflib", "sockfilter.escape")


def confine(interfaces: int) -> int:
    """Drops all capabilities except CAP_NET_RAW and CAP_BPF for good. Limits memory and descriptors.

    Args:
        interfaces: the number of interfaces that each capture may use.

    Returns for how many captures there are descriptors. Raises BrokerError.
    """
    for name in IMPORTED_LATE:
        import_module(name)

    ffi, lib = binding.load()
    each = CAPTURE_DESCRIPTORS + interfaces
    limit = _set_descriptors(OTHER_DESCRIPTORS + PLACES_MAX * each)
    with suppress(ValueError, OSError):  # before 5.11, maps count as locked memory; libbpf could not raise the limit
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES_MAX, ADDRESS_BYTES_MAX))
    keeps = rights.for_capturing(rights.permitted())
    if lib.sf_capabilities(keeps, keeps, 0) or lib.sf_no_new_privileges():
        raise BrokerError(f"giving up root's rights: {os.strerror(ffi.errno)}; a sandbox prevents it")
    return max(0, limit - OTHER_DESCRIPTORS) // each


def _set_descriptors(wanted: int) -> int:
    """Raises the limit of descriptors as far as permitted. Returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for tried in ((wanted, max(wanted, hard)), (min(wanted, hard), hard)):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, tried)
            return tried[0]
    return soft
