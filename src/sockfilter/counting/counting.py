"""count(): counts the packets of an interface, from its call until it is closed."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.closing import ClosingIfForgotten
from sockfilter.counting.counts import PacketCounts
from sockfilter.counting.stations import Station, TapStation, TcxStation, XdpStation
from sockfilter.errors import Closed, InterfaceGone, InvalidArgument, KernelUnsupported, MissingCapability
from sockfilter.sources.narrowing import namespace_name
from sockfilter.sources.packets import interfaces
from sockfilter.system import devices
from sockfilter.system.namespace import entered
from sockfilter.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.counting.sockets import SocketStation

DEVICE, SOCKETS, DROPS = "device", "socket", "drops"
XDP_MODES = ("native", "generic")
# what can be asked for, as --at spells it
PLACES = (DEVICE, "xdp", *(f"xdp:{mode}" for mode in XDP_MODES), "tcx", SOCKETS, DROPS)


def count(interface: str, *, at: str | Iterable[str] = (), netns: str | int | None = None) -> PacketCounting:
    """Begins to count the packets of an interface. Every packet passes, and other programs are left alone.

    Args:
        interface: its name.
        at: places at which packets are counted too: "device", "xdp" or "xdp:native" or "xdp:generic", "tcx", "socket",
            "drops"; one, or several, or a text as for --at: "tcx,drops". The tap is always one.
        netns: the network namespace: a name of `ip netns`, or a PID. None: that of the calling thread.

    Returns:
        The counting, a context manager.

    Raises:
        InvalidArgument: an argument is invalid.
        NoSuchInterface, InterfaceDown, UnsupportedInterface: as for a capture.
        MissingCapability: CAP_BPF is missing, or CAP_NET_RAW for the tap, CAP_NET_ADMIN for XDP and tcx, CAP_PERFMON
            for "socket" and "drops".
        KernelUnsupported: the kernel does not have a place, or it is taken.
    """
    with entered(namespace_name(netns)):
        return PacketCounting(interface, at, has_to=True)


class PacketCounting(ClosingIfForgotten):
    """Counts the packets of an interface until it is closed.

    Args:
        name: the interface.
        at: further places; see count().
        has_to: raise an error if a place cannot be had. Otherwise `left_out` has it, and the others are counted.

    Attributes:
        interface: the name of the interface.
        modes: the mode of XDP, if packets are counted there: {"xdp": "generic"}.
        left_out: why places that were asked for are not counted.
    """

    def __init__(self, name: str, at: str | Iterable[str] = (), *, has_to: bool = True) -> None:
        wanted = places(at)
        if name == interfaces.ANY:
            raise InvalidArgument("counting takes one interface, not any: its places belong to an interface")
        found = interfaces.find(name)
        self.interface = name
        self.left_out: list[str] = []
        self._index = found.index
        self._stations: dict[str, Station] = {}
        self._sockets: SocketStation | None = None
        self._has_device = DEVICE in wanted
        self._has_delivered, self._has_drops = SOCKETS in wanted, DROPS in wanted
        with ExitStack() as stack:
            link = stack.enter_context(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
            self._devices = devices.Describing(link)
            self._add(stack, TapStation(found))
            for place in wanted:
                try:
                    self._begin(stack, place, found)
                except (KernelUnsupported, MissingCapability) as error:
                    if has_to:
                        raise
                    if str(error) not in self.left_out:  # two places may be one program's
                        self.left_out.append(str(error))
            # the places begin one after the other: what counts is what came when all of them were there
            self._before = self._counted()
            self._turns = Turns("the counting")
            self._stack = stack.pop_all()
        self.is_closed = False

    @property
    def modes(self) -> dict[str, str]:
        """The modes of places that have several."""
        return {name: station.mode for name, station in self._stations.items() if station.mode}

    def snapshot(self) -> PacketCounts:
        """Returns what has been counted until now.

        Raises InterfaceGone if the interface has been deleted, and Closed.
        """
        return self._turns.do(self._snapshot)

    def _snapshot(self) -> PacketCounts:
        if self.is_closed:
            raise Closed("the counting is closed; begin another")
        return self._counted() - self._before

    def _counted(self) -> PacketCounts:
        device = self._device()
        seconds = time.monotonic()
        delivered = drops = None
        if self._sockets is not None:
            delivered = self._sockets.delivered() if self._has_delivered else None
            drops = self._sockets.drops() if self._has_drops else None
        return PacketCounts(
            self.interface,
            seconds,
            {name: station.read() for name, station in self._stations.items()},
            device if self._has_device else None,
            delivered,
            drops,
        )

    def close(self) -> None:
        """Detaches all programs."""
        self._turns.close(self._end, self._end)

    def _end(self) -> None:
        self.is_closed = True
        self._stack.close()

    def _device(self) -> devices.DeviceCounts:
        found = self._devices.describe(self._index)
        if found is None:
            raise InterfaceGone(
                f"counting at interface {self.interface}: it has gone; what was counted before is right"
            )
        return found.counts

    def _begin(self, stack: ExitStack, place: str, found: interfaces.Interface) -> None:
        if place == "tcx":
            self._add(stack, TcxStation(found))
        elif place.startswith("xdp"):
            self._add(stack, XdpStation(found, place.partition(":")[2]))
        elif place in (SOCKETS, DROPS) and self._sockets is None:
            from sockfilter.counting.sockets import SocketStation  # reads the kernel's types

            self._sockets = stack.enter_context(SocketStation(found))

    def _add(self, stack: ExitStack, station: Station) -> None:
        self._stations[station.name] = stack.enter_context(station)


def places(at: str | Iterable[str]) -> list[str]:
    """Returns the places of a list, or of a text as for --at, each once. Raises InvalidArgument."""
    found = list(dict.fromkeys(map(str.strip, at.split(",")) if isinstance(at, str) else at))
    for place in found:
        if place not in PLACES:
            raise InvalidArgument(f"{place!r} is no place to count at; there are {', '.join(PLACES)}")
    if sum(place.startswith("xdp") for place in found) > 1:
        raise InvalidArgument("an interface has room for one XDP program: choose xdp, xdp:native or xdp:generic")
    return found
