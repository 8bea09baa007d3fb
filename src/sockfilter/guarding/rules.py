"""The rules of a guard: which ports, which sources, how many openings of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument
from sockfilter.sources.narrowing import PORT_MAX, host_and_mask, port_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sockfilter.sources.narrowing import Hosts, Ports

# openings a second or a minute, and how many at once
RATE = re.compile(r"(\d{1,9})/(s|m)(?::(\d{1,9}))?", re.ASCII)
NS_PER = {"s": 1_000_000_000, "m": 60_000_000_000}
UNITS = {"s": "second", "m": "minute"}
# more is no limit, and room times cost stays far below 64 bits
BURST_MAX = 1_000_000
# networks in each list, as SF_GUARD_NETWORKS of bpf/guard.h
NETWORKS_MAX = 1024
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
NOT_HTTP = "a packet guard acts before HTTP is there; refuse methods and paths in the server or a proxy"


class Rate(NamedTuple):
    """So many openings in a unit of time ("s" or "m") of each source, and so many at once."""

    number: int
    unit: str
    burst: int

    @property
    def cost_ns(self) -> int:
        """The time that brings back one opening."""
        return NS_PER[self.unit] // self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.unit}" + (f":{self.burst}" if self.burst != self.number else "")


class Rules(NamedTuple):
    """What a guard refuses.

    Attributes:
        allow: pairs of first and last port; openings to others are refused. None: any port.
        deny: openings to these are refused. None: none.
        rate: how many openings each source has: an IPv4 address, or an IPv6 network of 64 bits. None: any number.
        sources: only openings from these networks are judged. Empty: all.
        not_sources: openings from these are not judged.
        udp: judge datagrams too.
    """

    allow: tuple[tuple[int, int], ...] | None = None
    deny: tuple[tuple[int, int], ...] | None = None
    rate: Rate | None = None
    sources: tuple[str, ...] = ()
    not_sources: tuple[str, ...] = ()
    udp: bool = False

    def refuses_port(self, port: int) -> bool:
        """Whether openings to a port are refused, whoever opens them."""
        if self.allow is not None:
            return not _is_in(port, self.allow)
        return self.deny is not None and _is_in(port, self.deny)

    def judges(self, address: str) -> bool:
        """Whether openings from an address are judged."""
        if any(_contains(network, address) for network in self.not_sources):
            return False
        return not self.sources or any(_contains(network, address) for network in self.sources)


def made(
    allow: Ports | None = None,
    deny: Ports | None = None,
    per_source: str | None = None,
    sources: Hosts | None = None,
    not_sources: Hosts | None = None,
    udp: bool = False,
) -> Rules:
    """Returns the rules. Raises InvalidArgument if they make no sense.

    Args:
        allow, deny: ports, as in "22,8000-8010". At most one of them.
        per_source: such as "50/s" or "50/s:100".
        sources, not_sources: addresses and networks.
        udp: judge datagrams too.
    """
    if allow is not None and deny is not None:
        raise InvalidArgument("allow and deny: choose one; with allow, all other ports are refused")
    if allow is None and deny is None and per_source is None:
        raise InvalidArgument("a guard needs a rule: allow, deny or per_source")
    ranges = None if deny is None else _ports(deny)
    if ranges is not None and _covers_all(ranges):
        raise InvalidArgument("deny names every port, so nothing could connect: ip link set DEVICE down does that")
    return Rules(
        None if allow is None else _ports(allow),
        ranges,
        None if per_source is None else rate(per_source),
        _networks(sources, "sources"),
        _networks(not_sources, "not_sources"),
        udp,
    )


def _ports(ports: Ports) -> tuple[tuple[int, int], ...]:
    if isinstance(ports, str) and ports.strip().upper() in METHODS:
        raise InvalidArgument(f"{ports!r} is a method of HTTP, not a port: {NOT_HTTP}")
    found = tuple(port_ranges(ports))
    if not found:
        raise InvalidArgument("the list of ports is empty: every connection would be refused")
    return found


def rate(text: str) -> Rate:
    """Parses a rate. Raises InvalidArgument."""
    found = RATE.fullmatch(text.strip())
    if found is None:
        raise InvalidArgument(f"{text!r} is not a rate: use 50/s, 50/s:100 with a burst, or 300/m")
    number = int(found[1])
    burst = int(found[3]) if found[3] else number
    if not number or not burst:
        raise InvalidArgument(f"{text!r} would refuse every connection: the rate and the burst are 1 or more")
    if max(number, burst) > BURST_MAX:
        raise InvalidArgument(f"{text!r}: the rate and the burst are at most {BURST_MAX}")
    return Rate(number, found[2], burst)


def _networks(hosts: Hosts | None, what: str) -> tuple[str, ...]:
    if hosts is None:
        return ()
    found: Sequence[str] = hosts.split(",") if isinstance(hosts, str) else tuple(hosts)
    cleaned = tuple(host.strip() for host in found)
    if not cleaned or len(cleaned) > NETWORKS_MAX:
        raise InvalidArgument(f"{what}: name 1 to {NETWORKS_MAX} addresses or networks")
    for host in cleaned:
        host_and_mask(host)
    return cleaned


def _covers_all(ranges: Iterable[tuple[int, int]]) -> bool:
    last = 0
    for first, end in sorted(ranges):
        if first > last + 1:
            return False
        last = max(last, end)
    return last == PORT_MAX


def _is_in(port: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= port <= last for first, last in ranges)


def _contains(network: str, address: str) -> bool:
    packed, mask = (int.from_bytes(part, "big") for part in host_and_mask(network))
    return int.from_bytes(host_and_mask(address)[0], "big") & mask == packed
