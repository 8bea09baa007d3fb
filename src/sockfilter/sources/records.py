"""Reads the records that a BPF program puts into a ring, and sends skip hints to the program."""

from __future__ import annotations

import select
import time
from collections import deque
from contextlib import ExitStack
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from sockfilter.closing import Closing
from sockfilter.libbpf import binding
from sockfilter.libbpf.counters import Sum
from sockfilter.libbpf.ring import Ring
from sockfilter.model.hearing import WIRE
from sockfilter.sources.clock import Clock
from sockfilter.sources.hosts import host_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.sources.changes import Change
    from sockfilter.sources.narrowing import KernelFilter

# bytes of the ring; at 150 000 requests a second, some 180 MB/s, it fills in 90 ms if nobody reads
RING_BYTES = 16 << 20
# seconds between two polls of a busy ring: a wake-up for each record would cost more than the record
NAP_S = 0.003
# time_ns of struct sf_record
TIME = Struct("=Q")
# means "no limit" in struct sf_config
ALL_BYTES = (1 << 32) - 1
# seconds; a record may race with the request for a wake-up and cause none, see sf_ring_asleep()
WAIT_S_MAX = 0.25


class Attached(Protocol):
    """A program that puts records into a ring.

    Attributes:
        ring_fd, shared_fd, skips_fd: descriptors of its maps, valid until close().
    """

    ring_fd: int
    shared_fd: int
    skips_fd: int

    def check(self) -> None:
        """Raises SockfilterError if the program no longer runs."""

    def counters(self) -> list[int]:
        """Returns the program's counters, in the order of enum sf_counter. After detach() they are final."""

    def detach(self) -> None:
        """Detaches the program. Its maps stay open."""

    def close(self) -> None:
        """Frees everything. counters() still works."""


def outcomes() -> Sum:
    """Returns the sum that enum sf_counter must satisfy: each packet seen has exactly one outcome."""
    _, lib = binding.load()
    return Sum(lib.SF_SEEN, lib.SF_SEEN + 1, lib.SF_RING_FULL)


