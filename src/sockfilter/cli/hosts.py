"""Hosts by name: looked up once, before a capture begins."""

from __future__ import annotations

import re

from sockfilter.errors import InvalidArgument
from sockfilter.sources.narrowing import host_and_mask

# Matches a host name, and no address, network or part of one.
NAME = re.compile(r"(?![\d.]+$)[^\s/:,]+")
V4, V6 = 4, 6


def check(hosts: str) -> None:
    """Checks that a list consists of names, addresses and networks. Does not look up names.

    Raises:
        InvalidArgument: an item is none of these.
    """
    for host in _split(hosts):
        if not NAME.fullmatch(host):
            host_and_mask(host)


def addresses(hosts: str, family: int | None) -> dict[str, tuple[str, ...]]:
    """Returns the addresses and networks of each host in a list.

    Args:
        hosts: names, addresses and networks, separated by commas.
        family: 4 or 6: the family of the addresses to look up. None: both.

    Raises:
        InvalidArgument: a name has no address, or an item is not a host.
    """
    check(hosts)
    return {host: _addresses(host, family) if _is_name(host) else (host,) for host in _split(hosts)}


def _split(hosts: str) -> list[str]:
    return [host.strip() for host in hosts.split(",")]


def _is_name(host: str) -> bool:
    if NAME.fullmatch(host):
        try:
            host_and_mask(host)
        except InvalidArgument:
            return True
    return False


def _addresses(name: str, family: int | None) -> tuple[str, ...]:
    import socket

    kinds = {None: socket.AF_UNSPEC, V4: socket.AF_INET, V6: socket.AF_INET6}
    try:
        found = socket.getaddrinfo(name, None, kinds[family], socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        of_family = f" of IPv{family}" if family else ""
        words = getattr(error, "strerror", None) or str(error)
        raise InvalidArgument(
            f"{name!r} is not an address or network, and resolving it as a name{of_family} failed: {words}"
        ) from error
    # A link-local address ends with its interface.
    return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
