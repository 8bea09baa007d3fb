"""The errors that ICMP messages are for a socket."""

from __future__ import annotations

import errno

# RFC 792; include/uapi/linux/icmp.h
UNREACHABLE, TIME_EXCEEDED = 3, 11
# by the code of a message that a destination is unreachable, as the kernel has them: icmp_err_convert in
# net/ipv4/icmp.c; code 4 says that a packet is too large, and ends no connection
ERRORS = {
    0: errno.ENETUNREACH,
    1: errno.EHOSTUNREACH,
    2: errno.ENOPROTOOPT,
    3: errno.ECONNREFUSED,
    6: errno.ENETUNREACH,
    7: errno.EHOSTDOWN,
    8: errno.ENONET,
    9: errno.ENETUNREACH,
    10: errno.EHOSTUNREACH,
    11: errno.ENETUNREACH,
    12: errno.EHOSTUNREACH,
    13: errno.EHOSTUNREACH,
    14: errno.EHOSTUNREACH,
    15: errno.EHOSTUNREACH,
}


def error_of(kind: int, code: int) -> int | None:
    """Returns the number of the error that an ICMPv4 message is for a socket that connects. None: it is none."""
    if kind == TIME_EXCEEDED:
        return errno.EHOSTUNREACH
    return ERRORS.get(code) if kind == UNREACHABLE else None
