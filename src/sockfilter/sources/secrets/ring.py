"""The secrets that probes have found, as they come out of the ring."""

from __future__ import annotations

import os
from contextlib import ExitStack
from struct import Struct
from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.errors import refused
from sockfilter.libbpf import binding
from sockfilter.libbpf.ring import BATCH_RECORDS
from sockfilter.model import secret as secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.secret import Secret

# bytes of the ring, as in bpf/secrets.bpf.c
RING_BYTES = 1 << 20
# struct sf_secret of bpf/secrets.h; a test compares the layouts
RECORD = Struct("=QQIIIHH32s64s")
# by enum sf_label
LABELS = (
    "",
    secrets.CLIENT_RANDOM,
    secrets.CLIENT_EARLY,
    secrets.CLIENT_HANDSHAKE,
    secrets.SERVER_HANDSHAKE,
    secrets.CLIENT_TRAFFIC,
    secrets.SERVER_TRAFFIC,
)


class MappedRing(Closing):
    """A ring in the memory of this process. Reading it needs no rights.

    Args:
        fd: the ring's descriptor. This owns it from now on.
        size: the bytes of the ring, as the program has it.

    Raises:
        KernelUnsupported: it cannot be mapped.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._ffi, self._lib = binding.load()
        with ExitStack() as stack:
            stack.callback(os.close, fd)
            self._ring = mapped(self._lib.sf_ring_open(fd, size))
            stack.callback(self._lib.sf_ring_close, self._ring)
            self._stack = stack.pop_all()
        self._offsets = self._ffi.new("__u32[]", BATCH_RECORDS)
        self._view = memoryview(
            self._ffi.buffer(self._lib.sf_ring_data(self._ring), self._lib.sf_ring_span(self._ring))
        ).cast("B")

    def close(self) -> None:
        """Unmaps the ring. May be called again."""
        if self._ring:
            self._view.release()
            self._stack.close()
        self._ring = None

    def read(self, take: Callable[[memoryview, int], None]) -> None:
        """Passes on the records that have come since, each as an offset in the ring. Never waits."""
        if not self._ring:
            return
        while count := self._lib.sf_ring_peek(self._ring, self._offsets, BATCH_RECORDS):
            for at in self._ffi.unpack(self._offsets, count):
                take(self._view, at)
            self._lib.sf_ring_release(self._ring)


class SecretRing(Closing):
    """Reads secrets. It needs no rights.

    Args:
        ring_fd: the ring's descriptor.
        counts_fd: the descriptor of the counters. This owns both from now on.
        take: takes each secret.
        lose: takes the number of secrets that found no room, since the last call.
    """

    def __init__(
        self, ring_fd: int, counts_fd: int, take: Callable[[Secret], None], lose: Callable[[int], None]
    ) -> None:
        self._ffi, self._lib = binding.load()
        self.fd = ring_fd
        self._take, self._lose = take, lose
        self._lost = 0
        with ExitStack() as stack:
            stack.callback(os.close, counts_fd)
            self._ring = stack.enter_context(MappedRing(ring_fd, RING_BYTES))
            size = self._ffi.sizeof("struct sf_secret_counts")
            memory = mapped(self._lib.sf_memory_open(counts_fd, size))
            stack.callback(self._lib.sf_memory_close, memory, size)
            self._counts = self._ffi.cast("struct sf_secret_counts *", memory)
            self._stack = stack.pop_all()
        self._is_open = True

    def close(self) -> None:
        """Unmaps the ring. What was counted stays. May be called again."""
        if self._is_open:
            self._counts = self._ffi.new("struct sf_secret_counts *", self._counts[0])
        self._is_open = False
        self._stack.close()

    def read(self) -> None:
        """Passes on the secrets that have come since. Never waits."""
        if not self._is_open:
            return
        self._ring.read(self._take_record)
        lost = int(self._counts.lost)
        if lost > self._lost:
            self._lose(lost - self._lost)
            self._lost = lost

    @property
    def counts(self) -> dict[str, int]:
        """What became of the calls of the probed functions."""
        names = ("seen", "sent", "lost", "excluded", "other", "unreadable", "calls", "copied", "uncopied")
        return {name: int(getattr(self._counts, name)) for name in names}

    def _take_record(self, view: memoryview, at: int) -> None:
        made = _secret(view, at)
        if made is not None:
            self._take(made)


def mapped(address: Any) -> Any:
    """Returns the address at which a map was mapped. Raises KernelUnsupported if it is none."""
    if not address:
        ffi, lib = binding.load()
        number = ffi.errno
        words = binding.error_text(ffi, lib, number)
        raise refused("mapping the ring of secrets", number, words, "this requires Linux 5.8 or newer")
    return address


def _secret(view: memoryview, at: int) -> Secret | None:
    """Reads a record. Returns None if it is none of this version."""
    time_ns, owner, tgid, _, label, secret_len, random_len, random, secret = RECORD.unpack_from(view, at)
    if not 0 < label < len(LABELS) or secret_len > len(secret):
        return None
    return secrets.Secret(LABELS[label], secret[:secret_len], random[:random_len], secrets.PROBE, tgid, owner, time_ns)
