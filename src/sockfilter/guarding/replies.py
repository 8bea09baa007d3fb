"""The ports that clients of this host use, to which replies come."""

from __future__ import annotations

RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
# the kernel's default (net/ipv4/af_inet.c)
USUAL = 32768, 60999


def reply_ports() -> tuple[int, int]:
    """Returns the first and the last port, in the network namespace of the calling thread."""
    try:
        with open(RANGE) as file:
            first, last = map(int, file.read().split())
    except (OSError, ValueError):
        return USUAL
    return first, last
