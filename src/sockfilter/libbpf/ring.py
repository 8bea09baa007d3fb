"""The reader's side of a BPF ring buffer: it reads batches, asks for wake-ups, and sends orders by shared memory."""

from __future__ import annotations

import mmap
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.errors import Closed, InvalidArgument, refused
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    pass

# records read at once: few enough for their offsets to stay in the L1 cache, and for the caller to check other work
BATCH_RECORDS = 512
# bytes; the kernel has 32 bits for lengths and reserves two of them (kernel/bpf/ringbuf.c)
RING_BYTES_MAX = 1 << 29


def ring_bytes(wanted: int) -> int:
    """Returns the smallest ring size that the kernel accepts: a power of two, whole pages, and at least `wanted`.

    Args:
        wanted: bytes.

    Raises:
        InvalidArgument: wanted is not positive, or larger than a ring can be.
    """
    if not 0 < wanted <= RING_BYTES_MAX:
        raise InvalidArgument(
            f"a ring of {wanted} bytes is not possible; choose from {mmap.PAGESIZE} to {RING_BYTES_MAX}"
        )
    return max(mmap.PAGESIZE, 1 << (wanted - 1).bit_length())


class Ring(Closing):
    """One reader of one ring.

    Args:
        map_fd: the ring's descriptor; it must outlive this.
        size: the ring's bytes.
        shared_fd, skips_fd: descriptors of the memory shared with the program; they may be closed afterwards.
    """

    def __init__(self, map_fd: int, size: int, shared_fd: int, skips_fd: int) -> None:
        self._ring: Any = None
        self._size = size
        self._ffi, self._lib = binding.load()
        with ExitStack() as stack:
            self._shared = self._memory(stack, "struct sf_shared", shared_fd)
            self._skips = self._memory(stack, f"struct sf_skip[{self._lib.SF_SKIPS}]", skips_fd)
            self._ring = self._mapped(self._lib.sf_ring_open(map_fd, size), f"the ring of {size} bytes")
            stack.callback(self._lib.sf_ring_close, self._ring)
            self._stack = stack.pop_all()
        self._offsets = self._ffi.new("__u32[]", BATCH_RECORDS)
        # the start of the ring is mapped again after its end, so that every record is contiguous
        self.view = memoryview(
            self._ffi.buffer(self._lib.sf_ring_data(self._ring), self._lib.sf_ring_span(self._ring))
        ).cast("B")
        self.fd = map_fd

    def close(self) -> None:
        """Unmaps the ring. No slice of view may be in use."""
        if self._ring:
            self.view.release()
            self._stack.close()
        self._ring = None

    def peek(self) -> list[int]:
        """Returns the offsets in view of the next records, at most BATCH_RECORDS. They are valid until release()."""
        count = self._lib.sf_ring_peek(self._open(), self._offsets, BATCH_RECORDS)
        offsets: list[int] = self._ffi.unpack(self._offsets, count)
        return offsets

    def release(self) -> None:
        """Frees the peeked records in the ring."""
        self._lib.sf_ring_release(self._open())

    def produced(self) -> int:
        """Returns the position after the newest record that is reserved in the ring, written or not."""
        return int(self._lib.sf_ring_produced(self._open()))

    def consumed(self) -> int:
        """Returns the position after the last peeked record."""
        return int(self._lib.sf_ring_consumed(self._open()))

    @property
    def filled(self) -> float:
        """The part of the ring that holds records which were not released yet, from 0 to 1."""
        return float(self._lib.sf_ring_used(self._open()) / self._size)

    def ask_to_be_woken(self) -> bool:
        """Requests that the next record make the descriptor readable. Returns False if a record is there already."""
        return bool(self._lib.sf_ring_asleep(self._open(), self._shared))

    def awake(self) -> None:
        """Withdraws the request for a wake-up."""
        self._open()
        self._lib.sf_ring_awake(self._shared)

    def skip(self, stream: int, kind: int, seq: int = 0) -> None:
        """Tells the program what to skip of one stream (enum sf_skip_kind), without a system call.

        Args:
            stream: the number in the stream's records.
            kind: the kind of skip hint; SF_SKIP_NONE withdraws the last one.
            seq: the sequence number up to which the hint holds.
        """
        self._open()
        self._lib.sf_skip_set(self._skips, stream, kind << 32 | seq)

    def _memory(self, stack: ExitStack, kind: str, fd: int) -> Any:
        size = self._ffi.sizeof(kind)
        memory = self._mapped(self._lib.sf_memory_open(fd, size), f"{size} bytes shared with the program")
        stack.callback(self._lib.sf_memory_close, memory, size)
        return memory

    def _mapped(self, address: Any, what: str) -> Any:
        if not address:
            number = self._ffi.errno
            words = binding.error_text(self._ffi, self._lib, number)
            raise refused(f"mapping {what}", number, words, "use a smaller ring: -B, or ring=")
        return address

    def _open(self) -> Any:
        if not self._ring:
            raise Closed("the ring is closed; open another capture")
        return self._ring
