"""The copies of objects that probes have made, as they come out of their ring."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.model.snapshot import Snapshot
from sockfilter.sources.secrets.ring import MappedRing

if TYPE_CHECKING:
    from collections.abc import Callable

# bytes of the ring, as in bpf/secrets.bpf.c
RING_BYTES = 8 << 20
# struct sf_memory of bpf/secrets.h; a test compares the layouts
MEMORY = Struct("=QQIIII")
OBJECT_BYTES = 8192
# Objects of which blocks are missing: each processor may write one.
INCOMPLETE_MAX = 512


class MemoryRing(Closing):
    """Reads copies of objects. It needs no rights.

    Args:
        fd: the ring's descriptor. This owns it from now on.
        take: takes each copy.
    """

    def __init__(self, fd: int, take: Callable[[Snapshot], None]) -> None:
        self._ring = MappedRing(fd, RING_BYTES)
        self._take = take
        # by process and address: the copy, and how many blocks it will have
        self._incomplete: dict[tuple[int, int], tuple[Snapshot, int]] = {}

    def close(self) -> None:
        """Unmaps the ring. May be called again."""
        self._ring.close()
        self._incomplete.clear()

    def read(self) -> None:
        """Passes on the copies that have come since. Never waits."""
        self._ring.read(self._take_record)

    def _take_record(self, view: memoryview, at: int) -> None:
        time_ns, address, process, place, size, blocks = MEMORY.unpack_from(view, at)
        content = bytes(view[at + MEMORY.size : at + MEMORY.size + size])
        key = process, address
        if place == OBJECT_BYTES:
            self._incomplete[key] = Snapshot(process, address, time_ns, content, {}), blocks
            if len(self._incomplete) > INCOMPLETE_MAX:
                del self._incomplete[next(iter(self._incomplete))]
        elif key in self._incomplete:
            self._incomplete[key][0].blocks[place] = content
        known = self._incomplete.get(key)
        if known is not None and len(known[0].blocks) >= known[1]:
            del self._incomplete[key]
            self._take(known[0])
