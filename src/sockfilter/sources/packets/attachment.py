"""Loads the BPF program once, and attaches it to one or several interfaces."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

from sockfilter.errors import InterfaceDown, KernelUnsupported, MissingCapability, NoSuchInterface
from sockfilter.libbpf import binding
from sockfilter.libbpf.counters import Counters
from sockfilter.libbpf.gates import Gates
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.sources.packets import interfaces
from sockfilter.sources.records import Attached, outcomes
from sockfilter.system import rights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.sources.packets.interfaces import Interface
    from sockfilter.sources.packets.request import AttachRequest

OBJECT = f"{OBJECTS}/sockfilter.bpf.o"
# One of them is loaded. The second also looks for protocols beside HTTP, which takes the verifier longer. The third
# also leaves out content of HTTP/2. The verifier of 5.10 accepts that only with CAP_PERFMON.
PROGRAMS = PLAIN, OTHERS, FRAMES = "sockfilter", "sockfilter_others", "sockfilter_frames"

# The kernel charges a program to the memory for options of its socket: 8 bytes for each instruction (net/core/filter.c,
# sk_filter_charge()). There are 20 KiB before Linux 6.7, which is less than these programs take. So a gate of a few
# instructions is attached, which passes on to them: a tail call charges nothing.
OPTION_MEMORY = "/proc/sys/net/core/optmem_max"

# include/uapi/asm-generic/socket.h, include/uapi/linux/if_packet.h, include/uapi/linux/if_ether.h
SO_ATTACH_BPF = 50
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_PROMISC = 1
PACKET_IGNORE_OUTGOING = 23
PACKET_MREQ = Struct("=iH10x")
ETH_P_ALL = 0x0003


class Attachment(Attached, Protocol):
    """A program that is attached to interfaces."""

    def rebind(self, position: int, interface: Interface) -> None:
        """Binds a socket to another interface of the same kind, up or down. Needs no privileges. May raise OSError.

        Args:
            position: the position of the replaced interface in the list of requested interfaces.
            interface: the new interface.
        """


class OwnAttachment:
    """A program that this process loads and attaches itself, in the network namespace of the calling thread.

    Each interface has a socket. All sockets share the loaded program, its tables and its ring.

    Args:
        found: the interfaces.
        request: what to attach to them.
        meanwhile: called while the kernel verifies the program, and before the first packet is seen.
        content: the content of the file OBJECT, if it was read before; None reads it now.
        pcap: a filter of pcap-filter(7), which runs before the program; empty means none.

    Raises:
        SockfilterError: a subclass for each cause.
    """

    def __init__(
        self,
        found: Sequence[Interface],
        request: AttachRequest,
        meanwhile: Callable[[], None] = lambda: None,
        content: bytes | None = None,
        pcap: str = "",
    ) -> None:
        self._ffi, self._lib = binding.load()
        self._sockets: list[socket.socket] = []
        self._counters: list[int] | None = None
        self._promiscuous = request.promiscuous
        config = request.config()
        config.link = self._link(found)
        config.hops = len(found) > 1 or not found[0].index
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT, content=content))
            self._program = _program(config)
            self._object.choose(PROGRAMS, self._program)
            kept = Counters(self._object, self._lib.SF_COUNTERS, (outcomes(),))
            _load(self._object, bytes(self._ffi.buffer(config)), request.ports, request.ring, meanwhile)
            self._kept = stack.enter_context(kept.open())
            self.ring_fd, self.shared_fd, self.skips_fd = (
                self._object.map_fd(name) for name in ("ring", ".bss", "skips")
            )
            gate_fd = self._gate(stack, pcap)
            sockets = [
                stack.enter_context(self._attached(interface, gate_fd(interface.has_link_header)))
                for interface in found
            ]
            self._stack = stack.pop_all()
        self._sockets = sockets

    def check(self) -> None:
        """Does nothing: only this process can detach the program."""

    def counters(self) -> list[int]:
        """Returns the program's counters, in the order of enum sf_counter. After detach() they are final."""
        if self._counters is not None:
            return self._counters
        return self._kept.read()

    def rebind(self, position: int, interface: Interface) -> None:
        """Binds a socket to another interface of the same kind, up or down. Needs no privileges. May raise OSError."""
        if self._sockets:
            self._bind(self._sockets[position], interface)

    def detach(self) -> None:
        """Detaches the program from the interfaces. Its maps stay open."""
        if not self._sockets:
            return
        # the kernel waits for running filters (synchronize_net in packet_release): the counters are final
        for packets in self._sockets:
            packets.close()
        self._sockets = []
        self._counters = self.counters()

    def close(self) -> None:
        """Frees everything in the kernel. counters() still works."""
        self.detach()
        self._stack.close()

    def _link(self, found: Sequence[Interface]) -> int:
        """Returns the link type of all the frames; if the interfaces differ, the program checks each frame."""
        headers = {interface.has_link_header for interface in found}
        if headers == {True}:
            return int(self._lib.SF_LINK_ETHERNET)
        return int(self._lib.SF_LINK_NONE if headers == {False} else self._lib.SF_LINK_DETECT)

    def _gate(self, stack: ExitStack, pcap: str) -> Callable[[bool | None], int]:
        """What gives the program to attach to an interface, for whether its frames have an Ethernet header."""
        program_fd = self._object.program_fd(self._program)
        if pcap:
            from sockfilter.sources.pcap.gate import PcapGates  # only if there is such a filter

            return stack.enter_context(PcapGates(pcap, program_fd, self._object.map_fd("counters"))).program_fd
        gate_fd = stack.enter_context(Gates(program_fd)).open_gate()
        return lambda _has_header: gate_fd

    def _attached(self, interface: Interface, program_fd: int) -> socket.socket:
        """Returns a packet socket with a program attached. It gets no frame until bind() sets the protocol."""
        try:
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            raise MissingCapability(f"opening a packet socket: {error.strerror}: {rights.advice()}") from error
        try:
            packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program_fd)
            if interface.is_loopback:
                # lo delivers each packet twice, outgoing and incoming; this drops the outgoing one before the kernel
                # copies it (kernel fa788d986a3a)
                packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._bind(packets, interface)
            pending = packets.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if pending:
                raise OSError(pending, os.strerror(pending))
        except OSError as error:
            packets.close()
            raise _bind_error(interface.name, error) from error
        return packets

    def _bind(self, packets: socket.socket, interface: Interface) -> None:
        if self._promiscuous and interface.index:
            request = PACKET_MREQ.pack(interface.index, PACKET_MR_PROMISC)
            packets.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
        if self._lib.sf_packet_bind(packets.fileno(), interface.index, ETH_P_ALL):
            raise OSError(self._ffi.errno, os.strerror(self._ffi.errno))


