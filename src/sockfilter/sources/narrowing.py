"""What the kernel is told to leave out: ports, hosts and networks, an address family."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sockfilter.errors import InvalidArgument
from sockfilter.model.connection import V4_MAPPED

if TYPE_CHECKING:
    from collections.abc import Iterable

Ports: TypeAlias = "int | str | range | Iterable[int | str | range]"
Hosts: TypeAlias = "str | Iterable[str]"
PORT_MAX = 65535
# of a port, zeros in front among them; int() has a limit of its own, and another error
DIGITS_MAX = 10
WORD_MASK = (1 << 64) - 1
ADDRESS_BITS = 128


def port_ranges(ports: Ports) -> list[tuple[int, int]]:
    """A set of ports as pairs of first and last.

    Args:
        ports: a number, a text such as "8000,9000-9100", a range, or several of these.

    Raises:
        InvalidArgument: what is no port, and which part of it.
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
    """The set as the kernel's map has it: words of 64 bits, one bit a port."""
    bits = 0
    for first, last in ranges:
        bits |= ((1 << (last - first + 1)) - 1) << first
    return b"".join((bits >> shift & WORD_MASK).to_bytes(8, sys.byteorder) for shift in range(0, PORT_MAX + 1, 64))


def host_and_mask(host: str) -> tuple[bytes, bytes]:
    """An address or network as the 16 bytes of both that the kernel compares with.

    Args:
        host: "10.1.2.3", "10.0.0.0/8", "::1", "fd00::/8".

    Raises:
        InvalidArgument: it is none of these.
    """
    import ipaddress  # only where the option is used

    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError as error:
        raise InvalidArgument(f"{host!r} is not an address or network: {error}") from error
    address, mask = network.network_address.packed, network.netmask.packed
    if network.version == 4:
        return V4_MAPPED + address, b"\xff" * 12 + mask
    return address, mask


def host_list(hosts: Hosts | None) -> tuple[str, ...]:
    """Hosts as a tuple; empty: every host is wanted.

    Raises:
        InvalidArgument: one that is no address or network, or an empty list.
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


def _covering(networks: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """The smallest network that holds all of these."""
    ones = (1 << ADDRESS_BITS) - 1
    first = int.from_bytes(networks[0][0], "big")
    mask = ones
    for address, network_mask in networks:
        mask &= int.from_bytes(network_mask, "big")
        differing = (int.from_bytes(address, "big") ^ first).bit_length()
        mask &= ones >> differing << differing
    return (first & mask).to_bytes(ADDRESS_BITS // 8, "big"), mask.to_bytes(ADDRESS_BITS // 8, "big")


class KernelFilter(NamedTuple):
    """What is left out. Both ends of a connection are looked at; None and an empty tuple leave nothing out.

    The kernel compares with one network. Where that holds more than the hosts asked for, hosts.HostFilter drops the
    rest.

    Attributes:
        ports: pairs of first and last, as port_ranges() gives them.
        hosts: addresses and networks; an end in one of them is enough.
        family: 4 or 6.
    """

    ports: list[tuple[int, int]] | None = None
    hosts: tuple[str, ...] = ()
    family: int | None = None

    def wants(self, source_port: int, dest_port: int) -> bool:
        """Whether a connection between two ports is asked for: for what the program could not tell."""
        if self.ports is None:
            return True
        return any(first <= port <= last for first, last in self.ports for port in (source_port, dest_port))

    def configure(self, config: Any) -> bytes:
        """Writes it into struct sf_config. Returns the map of ports; empty: all of them."""
        if self.hosts:
            config.by_host = 1
            config.host, config.host_mask = _covering(self._networks())
        config.family = self.family or 0
        if self.ports is None:
            return b""
        config.by_port = 1
        return port_bits(self.ports)

    def left_to_compare(self) -> list[tuple[bytes, bytes]]:
        """The addresses and masks that user space must compare with; empty: the kernel does all of it."""
        networks = self._networks()
        return [] if not networks or _covering(networks) in networks else networks

    def _networks(self) -> list[tuple[bytes, bytes]]:
        return [host_and_mask(host) for host in self.hosts]
