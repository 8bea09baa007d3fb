"""The parts of a live capture: the source of its records and the observers that run beside it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.captures.wanted import Keeping, Traffic, Whose
    from sockfilter.sources.narrowing import KernelFilter
    from sockfilter.sources.packets.live import Attach
    from sockfilter.sources.records import RecordSource

PACKETS, SYSCALLS = "packets", "syscalls"


def source_of(
    traffic: Traffic, whose: Whose, keeping: Keeping, kernel_filter: KernelFilter, meanwhile: Callable[[], None]
) -> RecordSource:
    """Opens the source of the records.

    Args:
        traffic, whose, keeping: the arguments of the capture, in groups.
        kernel_filter: the connections to capture.
        meanwhile: called while the kernel verifies the program, before the first packet is seen.
    """
    if traffic.via == SYSCALLS:
        return _calls(traffic, whose, keeping, kernel_filter, meanwhile)
    if traffic.via == PACKETS:
        return _packets(traffic, whose, keeping, kernel_filter, meanwhile)
    raise InvalidArgument(f"via={traffic.via!r}: it must be {PACKETS!r} or {SYSCALLS!r}")


def _calls(
    traffic: Traffic, whose: Whose, keeping: Keeping, kernel_filter: KernelFilter, meanwhile: Callable[[], None]
) -> RecordSource:
    refused: dict[str, object] = {
        "interface": traffic.interface,
        "netns": traffic.namespace,
        "broker": traffic.broker,
        "keylog": traffic.keylog,
        "pcap": traffic.pcap,
    }
    refused |= {
        "outputs": keeping.outputs if keeping.has_frames else None,
        "snap": traffic.snap,
        "promiscuous": traffic.promiscuous or None,
    }
    _refuse(refused, PACKETS)
    from sockfilter.sources.calls import syscalls  # needed only for system calls

    callers = syscalls.callers(whose.pid, whose.comm, whose.cgroup, whose.unix)
    return syscalls.SyscallSource(
        callers, kernel_filter=kernel_filter, ring=traffic.ring, run_bytes=keeping.run_bytes, meanwhile=meanwhile
    )


def _packets(
    traffic: Traffic, whose: Whose, keeping: Keeping, kernel_filter: KernelFilter, meanwhile: Callable[[], None]
) -> RecordSource:
    if traffic.snap is not None and traffic.snap < 0:
        raise InvalidArgument(f"snap={traffic.snap}: a number of bytes cannot be negative")
    _refuse({"pid": whose.pid, "comm": whose.comm, "cgroup": whose.cgroup, "unix": whose.unix or None}, SYSCALLS)
    if traffic.pcap and traffic.broker is not None:
        raise InvalidArgument("pcap is not possible with a broker, which attaches its own program alone")
    from sockfilter.sources.packets.attachment import attach
    from sockfilter.sources.packets.live import LiveSource

    return LiveSource(
        interface_names(traffic.interface),
        kernel_filter=kernel_filter,
        netns=traffic.namespace,
        ring=traffic.ring,
        frame_bytes=traffic.snap,
        run_bytes=keeping.run_bytes,
        promiscuous=traffic.promiscuous,
        whole=keeping.has_frames,
        attached=partial(attach, pcap=kernel_filter.pcap) if traffic.broker is None else _borrowing(traffic.broker),
        meanwhile=meanwhile,
    )


def observers_wanted(traffic: Traffic, whose: Whose) -> dict[str, bool | None]:
    """Returns which observers to run, by name. None: run it if possible. Raises InvalidArgument."""
    if traffic.broker is None:
        tcp = False if whose.processes is False and whose.tcp is None else whose.tcp
        return {"processes": whose.processes, "tcp": tcp}
    for name, value in (("processes", whose.processes), ("tcp", whose.tcp), ("stacks", whose.stacks)):
        if value:
            raise InvalidArgument(f"{name}=True is not possible with a broker: it requires rights of your own")
    return {}


def interface_names(interface: str | Sequence[str] | None) -> list[str]:
    """Returns the names that the argument interface stands for. Raises InvalidArgument."""
    if interface is None:
        return ["lo"]
    names = [interface] if isinstance(interface, (str, bytes)) else list(interface)
    for name in names:
        if not isinstance(name, str):
            raise InvalidArgument(f"interface={interface!r}: it must be a name or a list of names, as strings")
    return names


def _refuse(given: dict[str, object], way: str) -> None:
    """Raises InvalidArgument if an argument is given that belongs to the other kind of source."""
    for name, value in given.items():
        if value is not None:
            raise InvalidArgument(f"{name}={value!r} needs via={way!r}")


def _borrowing(broker: str) -> Attach:
    from sockfilter.sources.broker.client import borrow  # imports JSON and its dependencies

    return borrow(broker)
