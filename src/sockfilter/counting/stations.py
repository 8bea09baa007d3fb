"""The places where packets are counted: the tap, XDP and tcx. Each loads the object with its own programs."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.counting.reading import CounterReading
from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError, refused
from sockfilter.libbpf import binding, links
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.system import bpf_programs, devices, rights

if TYPE_CHECKING:
    from sockfilter.counting.counts import StationCounts
    from sockfilter.sources.packets.interfaces import Interface

OBJECT = f"{OBJECTS}/count.bpf.o"
PROGRAMS = TAP, XDP, XDP_BY_CALLS, TCX_IN, TCX_OUT = (
    *("count_tap", "count_xdp", "count_xdp_by_calls"),
    *("count_tcx_in", "count_tcx_out"),
)
# modes of XDP, by the flags of its link; without a mode, native if the driver has it
XDP_FLAGS = {"": 0, "native": links.XDP_NATIVE, "generic": links.XDP_GENERIC}
# include/uapi/asm-generic/socket.h, include/uapi/linux/if_ether.h
SO_ATTACH_BPF = 50
ETH_P_ALL = 0x0003


class Station(Closing):
    """A place where packets are counted.

    Args:
        interface: where.
        programs: the programs of the place.

    Attributes:
        mode: of XDP: native, generic or offloaded; of the others empty.

    Raises:
        MissingCapability: CAP_BPF is missing, or another one that the place needs.
        KernelUnsupported: the kernel does not have the place, or it is taken.
        ObjectError: the object is missing or damaged.
    """

    name = ""
    programs: tuple[str, ...] = ()
    needs = ""

    def __init__(self, interface: Interface) -> None:
        ffi, _ = binding.load()
        self.interface = interface
        self.mode = ""
        with ExitStack() as stack:
            self.object = stack.enter_context(BpfObject(OBJECT))
            self.object.choose(PROGRAMS, *self.programs)
            config = ffi.new("struct sf_count_config *", {"has_link_header": bool(interface.has_link_header)})
            self.object.configure(bytes(ffi.buffer(config)))
            reading = CounterReading(self.object)
            self._load()
            self._reading = stack.enter_context(reading)
            try:
                self.attach(stack)
            except PermissionError as error:
                raise MissingCapability(
                    f"counting at {self.name} of {interface.name}: {error.strerror}: {rights.advice_for(self.needs)}"
                ) from error
            self._stack = stack.pop_all()

    def attach(self, stack: ExitStack) -> None:
        """Attaches the programs; the stack detaches them. Raises OSError and KernelUnsupported."""
        raise NotImplementedError

    def read(self) -> StationCounts:
        """Returns everything that has been counted."""
        return self._reading.read()

    def close(self) -> None:
        """Detaches the programs and frees the counters."""
        self._stack.close()

    def _load(self) -> None:
        try:
            self.object.load()
        except MissingCapability as error:
            advice = rights.advice_for(self.needs, self.object.is_short_of_locked_memory)
            raise MissingCapability(f"{error}: {advice}") from error

    def link(self, stack: ExitStack, program: str, attach_type: int, flags: int = 0) -> None:
        """Attaches a program by a link. Raises OSError."""
        links.attach(stack, self.object.program_fd(program), self.interface.index, attach_type, flags)


class TapStation(Station):
    """Where packet sockets get their packets: both directions, behind XDP and before tcx and the firewall."""

    name = "tap"
    programs = (TAP,)
    needs = "CAP_NET_RAW"

    def attach(self, stack: ExitStack) -> None:
        """Binds a packet socket with the program."""
        ffi, lib = binding.load()
        packets = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, self.object.program_fd(TAP))
        if lib.sf_packet_bind(packets.fileno(), self.interface.index, ETH_P_ALL):
            raise OSError(ffi.errno, os.strerror(ffi.errno))


class TcxStation(Station):
    """The traffic control hooks: behind the tap for packets that arrive, before it for those that are sent."""

    name = "tcx"
    programs = (TCX_IN, TCX_OUT)
    needs = "CAP_NET_ADMIN"

    def attach(self, stack: ExitStack) -> None:
        """Links a program for each direction."""
        try:
            self.link(stack, TCX_IN, links.TCX_INGRESS)
            self.link(stack, TCX_OUT, links.TCX_EGRESS)
        except PermissionError:
            raise
        except OSError as error:
            tried = f"counting at tcx of {self.interface.name}"
            raise refused(tried, error.errno, error.strerror, "it requires Linux 6.6 or newer") from error


class XdpStation(Station):
    """Before everything else, and before the kernel has made its own description of a packet; arriving packets only.

    Args:
        interface: where.
        wanted: the mode, "native" or "generic"; empty: native if the driver has it.
    """

    name = "xdp"
    needs = "CAP_NET_ADMIN"

    def __init__(self, interface: Interface, wanted: str = "") -> None:
        self._wanted = wanted
        self.programs = (XDP if rights.has_perfmon() else XDP_BY_CALLS,)
        super().__init__(interface)

    def attach(self, stack: ExitStack) -> None:
        """Links the program, and finds out in which mode it runs."""
        name = self.interface.name
        self._check_free()
        try:
            self.link(stack, self.programs[0], links.XDP, XDP_FLAGS[self._wanted])
        except PermissionError:
            raise
        except OSError as error:
            if error.errno in (errno.EBUSY, errno.EEXIST):  # another one was faster
                self._check_free()
            remedy = "another program may be in the way"
            if error.errno in (errno.EOPNOTSUPP, errno.EINVAL) and self._wanted == "native":
                remedy = "its driver has no native XDP: use --at xdp:generic"
            raise refused(f"counting at xdp of {name}", error.errno, error.strerror, remedy) from error
        device = devices.describe(self.interface.index)
        self.mode = device.xdp[0].mode if device is not None and device.xdp else self._wanted

    def _check_free(self) -> None:
        """Raises KernelUnsupported if the interface has an XDP program. Two cannot share an interface."""
        device = devices.describe(self.interface.index)
        if device is not None and device.xdp:
            taken = device.xdp[0]
            raise KernelUnsupported(
                f"{self.interface.name} has an XDP program ({taken.mode}; {bpf_programs.described(taken.number)}),"
                " and an interface has room for one"
            )

    def _load(self) -> None:
        try:
            super()._load()
        except ObjectError as error:
            raise KernelUnsupported(
                f"counting at xdp of {self.interface.name}: {error}; it requires Linux 5.18 or newer: count at the tap"
            ) from error
