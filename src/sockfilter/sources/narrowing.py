"""The filter that runs in the kernel: ports, hosts and networks, and the address family."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sockfilter.errors import InvalidArgument, KernelUnsupported
from sockfilter.model.connection import V4_MAPPED
from sockfilter.model.protocols import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Sequence

Ports: TypeAlias = "int | str | range | Iterable[int | str | range]"
Hosts: TypeAlias = "str | Iterable[str]"
PORT_MAX = 65535
# bytes of a process's name: TASK_COMM_LEN without the zero at its end
NAME_BYTES_MAX = 15
# digits of a port number, leading zeros included; int() has its own limit and raises another error
DIGITS_MAX = 10
# enum sf_protocol
PROTOCOL_BITS = {name: 1 << place for place, name in enumerate(OPTIONAL)}
WORD_MASK = (1 << 64) - 1
ADDRESS_BITS = 128


def namespace_name(netns: str | int | None) -> str | None:
    """Returns the argument netns as a text: a process may be given by its number."""
    return None if netns is None else str(netns)


def process_numbers(pid: int | Sequence[int]) -> tuple[int, ...]:
    """Returns the numbers of processes.

    Raises:
        InvalidArgument: one is no number, or there is no such process.
        KernelUnsupported: there is no /proc to look for them.
    """
    found: tuple[Any, ...] = tuple(pid) if isinstance(pid, Iterable) and not isinstance(pid, (str, bytes)) else (pid,)
    if not found or not all(isinstance(number, int) and number > 0 for number in found):
        raise InvalidArgument(f"pid={pid!r}: it must be a number, or a list of numbers; process numbers start at 1")
    if not os.path.exists("/proc/self"):
        raise KernelUnsupported("looking for a process: there is no /proc; mount procfs: mount -t proc proc /proc")
    for number in found:
        if not os.path.exists(f"/proc/{number}"):
            raise InvalidArgument(f"there is no process {number}")
    return found


def process_names(comm: str | Sequence[str]) -> tuple[str, ...]:
    """Returns the names of processes, each once. Raises InvalidArgument if one cannot be a name."""
    found = tuple(dict.fromkeys(comm)) if isinstance(comm, Iterable) and not isinstance(comm, str) else (comm,)
    if not found or not all(isinstance(name, str) for name in found):
        raise InvalidArgument(f"comm={comm!r}: it must be a name, or a list of names")
    for name in found:
        if not 0 < len(name.encode(errors="surrogateescape")) <= NAME_BYTES_MAX:
            raise InvalidArgument(
                f"{name!r} is not a process name: names have 1 to {NAME_BYTES_MAX} bytes; ps -eo comm lists them"
            )
    return found


def port_ranges(ports: Ports) -> list[tuple[int, int]]:
    """Returns a set of ports as pairs of first and last port.

    Args:
        ports: a number, a string such as "8000,9000-9100", a range, or several of these.

    Raises:
        InvalidArgument: a part is not a port or a range of ports. The message quotes it.
    """
    if isinstance(ports, (int, range)):
        return [_checked(*_ends(ports), ports)]
    if isinstance(ports, bytes):
        raise InvalidArgument(f"{ports!r} is not a set of ports: use a string such as '8000,9000-9100'")
    if isinstance(ports, str):
        return [_parsed(part) for part in ports.split(",")]
    return [pair for part in ports for pair in port_ranges(part)]


def _ends(ports: int | range) -> tuple[int, int]:
    if isinstance(ports, int):
        return ports, ports
    if len(ports) == 0 or ports.step != 1:
        raise InvalidArgument(f"{ports} is not a range of ports: its step must be 1, and it must not be empty")
    return ports[0], ports[-1]


def _parsed(part: str) -> tuple[int, int]:
    first, dash, last = part.strip().partition("-")
    if not all(end.isdecimal() and len(end) <= DIGITS_MAX for end in ((first, last) if dash else (first,))):
        raise InvalidArgument(f"{part!r} is not a port: use numbers and ranges, as in 8000,8080,9000-9100")
    return _checked(int(first), int(last or first), part)


def _checked(first: int, last: int, source: object) -> tuple[int, int]:
    if not 0 < first <= last <= PORT_MAX:
        raise InvalidArgument(
            f"{source!r} is not a port or a range of ports: ports are 1 to {PORT_MAX}, the lower one first"
        )
    return first, last


def port_bits(ranges: list[tuple[int, int]]) -> bytes:
    """Returns the set in the form of the kernel's map: words of 64 bits, one bit per port."""
    bits = 0
    for first, last in ranges:
        bits |= ((1 << (last - first + 1)) - 1) << first
    return b"".join((bits >> shift & WORD_MASK).to_bytes(8, sys.byteorder) for shift in range(0, PORT_MAX + 1, 64))


def host_and_mask(host: str) -> tuple[bytes, bytes]:
    """Returns the address and the mask of a host or network, 16 bytes each, for the kernel to compare with.

    Args:
        host: an address or a network, such as "10.1.2.3", "10.0.0.0/8", "::1" or "fd00::/8".

    Raises:
        InvalidArgument: it is neither.
    """
    import ipaddress  # slow to import, and needed only with this option

    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError as error:
        raise InvalidArgument(f"{host!r} is not an address or network: {error}") from error
    address, mask = network.network_address.packed, network.netmask.packed
    if network.version == 4:
        return V4_MAPPED + address, b"\xff" * 12 + mask
    return address, mask


