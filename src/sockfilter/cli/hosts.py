"""Hosts by name: looked up once, before a capture begins."""

from __future__ import annotations

import re

from sockfilter.errors import InvalidArgument
from sockfilter.sources.narrowing import host_and_mask

# what may be a name: neither an address nor a network, nor a part of either
NAME = re.compile(r"(?![\d.]+$)[^\s/:,]+")
V4, V6 = 4, 6


def check(hosts: str) -> None:
    """Looks whether a list may be one of names, addresses and networks, without looking names up.

    Raises:
        InvalidArgument: what is none of these.
    """
    for host in _split(hosts):
        if not NAME.fullmatch(host):
            host_and_mask(host)


def addresses(hosts: str, family: int | None) -> dict[str, tuple[str, ...]]:
    """The addresses and networks that stand for each host of a list.

    Args:
        hosts: names, addresses and networks, with commas.
        family: 4 or 6, of the addresses that names stand for; None: both.

    Raises:
        InvalidArgument: a name that has no address, or what is none.
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
    # a link-local address ends in its interface
    return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