def attach(
    request: AttachRequest,
    meanwhile: Callable[[], None] = lambda: None,
    content: bytes | None = None,
    pcap: str = "",
) -> tuple[list[Interface], OwnAttachment]:
    """Looks up the interfaces and attaches the program to them. Arguments and errors: see OwnAttachment."""
    found = [interfaces.find(name) for name in request.interfaces]
    return found, OwnAttachment(found, request, meanwhile, content, pcap)


def _program(config: Any) -> str:
    """The name of the program for a struct sf_config. A capture file has all bytes."""
    if config.protocols:
        return OTHERS
    return FRAMES if rights.has_perfmon() and not config.whole else PLAIN


def option_memory() -> int:
    """Bytes of a socket's memory for options; 0 if not known, as in a network namespace before Linux 6.8."""
    try:
        with open(OPTION_MEMORY) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _bind_error(name: str, error: OSError) -> Exception:
    if error.errno == errno.ENETDOWN:
        return InterfaceDown(f"interface {name} is down; bring it up first: ip link set {name} up")
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return NoSuchInterface(f"listening on interface {name!r}: it has just gone")
    if error.errno == errno.ENOPROTOOPT:
        return KernelUnsupported(f"listening on interface {name}: {error.strerror}; it requires Linux 5.8 or newer")
    if error.errno in (errno.EPERM, errno.EACCES):
        return MissingCapability(f"listening on interface {name}: {error.strerror}: {rights.advice()}")
    if error.errno == errno.ENOMEM:
        limit = option_memory()
        shown = f" ({limit} bytes)" if limit else ""
        return KernelUnsupported(
            f"listening on interface {name}: {error.strerror}; the filter is larger than net.core.optmem_max"
            f" allows{shown}; raise it: sysctl -w net.core.optmem_max=131072"
        )
    return KernelUnsupported(f"listening on interface {name}: {error.strerror}; another program may be in the way")


def _load(opened: BpfObject, config: bytes, ports: bytes, ring_size: int, meanwhile: Callable[[], None]) -> None:
    opened.set_max_entries("ring", ring_size)
    opened.configure(config)
    opened.begin_to_load()
    meanwhile()
    _end_loading(opened)
    if ports:
        opened.fill("ports", ports)


def _end_loading(opened: BpfObject) -> None:
    try:
        opened.load()
    except MissingCapability as error:
        raise MissingCapability(f"{error}: {rights.advice(opened.is_short_of_locked_memory)}") from error
