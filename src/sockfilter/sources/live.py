"""A live interface: the BPF object loaded, its program attached to a packet socket, its ring read."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.errors import InterfaceDown, KernelUnsupported, MissingCapability, NoSuchInterface
from sockfilter.libbpf import binding
from sockfilter.libbpf.object import BpfObject
from sockfilter.libbpf.ring import Ring, ring_bytes
from sockfilter.sources import interfaces, namespace, rights
from sockfilter.sources.narrowing import Narrowing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

OBJECT = Path(__file__).resolve().parent.parent / "objects/sockfilter.bpf.o"

# include/uapi/asm-generic/socket.h, include/uapi/linux/if_packet.h, include/uapi/linux/if_ether.h
SO_ATTACH_BPF = 50
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_PROMISC = 1
PACKET_IGNORE_OUTGOING = 23
PACKET_MREQ = Struct("=iH10x")
ETH_P_ALL = 0x0003

# bytes; at 150 000 requests a second, some 180 MB/s, it bridges 90 ms without the reader
RING_BYTES = 16 << 20
# seconds between two looks at a busy ring: a wake-up for each record would cost more than the record
NAP_S = 0.003
# seconds; the request to be woken and a record may pass each other unseen, see sf_ring_asleep()
WAIT_S_MAX = 0.25
# nanoseconds by which the wall clock may leave its old course before its offset is taken anew
CLOCK_STEP_NS = 1_000_000
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
    ) -> None:
        self._stack = ExitStack()
        self._socket: socket.socket | None = None
        self._counters: list[int] | None = None
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
                self.interface = interfaces.find(interface)
                self._names = self._stack.enter_context(interfaces.Names())
                config.link = self._link()
                self._object = self._stack.enter_context(_loaded(bytes(self._ffi.buffer(config)), ports, size))
                self.counters()  # what is in the way of reading them is to be said now, not at the end
                self._ring = self._stack.enter_context(
                    Ring(self._object.map_fd("ring"), size, self._object.map_fd(".bss"), self._object.map_fd("orders"))
                )
                self._epoll = self._stack.enter_context(select.epoll())
                self._epoll.register(self._ring.fd, select.EPOLLIN)
                self._socket = self._stack.enter_context(self._attached(promiscuous))
        except BaseException:
            self._stack.close()
            raise
        self._busy = False
        self.records_read = 0
        self.clock_offset_ns = _clock_offset()

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
        if self._socket is None:
            return
        # the kernel waits for running filters (synchronize_net in packet_release): the counters are final
        self._socket.close()
        self._socket = None
        self._counters = self._object.sum_counters("counters", self._lib.SF_COUNTERS)

    def fileno(self) -> int:
        """The ring's descriptor: readable when there are records, once ask_to_be_woken() said True."""
        return self._ring.fd

    @property
    def name(self) -> str:
        """The interface's."""
        return self.interface.name

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come."""
        return self._socket is None

    @property
    def now_ns(self) -> int:
        """The time by the clock that records are stamped with."""
        return time.monotonic_ns()

    def interface_name(self, index: int) -> str:
        """An interface's name by the index in a record; the index itself where it has gone."""
        return self._names.of(index)

    def counters(self) -> list[int]:
        """The program's counters, in the order of enum sf_counter."""
        if self._counters is not None:
            return self._counters
        return self._object.sum_counters("counters", self._lib.SF_COUNTERS)

    def drain(self, consume: Callable[[memoryview, list[int]], None]) -> int:
        """Hands one batch of records over and gives their room back.

        Args:
            consume: takes the ring's memory and the offsets of the records in it, which are valid
                until it returns.

        Returns how many there were; 0: none is ready.
        """
        offsets = self._ring.peek()
        if offsets:
            self._follow_clock()
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
            self._epoll.poll(min(timeout_s, WAIT_S_MAX))
            self._ring.awake()

    def ask_to_be_woken(self) -> bool:
        """Makes the descriptor readable with the next record. False: there are some already."""
        return self._ring.ask_to_be_woken()

    def also_wake_for(self, fd: int) -> None:
        """Lets wait() return as well when this descriptor becomes readable."""
        self._epoll.register(fd, select.EPOLLIN)

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

    def _follow_clock(self) -> None:
        offset = _clock_offset()
        if abs(offset - self.clock_offset_ns) > CLOCK_STEP_NS:
            self.clock_offset_ns = offset

    def _link(self) -> int:
        kinds = {None: self._lib.SF_LINK_DETECT, True: self._lib.SF_LINK_ETHERNET, False: self._lib.SF_LINK_NONE}
        return int(kinds[self.interface.has_link_header])

    def _attached(self, promiscuous: bool) -> socket.socket:
        """A packet socket with the program on it. The protocol comes with the bind: until then, no frame."""
        interface = self.interface
        try:
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            raise MissingCapability(f"opening a packet socket: {error.strerror}: {rights.advice()}") from error
        try:
            packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, self._object.program_fd("sockfilter"))
            if interface.is_loopback:
                # lo passes each packet on twice; this spares the kernel even the copy (kernel fa788d986a3a)
                packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            if promiscuous and interface.index:
                request = PACKET_MREQ.pack(interface.index, PACKET_MR_PROMISC)
                packets.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
            if self._lib.sf_packet_bind(packets.fileno(), interface.index, ETH_P_ALL):
                raise OSError(self._ffi.errno, os.strerror(self._ffi.errno))
            pending = packets.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if pending:
                raise OSError(pending, os.strerror(pending))
        except OSError as error:
            packets.close()
            raise _bind_error(interface.name, error) from error
        return packets


def _bind_error(name: str, error: OSError) -> Exception:
    if error.errno == errno.ENETDOWN:
        return InterfaceDown(f"interface {name} is down; bring it up first: ip link set {name} up")
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return NoSuchInterface(f"listening on interface {name!r}: it has just gone")
    if error.errno == errno.ENOPROTOOPT:
        return KernelUnsupported(f"listening on interface {name}: {error.strerror}; it takes Linux 5.8 or newer")
    if error.errno in (errno.EPERM, errno.EACCES):
        return MissingCapability(f"listening on interface {name}: {error.strerror}: {rights.advice()}")
    return KernelUnsupported(f"listening on interface {name}: {error.strerror}; another program may be in the way")


def _loaded(config: bytes, ports: bytes, ring_size: int) -> BpfObject:
    opened = BpfObject(OBJECT)
    try:
        opened.set_max_entries("ring", ring_size)
        opened.configure(config)
        opened.load()
        if ports:
            opened.fill("ports", ports)
    except MissingCapability as error:
        opened.close()
        raise MissingCapability(f"{error}: {rights.advice()}") from error
    except BaseException:
        opened.close()
        raise
    return opened


def _clock_offset() -> int:
    """Nanoseconds to add to CLOCK_MONOTONIC, which the kernel stamps with, for the wall clock."""
    return time.time_ns() - time.monotonic_ns()
