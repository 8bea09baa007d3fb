"""Openings that were refused, or would have been."""

from __future__ import annotations

import socket
from enum import Enum
from struct import Struct
from typing import NamedTuple

from sockfilter.model.connection import V4_MAPPED, Endpoint

# struct sf_refused of bpf/guard.h; a test compares the layouts
RECORD = Struct("=Q16s16sHHIBB6x")
RULES = ("", "port", "rate")


class RefusedBy(Enum):
    """The rule that refused an opening."""

    PORT = "port"
    RATE = "rate"


class RefusedOpening(NamedTuple):
    """An opening that was refused; in a dry run, one that would have been.

    Attributes:
        time_ns: when it came, in nanoseconds of CLOCK_MONOTONIC.
        source: who opened it.
        target: what it was to be opened to.
        rule: why it was refused.
        protocol: "tcp" or "udp".
        seq: the sequence number of the SYN, by which one that is sent again is known.
    """

    time_ns: int
    source: Endpoint
    target: Endpoint
    rule: RefusedBy
    protocol: str
    seq: int


def read_refused(record: bytes | memoryview) -> RefusedOpening:
    """Reads a record."""
    time_ns, source, target, sport, dport, seq, rule, protocol = RECORD.unpack_from(record)
    return RefusedOpening(
        time_ns,
        Endpoint(_address(source), sport),
        Endpoint(_address(target), dport),
        RefusedBy(RULES[rule]),
        "udp" if protocol == socket.IPPROTO_UDP else "tcp",
        seq,
    )


def _address(packed: bytes) -> str:
    if packed.startswith(V4_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)