def host_list(hosts: Hosts | None) -> tuple[str, ...]:
    """Returns the hosts as a tuple. An empty tuple means all hosts.

    Raises:
        InvalidArgument: the list is empty, or a host is neither an address nor a network.
    """
    if hosts is None:
        return ()
    found = (hosts,) if isinstance(hosts, (str, bytes)) else tuple(hosts)
    if not found:
        raise InvalidArgument("host is empty, so nothing would be captured; None means all hosts")
    for host in found:
        if not isinstance(host, str):
            raise InvalidArgument(f"{host!r} is not an address or network: use a string such as '10.0.0.0/8'")
        host_and_mask(host)
    return found


def _are_within(ports: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return all(any(low <= first and last <= high for low, high in others) for first, last in ports)


def _are_inside(hosts: Sequence[str], others: Sequence[str]) -> bool:
    """Returns whether each network is inside one of the others."""
    pairs = [tuple(int.from_bytes(part, "big") for part in host_and_mask(host)) for host in others]
    for host in hosts:
        address, mask = (int.from_bytes(part, "big") for part in host_and_mask(host))
        if not any(
            address & other_mask == other & other_mask and mask & other_mask == other_mask
            for other, other_mask in pairs
        ):
            return False
    return True


def _covering(networks: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """Returns the smallest network that contains all of these."""
    ones = (1 << ADDRESS_BITS) - 1
    first = int.from_bytes(networks[0][0], "big")
    mask = ones
    for address, network_mask in networks:
        mask &= int.from_bytes(network_mask, "big")
        differing = (int.from_bytes(address, "big") ^ first).bit_length()
        mask &= ones >> differing << differing
    return (first & mask).to_bytes(ADDRESS_BITS // 8, "big"), mask.to_bytes(ADDRESS_BITS // 8, "big")


class KernelFilter(NamedTuple):
    """The filter. A connection passes if either end matches; None and an empty tuple match everything.

    The kernel compares with one network. If that network contains more than the hosts, hosts.HostFilter drops the
    rest.

    Attributes:
        ports: pairs of first and last port, as port_ranges() returns them.
        hosts: addresses and networks. One end must be in one of them.
        family: 4 or 6.
        protocols: the names of the protocols beside HTTP.
        tls: also take connections of TLS.
        pcap: a filter of pcap-filter(7), which a packet must pass before all others; empty means none.
    """

    ports: list[tuple[int, int]] | None = None
    hosts: tuple[str, ...] = ()
    family: int | None = None
    protocols: frozenset[str] = frozenset()
    tls: bool = False
    pcap: str = ""

    def narrowed(
        self, ports: Sequence[tuple[int, int]] | None, hosts: tuple[str, ...] | None, family: int | None
    ) -> KernelFilter:
        """Returns a filter that passes nothing more than this one, and less where that can be expressed.

        A connection that has one of these ports and hosts, and the family, passes it if it passes this one.

        Args:
            ports: pairs of first and last port; None: any.
            hosts: addresses and networks; None: any.
            family: 4 or 6; None: both.
        """
        found = self
        if ports is not None and (self.ports is None or _are_within(ports, self.ports)):
            found = found._replace(ports=list(ports))
        if hosts is not None and (not self.hosts or _are_inside(hosts, self.hosts)):
            found = found._replace(hosts=tuple(hosts))
        return found._replace(family=self.family or family)

    def wants(self, source_port: int, dest_port: int) -> bool:
        """Whether a connection between two ports is wanted: for packets whose ports the program cannot see."""
        if self.ports is None:
            return True
        return any(first <= port <= last for first, last in self.ports for port in (source_port, dest_port))

    def configure(self, config: Any) -> bytes:
        """Writes the filter into struct sf_config. Returns the map of ports; empty means all ports."""
        if self.hosts:
            config.by_host = 1
            config.host, config.host_mask = _covering(self._networks())
        config.family = self.family or 0
        config.by_port = config.frames = self.ports is not None
        config.protocols, config.tls = self.protocol_bits(), self.tls
        return self.port_map()

    def protocol_bits(self) -> int:
        """Returns the protocols beside HTTP as bits of enum sf_protocol."""
        return sum(bit for name, bit in PROTOCOL_BITS.items() if name in self.protocols)

    def host(self) -> bytes:
        """Returns the address and the mask that the kernel compares with; empty means all hosts."""
        return b"".join(_covering(self._networks())) if self.hosts else b""

    def port_map(self) -> bytes:
        """Returns the map of ports; empty means all ports."""
        return b"" if self.ports is None else port_bits(self.ports)

    def left_to_compare(self) -> list[tuple[bytes, bytes]]:
        """Returns the addresses and masks that user space must compare with; empty if the kernel does all of it."""
        networks = self._networks()
        return [] if not networks or _covering(networks) in networks else networks

    def _networks(self) -> list[tuple[bytes, bytes]]:
        return [host_and_mask(host) for host in self.hosts]
