"""Which ends of connections are on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

LOOPBACK_4, LOOPBACK_6 = "127.", "::1"


def is_here(ip: str, addresses: Collection[str]) -> bool:
    """Whether an address is one of this machine.

    Args:
        ip: the address.
        addresses: those of the machine, less 127.0.0.0/8.
    """
    return ip in addresses or ip.startswith(LOOPBACK_4) or ip == LOOPBACK_6
