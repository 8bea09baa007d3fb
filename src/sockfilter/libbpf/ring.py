"""The reading end of a BPF ring buffer: batches of records, waiting, and the way back by shared memory."""

from __future__ import annotations

import mmap
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.errors import Closed, InvalidArgument, KernelUnsupported
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from types import TracebackType

# records taken at once: their offsets stay in the first-level cache, and the reader looks up often
BATCH_RECORDS = 512
# bytes: the kernel counts in 32 bits and keeps two of them for itself (kernel/bpf/ringbuf.c)
RING_BYTES_MAX = 1 << 29


def ring_bytes(wanted: int) -> int:
    """The ring size that the kernel takes: whole pages, a power of two, at least what is wanted.

    Args:
        wanted: bytes.

    Raises:
        InvalidArgument: nothing, less than nothing, or more than a ring can have.
    """
    if not 0 < wanted <= RING_BYTES_MAX:
        raise InvalidArgument(
            f"a ring of {wanted} bytes is not possible; choose from {mmap.PAGESIZE} to {RING_BYTES_MAX}"
        )
    return max(mmap.PAGESIZE, 1 << (wanted - 1).bit_length())


class Ring:
    """One reader of one ring.

    Args:
        map_fd: the ring's descriptor; it must outlive this.
        size: the ring's bytes.
        shared_fd, skips_fd: descriptors of the memory shared with the program; they may go afterwards.
    """

    def __init__(self, map_fd: int, size: int, shared_fd: int, skips_fd: int) -> None:
        self._ring: Any = None
        self._ffi, self._lib = binding.load()
        with ExitStack() as stack:
            self._shared = self._memory(stack, "struct sf_shared", shared_fd)
            self._skips = self._memory(stack, f"struct sf_skip[{self._lib.SF_SKIPS}]", skips_fd)
            self._ring = self._mapped(self._lib.sf_ring_open(map_fd, size), f"the ring of {size} bytes")
            stack.callback(self._lib.sf_ring_close, self._ring)
            self._stack = stack.pop_all()
        self._offsets = self._ffi.new("__u32[]", BATCH_RECORDS)
        # with the beginning once more behind the end: a record is in one piece wherever it begins
        self.view = memoryview(
            self._ffi.buffer(self._lib.sf_ring_data(self._ring), self._lib.sf_ring_span(self._ring))
        ).cast("B")
        self.fd = map_fd

    def __enter__(self) -> Ring:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmaps the ring; slices of view must be gone by then."""
        if self._ring:
            self.view.release()
            self._stack.close()
        self._ring = None

    def peek(self) -> list[int]:
        """Offsets into view of the records that are there, at most BATCH_RECORDS; valid until release()."""
        count = self._lib.sf_ring_peek(self._open(), self._offsets, BATCH_RECORDS)
        offsets: list[int] = self._ffi.unpack(self._offsets, count)
        return offsets

    def release(self) -> None:
        """Gives what was peeked back to the kernel."""
        self._lib.sf_ring_release(self._open())

    def produced(self) -> int:
        """The position behind the newest record that has a place in the ring, written or not."""
        return int(self._lib.sf_ring_produced(self._open()))

    def consumed(self) -> int:
        """The position behind the last record that was peeked."""
        return int(self._lib.sf_ring_consumed(self._open()))

    def ask_to_be_woken(self) -> bool:
        """Makes the descriptor readable with the next record. False where one is there already."""
        return bool(self._lib.sf_ring_asleep(self._open(), self._shared))

    def awake(self) -> None:
        """Takes the request for a wake-up back."""
        self._open()
        self._lib.sf_ring_awake(self._shared)

    def skip(self, stream: int, kind: int, seq: int = 0) -> None:
        """Tells the program what to skip of one stream (enum sf_skip_kind); no system call.

        Args:
            stream: as in the stream's records.
            kind: SF_SKIP_NONE takes the hint back.
            seq: the sequence number it holds up to.
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
            words = binding.error_text(self._ffi, self._lib, self._ffi.errno)
            raise KernelUnsupported(f"mapping {what}: {words}; use a smaller ring: -B, or ring=")
        return address

    def _open(self) -> Any:
        if not self._ring:
            raise Closed("the ring is closed; open another capture")
        return self._ring