class RecordSource(Closing):
    """The records of a program, from its attachment until close().

    Args:
        attachment: the program. The source owns it and closes it.
        ring: bytes of its ring.
        kernel_filter: the filter. The program applies most of it.

    Attributes:
        is_over: whether no more records can come.
        read_ns: a moment by the clock of the records: what passed before it has been read. It is behind now_ns while
            records wait in the ring.
    """

    # a capture file has these; a live source does not
    damage = None
    file_counts = None
    identity = None
    hearing = WIRE

    def __init__(self, attachment: Attached, ring: int, kernel_filter: KernelFilter) -> None:
        self._attachment = attachment
        self._ffi, self._lib = binding.load()
        with ExitStack() as stack:
            stack.callback(attachment.close)
            self._ring = stack.enter_context(Ring(attachment.ring_fd, ring, attachment.shared_fd, attachment.skips_fd))
            self._epoll = stack.enter_context(select.epoll())
            self._epoll.register(self._ring.fd, select.EPOLLIN)
            self._stack = stack.pop_all()
        self._hosts = host_filter(kernel_filter, self)
        self.is_over = False
        self._busy = False
        self.records_read = 0
        self.read_ns = 0
        self._clock = Clock()
        self.clock_offset_ns = self._clock.offset_ns

    def close(self) -> None:
        """Frees everything in the kernel. counters() still works."""
        self.detach()
        self._stack.close()

    def detach(self) -> None:
        """Ends the capture. The records in the ring can still be drained."""
        self.is_over = True
        self._attachment.detach()

    def fileno(self) -> int:
        """The ring's descriptor. After ask_to_be_woken() has returned True, it becomes readable with a record."""
        return self._ring.fd

    @property
    def now_ns(self) -> int:
        """The current time by the clock of the records, in nanoseconds."""
        return time.monotonic_ns()

    @property
    def filled(self) -> float:
        """The part of the ring that holds records, with those of the present batch, from 0 to 1."""
        return self._ring.filled

    def counters(self) -> list[int]:
        """Returns the program's counters, in the order of enum sf_counter."""
        counted = self._attachment.counters()
        return counted if self._hosts is None else self._hosts.corrected(counted)

    def drain(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Passes one batch of records to consume, then frees their space in the ring.

        Args:
            consume: gets the ring's memory and the offsets of the records in it. Both are valid until it
                returns.

        Returns the number of records; 0 if none is ready.
        """
        began_ns = self.now_ns
        offsets = self._ring.peek()
        if offsets:
            (last_ns,) = TIME.unpack_from(self._ring.view, offsets[-1])
            self.clock_offset_ns = self._clock.follow()
            try:
                wanted = offsets if self._hosts is None else self._hosts.wanted(self._ring.view, offsets)
                self.records_read += len(wanted)
                if wanted:
                    consume(self._ring.view, wanted)
            finally:
                self._ring.release()
            self.read_ns = max(self.read_ns, last_ns)
            self._busy = True
        else:
            self._ring.release()  # there may have been records that the program discarded
            if self._ring.produced() == self._ring.consumed():  # otherwise another CPU is still writing one
                self.read_ns = began_ns
        return len(offsets)

    def drained(self, consume: Callable[[memoryview, list[int]], None]) -> Iterator[int]:
        """Passes on every record that was reserved in the ring when this began. Yields the size of each batch."""
        self._attachment.check()
        began_ns = self.now_ns
        target = self._ring.produced()
        while self._ring.consumed() < target:
            # 0: another CPU is still writing a record, which takes some hundred nanoseconds
            yield self.drain(consume)
        self.read_ns = max(self.read_ns, began_ns)

    def drain_all(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Passes on every record that was reserved in the ring at the time of the call. Returns their number."""
        return sum(self.drained(consume))

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there are records to drain, at most timeout_s seconds.

        After a drain that found records, it sleeps a fixed time, so that the kernel need not wake it for each record.
        """
        if self._busy:
            time.sleep(min(NAP_S, timeout_s))
            self._busy = False
            return
        if self.ask_to_be_woken():
            ready = self._epoll.poll(min(timeout_s, WAIT_S_MAX))
            self._ring.awake()
            self._was_woken_by([fd for fd, _ in ready])

    def wall_ns(self, time_ns: int) -> int:
        """Returns a record's time by the wall clock, in nanoseconds since 1970."""
        return time_ns + self.clock_offset_ns

    def ask_to_be_woken(self) -> bool:
        """Requests that the next record make the descriptor readable. Returns False if records are there already."""
        return self._ring.ask_to_be_woken()

    def also_wake_for(self, fd: int) -> None:
        """Makes wait() also return when this descriptor becomes readable."""
        self._epoll.register(fd, select.EPOLLIN)

    def skip(self, stream: int, until_seq: int) -> None:
        """Tells the program to send only lengths of this stream, up to a sequence number."""
        self._ring.skip(stream, self._lib.SF_SKIP_UNTIL, until_seq)

    def skip_content(self, stream: int, number: int) -> bool:
        """Tells the program to leave out the content of one stream of HTTP/2. Returns whether it may do so."""
        return False

    def take_all(self, stream: int) -> None:
        """Withdraws the order of skip()."""
        self._ring.skip(stream, self._lib.SF_SKIP_NONE)

    def reject(self, stream: int) -> None:
        """Tells the program that this stream's connection is not HTTP."""
        self._ring.skip(stream, self._lib.SF_SKIP_REJECT)

    def forget(self, stream: int) -> None:
        """Tells the program to detect again whether this stream's connection is HTTP."""
        self._ring.skip(stream, self._lib.SF_SKIP_FORGET)

    @property
    def name(self) -> str:
        """What the source captures, for messages."""
        raise NotImplementedError

    @property
    def changes(self) -> deque[Change]:
        """The changes of the interfaces, the oldest first. The caller removes them."""
        return deque()

    def interface_name(self, index: int) -> str:
        """Returns the name of the interface with the index that a record has."""
        raise NotImplementedError

    def keep_up(self) -> None:
        """Handles changes of the interfaces. Call it about once a second."""

    def settle(self, drain: Callable[[], int], is_pending: Callable[[], bool]) -> None:
        """Waits for records of events that have already happened. This base class has nothing to wait for.

        Args:
            drain: reads the records in the ring.
            is_pending: whether an exchange is still open.
        """

    def _was_woken_by(self, fds: list[int]) -> None:
        """Handles the descriptors that ended a wait."""
