"""Records that a program puts into a ring, and the way back to it."""

from __future__ import annotations

import select
import time
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, TypeVar

from sockfilter.libbpf import binding
from sockfilter.libbpf.counters import Sum
from sockfilter.libbpf.ring import Ring
from sockfilter.model.hearing import WIRE
from sockfilter.sources.clock import Clock
from sockfilter.sources.hosts import host_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sockfilter.sources.changes import Change
    from sockfilter.sources.narrowing import KernelFilter

# bytes of the ring; at 150 000 requests a second, some 180 MB/s, it bridges 90 ms without the reader
RING_BYTES = 16 << 20
# seconds between two looks at a busy ring: a wake-up for each record would cost more than the record
NAP_S = 0.003
# stands for "no limit" in struct sf_config
ALL_BYTES = (1 << 32) - 1
# seconds; the request to be woken and a record may pass each other unseen, see sf_ring_asleep()
WAIT_S_MAX = 0.25

Self = TypeVar("Self", bound="RecordSource")


class Attached(Protocol):
    """A program that puts records into a ring.

    Attributes:
        ring_fd, shared_fd, skips_fd: descriptors of its maps; they live until close().
    """

    ring_fd: int
    shared_fd: int
    skips_fd: int

    def check(self) -> None:
        """Raises SockfilterError where it sees nothing any more."""

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter; final once it is detached."""

    def detach(self) -> None:
        """Takes it off what it is attached to; its maps stay."""

    def close(self) -> None:
        """Gives everything back; counters() goes on to answer."""


def outcomes() -> Sum:
    """What holds of enum sf_counter: all that is seen has one outcome."""
    _, lib = binding.load()
    return Sum(lib.SF_SEEN, lib.SF_SEEN + 1, lib.SF_RING_FULL)


class RecordSource:
    """Records of a program, from the moment it is attached until it is closed.

    Args:
        attachment: the program; it is closed with this.
        ring: bytes of its ring.
        kernel_filter: what is left out; the program does most of it.

    Attributes:
        is_over: whether nothing more can come.
    """

    # what is live is what it is, and is no file
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
        self._clock = Clock()
        self.clock_offset_ns = self._clock.offset_ns

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives everything back to the kernel; counters() goes on to answer."""
        self.detach()
        self._stack.close()

    def detach(self) -> None:
        """Ends the capture; what is in the ring can still be drained."""
        self.is_over = True
        self._attachment.detach()

    def fileno(self) -> int:
        """The ring's descriptor: readable when there are records, once ask_to_be_woken() said True."""
        return self._ring.fd

    @property
    def now_ns(self) -> int:
        """The time by the clock that records are stamped with."""
        return time.monotonic_ns()

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter."""
        counted = self._attachment.counters()
        return counted if self._hosts is None else self._hosts.corrected(counted)

    def drain(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Hands one batch of records over and gives their room back.

        Args:
            consume: takes the ring's memory and the offsets of the records in it, which are valid
                until it returns.

        Returns how many there were; 0: none is ready.
        """
        offsets = self._ring.peek()
        if offsets:
            self.clock_offset_ns = self._clock.follow()
            try:
                wanted = offsets if self._hosts is None else self._hosts.wanted(self._ring.view, offsets)
                self.records_read += len(wanted)
                if wanted:
                    consume(self._ring.view, wanted)
            finally:
                self._ring.release()
            self._busy = True
        else:
            self._ring.release()  # there may have been records that the program threw away
        return len(offsets)

    def drained(self, consume: Callable[[memoryview, list[int]], None]) -> Iterator[int]:
        """Hands over every record that had a place in the ring when this was begun: the size of each batch."""
        self._attachment.check()
        target = self._ring.produced()
        while self._ring.consumed() < target:
            # nothing ready: a record is being written on another processor, for some hundred nanoseconds
            yield self.drain(consume)

    def drain_all(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Hands over every record that had a place in the ring when this was called. Returns how many."""
        return sum(self.drained(consume))

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there are records to drain, at most timeout_s seconds.

        After a busy drain it naps instead, so that the kernel need not wake it for each record.
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
        """A record's time by the wall clock, in nanoseconds since 1970."""
        return time_ns + self.clock_offset_ns

    def ask_to_be_woken(self) -> bool:
        """Makes the descriptor readable with the next record. False: there are some already."""
        return self._ring.ask_to_be_woken()

    def also_wake_for(self, fd: int) -> None:
        """Lets wait() return as well when this descriptor becomes readable."""
        self._epoll.register(fd, select.EPOLLIN)

    def skip(self, stream: int, until_seq: int) -> None:
        """Tells the program that of this stream only lengths are needed, up to a sequence number."""
        self._ring.skip(stream, self._lib.SF_SKIP_UNTIL, until_seq)

    def take_all(self, stream: int) -> None:
        """Takes back what skip() said."""
        self._ring.skip(stream, self._lib.SF_SKIP_NONE)

    def reject(self, stream: int) -> None:
        """Tells the program that this stream's connection is not HTTP."""
        self._ring.skip(stream, self._lib.SF_SKIP_REJECT)

    def forget(self, stream: int) -> None:
        """Tells the program to look anew whether this stream's connection is HTTP."""
        self._ring.skip(stream, self._lib.SF_SKIP_FORGET)

    @property
    def name(self) -> str:
        """Where it listens."""
        raise NotImplementedError

    @property
    def changes(self) -> deque[Change]:
        """What has happened to where it listens, the oldest first; to be taken out."""
        return deque()

    def interface_name(self, index: int) -> str:
        """Where a record was seen, by the index in it."""
        raise NotImplementedError

    def keep_up(self) -> None:
        """Follows what has changed where it listens. To be called about once a second."""

    def settle(self, drain: Callable[[], int], is_pending: Callable[[], bool]) -> None:
        """Waits until what can have been seen elsewhere is in the ring. Here, it is at once.

        Args:
            drain: takes what is there.
            is_pending: whether something has begun that may have ended.
        """

    def _was_woken_by(self, fds: list[int]) -> None:
        """Looks at what has ended a wait."""
