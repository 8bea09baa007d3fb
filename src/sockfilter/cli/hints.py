"""Why a capture shows no exchange: hints for a user who watches it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.cli import closed
from sockfilter.cli.texts import text_of
from sockfilter.sources.packets.interfaces import ANY
from sockfilter.system import sockets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.cli.looking import Onlooker
    from sockfilter.ledger import Ledger
    from sockfilter.sources.narrowing import KernelFilter

# Seconds without an exchange before the hint: long enough to start a client, short enough to be of use.
PATIENCE_S = 10.0
HTTPS_PORT = 443
# The number of interfaces and of processes that a hint names.
NAMED_MAX = 3


class Start(NamedTuple):
    """The state at the start of the capture, collected while the process still had its rights.

    Attributes:
        time_s: the time of the start, in seconds.
        packets: the number of packets of each interface.
        elsewhere: the other network namespaces: a process in each, with the name of its command.
        past_network: what takes bytes from socket to socket, past the network; empty: nothing was found.
    """

    time_s: float
    packets: dict[str, int]
    elsewhere: dict[int, str]
    past_network: str = ""

    @property
    def due_s(self) -> float:
        """The time at which the hint is due, in seconds."""
        return self.time_s + PATIENCE_S


def start(past_network: str = "") -> Start:
    """Collects the state of the machine. Takes some milliseconds."""
    return Start(time.monotonic(), _packets(), _elsewhere(), past_network)


def why(
    began: Start,
    interfaces: Sequence[str],
    kernel_filter: KernelFilter,
    ledger: Ledger,
    onlooker: Onlooker | None = None,
) -> str:
    """Returns the most likely reason why no exchange was shown. Empty: no reason was found.

    Args:
        began: the result of start().
        interfaces: the interfaces of the capture, or "any".
        kernel_filter: the filter of the capture.
        ledger: the counters of the capture.
        onlooker: finds the TLS libraries in use. None: nobody may look.
    """
    packets = ledger.packets
    unplugged = [name for name in interfaces if text_of(f"/sys/class/net/{name}/carrier") == "0"]
    if unplugged and not packets["sent"]:
        return f"{unplugged[0]} has no carrier: the cable is missing, or the other end is down"
    if packets["tls"]:
        return closed.said_of(ledger, onlooker)
    if missing := closed.said_of_missing_secrets(ledger):
        return missing
    if packets["sent"]:
        return ""  # there is HTTP, and its exchanges have not ended yet
    if packets["not_http"]:
        return f"{packets['not_http']} TCP packets had payload, but none was HTTP; try other ports"
    if packets["filtered"]:
        return f"{packets['filtered']} packets were excluded by --ports, --host, -4 or -6; remove these to see more"
    if packets["not_tcp"] and _has_udp(HTTPS_PORT):
        return "there is UDP on port 443: HTTP/3, which sockfilter does not decode"
    if packets["no_payload"]:
        return _redirected(began, interfaces, kernel_filter)
    return _nothing_at_all(began, interfaces, kernel_filter, packets["seen"])


def _nothing_at_all(began: Start, interfaces: Sequence[str], kernel_filter: KernelFilter, seen: int) -> str:
    taken = _redirected(began, interfaces, kernel_filter)
    if taken:
        return taken
    busy = {name: count - began.packets.get(name, 0) for name, count in _packets().items() if name not in interfaces}
    names = sorted((name for name, count in busy.items() if count > 0), key=lambda name: -busy[name])
    # Look for neighbours only if there is no other reason.
    where = " or ".join(interfaces)
    nothing = f"no packets on {where}" if not seen else f"no TCP packets on {where}"
    if names and ANY not in interfaces:
        return f"{nothing}; there are some on {', '.join(names[:NAMED_MAX])}: -i {names[0]}, or -i any"
    if began.elsewhere:
        places = [f"--netns {number} ({name})" for number, name in list(began.elsewhere.items())[:NAMED_MAX]]
        return f"{nothing}; other network namespaces: {', '.join(places)}"
    return nothing


def _redirected(began: Start, interfaces: Sequence[str], kernel_filter: KernelFilter) -> str:
    """Returns what may redirect packets before the program sees them. Empty: nothing was found."""
    if began.past_network:
        return began.past_network
    for interface in interfaces:
        if interface != ANY and _has_xdp(interface):
            return f"an XDP program is on {interface}: sockfilter does not see what it drops or redirects"
    ports = [port for port in _connected("tcp") if kernel_filter.ports is not None and kernel_filter.wants(port, port)]
    if not ports:
        return ""
    where = " or ".join(interfaces)
    return (
        f"connections with port {ports[0]} are open, but none of their bytes pass {where}: they are idle, on"
        " another interface, or redirected from socket to socket (sockmap), without packets"
    )


def _has_xdp(interface: str) -> bool:
    from pyroute2 import IPRoute  # takes a quarter of a second to import

    with suppress(Exception), IPRoute() as netlink:  # an error must not end a capture: this is only for a hint
        for link in netlink.get_links(ifname=interface):
            xdp = link.get_attr("IFLA_XDP")
            return bool(xdp and xdp.get_attr("IFLA_XDP_ATTACHED"))
    return False


def _has_udp(port: int) -> bool:
    return port in _connected("udp")


def _connected(kind: str) -> list[int]:
    """Returns the ports at both ends of the connected sockets in this network namespace."""
    ends = ((found.here, found.there) for found in sockets.table(kind) if found.state == sockets.ESTABLISHED)
    return [end.port for pair in ends for end in pair]


def _packets() -> dict[str, int]:
    """Returns the number of packets that each interface has received and sent."""
    found = {}
    for line in (text_of("/proc/thread-self/net/dev") or "").splitlines()[2:]:
        name, _, numbers = line.rpartition(":")
        fields = numbers.split()
        found[name.strip()] = int(fields[1]) + int(fields[9])
    return found


def _elsewhere() -> dict[int, str]:
    """Returns the other network namespaces: the first process in each, and its name."""
    here, seen, found = _namespace("self"), set(), {}
    for entry in sorted((name for name in os.listdir("/proc") if name.isdecimal()), key=int):
        place = _namespace(entry)
        if place and place != here and place not in seen:
            seen.add(place)
            found[int(entry)] = text_of(f"/proc/{entry}/comm") or "?"
    return found


def _namespace(process: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/ns/net")
    except OSError:
        return ""
