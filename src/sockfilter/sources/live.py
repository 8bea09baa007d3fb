"""A live interface: the BPF object loaded, its program attached to a packet socket, its ring read."""

from __future__ import annotations

import select
import time
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.libbpf import binding
from sockfilter.libbpf.ring import Ring, ring_bytes
from sockfilter.sources import interfaces, namespace
from sockfilter.sources.attachment import attach
from sockfilter.sources.clock import Clock
from sockfilter.sources.narrowing import Narrowing
from sockfilter.sources.presence import Presence

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sockfilter.sources.attachment import Attachment
    from sockfilter.sources.interfaces import Interface
    from sockfilter.sources.presence import Change

    # interface, struct sf_config, map of ports, bytes of the ring, promiscuous
    Attach: TypeAlias = Callable[[str, Any, bytes, int, bool], tuple[Interface, Attachment]]

# bytes; at 150 000 requests a second, some 180 MB/s, it bridges 90 ms without the reader
RING_BYTES = 16 << 20
# seconds between two looks at a busy ring: a wake-up for each record would cost more than the record
NAP_S = 0.003
# seconds; the request to be woken and a record may pass each other unseen, see sf_ring_asleep()
WAIT_S_MAX = 0.25
# bytes of a frame to send: all; the largest has 8 * 65 535 (GSO_MAX_SIZE)
WHOLE_FRAME = 1 << 20
ALL_BYTES = (1 << 32) - 1


class LiveSource:
    """Records of an interface's HTTP connections, from the moment it is made until it is closed.

    Args:
        interface: its name, or "any".
        narrowing: what the kernel leaves out.
        netns: a network namespace by name, or by the number of a process in it; None: this one.
        ring: bytes of the ring, made a power of two.
        frame_bytes: bytes of each frame to take at most; None: all.
        run_bytes: payload of one direction in a row that is sent even when the ring fills; None: all.
        promiscuous: take frames for other hosts too, as on a mirror port.
        whole: frames that say nothing to HTTP too, for a capture file.
        attached: makes the attachment, as attachment.attach() does.

    Attributes:
        is_over: whether nothing more can come.

    Raises:
        SockfilterError: one of its kinds, for each thing that can be in the way.
    """

    # a network is what it is
    damage = None

    def __init__(
        self,
        interface: str,
        *,
        narrowing: Narrowing | None = None,
        netns: str | None = None,
        ring: int = RING_BYTES,
        frame_bytes: int | None = None,
        run_bytes: int | None = None,
        promiscuous: bool = False,
        whole: bool = False,
        attached: Attach = attach,
    ) -> None:
        self._stack = ExitStack()
        self._ffi, self._lib = binding.load()
        size = ring_bytes(ring)
        narrowing = narrowing or Narrowing()
        config = self._ffi.new("struct sf_config *")
        ports = narrowing.configure(config)
        config.frame_bytes = min(frame_bytes or WHOLE_FRAME, WHOLE_FRAME)
        config.run_bytes = ALL_BYTES if run_bytes is None else min(run_bytes, ALL_BYTES)
        config.pressure_bytes = size // 2
        config.whole = whole
        try:
            with namespace.entered(netns):
                self._names = self._stack.enter_context(interfaces.Names())
                found, self._attachment = attached(interface, config, ports, size, promiscuous)
            at = self._attachment
            self._presence = Presence(found, self._names, at.rebind)
            self._stack.callback(at.close)
            self._ring = self._stack.enter_context(Ring(at.ring_fd, size, at.shared_fd, at.orders_fd))
            self._epoll = self._stack.enter_context(select.epoll())
            self._epoll.register(self._ring.fd, select.EPOLLIN)
            self._announcements = self._names.announcements.fileno()
            if self._announcements is not None:
                self._epoll.register(self._announcements, select.EPOLLIN)
        except BaseException:
            self._stack.close()
            raise
        self.is_over = False
        self._busy = False
        self._looking = Lock()  # one thread may wait while another takes what is there
        self.records_read = 0
        self._clock = Clock()
        self.clock_offset_ns = self._clock.offset_ns

    def __enter__(self) -> LiveSource:
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
    def interface(self) -> Interface:
        """As it is now, or was at last."""
        return self._presence.interface

    @property
    def name(self) -> str:
        """The interface's."""
        return self.interface.name

    @property
    def changes(self) -> deque[Change]:
        """What has happened to the interface, the oldest first; to be taken out."""
        return self._presence.changes

    @property
    def now_ns(self) -> int:
        """The time by the clock that records are stamped with."""
        return time.monotonic_ns()

    def interface_name(self, index: int) -> str:
        """An interface's name by the index in a record; the index itself where it has gone."""
        return self._names.of(index)

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter."""
        return self._attachment.counters()

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
            self.records_read += len(offsets)
            try:
                consume(self._ring.view, offsets)
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
            if any(fd == self._announcements for fd, _ in ready):
                self.keep_up()

    def ask_to_be_woken(self) -> bool:
        """Makes the descriptor readable with the next record. False: there are some already."""
        return self._ring.ask_to_be_woken()

    def also_wake_for(self, fd: int) -> None:
        """Lets wait() return as well when this descriptor becomes readable."""
        self._epoll.register(fd, select.EPOLLIN)

    def keep_up(self) -> None:
        """Follows the interface where it has changed. To be called about once a second."""
        with self._looking:
            if self._names.follow() or self._presence.is_settling:
                self._presence.look()

    def skip(self, stream: int, until_seq: int) -> None:
        """Tells the program that of this stream only lengths are needed, up to a sequence number."""
        self._ring.order(stream, self._lib.SF_ORDER_SKIP, until_seq)

    def take_all(self, stream: int) -> None:
        """Takes back what skip() said."""
        self._ring.order(stream, self._lib.SF_ORDER_NONE)

    def reject(self, stream: int) -> None:
        """Tells the program that this stream's connection is not HTTP."""
        self._ring.order(stream, self._lib.SF_ORDER_REJECT)

    def forget(self, stream: int) -> None:
        """Tells the program to look anew whether this stream's connection is HTTP."""
        self._ring.order(stream, self._lib.SF_ORDER_FORGET)
