"""What a broker keeps of root's rights, and of the machine, before strangers talk to it."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from importlib import import_module

from sockfilter.errors import BrokerError
from sockfilter.libbpf import binding
from sockfilter.sources.broker.places import PLACES_MAX
from sockfilter.system import rights

# bytes of address space: 64 captures take 160 MB at their peak, 64 of them reserved by the allocator for the thread
# that loads; three times as much leaves room for machines with hundreds of CPUs, whose counters are mapped
ADDRESS_BYTES_MAX = 512 << 20
# descriptors of a capture: its connection, what watches its ring, 8 maps, the program, its types, the counters'
# memory; and one more for each interface
CAPTURE_DESCRIPTORS = 14
# descriptors beside those of captures: standard ones, signals, listening, loading
OTHER_DESCRIPTORS = 64
# what is imported where it is used: by then the folder may be one that takes root's rights to read
IMPORTED_LATE = ("difflib", "sockfilter.escape")


def confine(interfaces: int) -> int:
    """Keeps CAP_NET_RAW and CAP_BPF, and no other capability, for good; bounds memory and descriptors.

    Args:
        interfaces: on how many each capture may be.

    Returns how many captures there are descriptors for. Raises BrokerError.
    """
    for name in IMPORTED_LATE:
        import_module(name)

    ffi, lib = binding.load()
    each = CAPTURE_DESCRIPTORS + interfaces
    limit = _set_descriptors(OTHER_DESCRIPTORS + PLACES_MAX * each)
    with suppress(ValueError, OSError):  # kernels before 5.11 count maps as locked memory; libbpf could not raise it
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES_MAX, ADDRESS_BYTES_MAX))
    keeps = rights.for_capturing(rights.permitted())
    if lib.sf_capabilities(keeps, keeps, 0) or lib.sf_no_new_privileges():
        raise BrokerError(f"giving up root's rights: {os.strerror(ffi.errno)}; a sandbox prevents it")
    return max(0, limit - OTHER_DESCRIPTORS) // each


def _set_descriptors(wanted: int) -> int:
    """Sets how many descriptors there may be, as far as it may. Returns how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for tried in ((wanted, max(wanted, hard)), (min(wanted, hard), hard)):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, tried)
            return tried[0]
    return soft
