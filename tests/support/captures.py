"""Capture files, byte by byte, in every form there is."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from tests.support.frames import Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

ETHERNET = 1
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND + 123_456_789

Timed = tuple[int, bytes]  # nanoseconds since 1970, and a frame


def timed(frames: Sequence[bytes], step_ns: int = 1_000_000) -> list[Timed]:
    return [(START_NS + i * step_ns, frame) for i, frame in enumerate(frames)]


def one_exchange() -> list[Timed]:
    return timed(Talk().whole())


def pcap(
    packets: Sequence[Timed],
    order: str = "<",
    magic: int = 0xA1B23C4D,
    link_type: int = ETHERNET,
    snap: int = 262144,
) -> bytes:
    unit_ns = 1 if magic == 0xA1B23C4D else 1000
    more = bytes(8) if magic == 0xA1B2CD34 else b""
    file = bytearray(pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link_type))
    for time_ns, frame in packets:
        seconds, ns = divmod(time_ns, SECOND)
        kept = frame[:snap]
        file += pack(order + "IIII", seconds, ns // unit_ns, len(kept), len(frame)) + more + kept
    return bytes(file)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = pack(order + "I", len(body) + 12)
    return pack(order + "I", kind) + size + body + size


def option(order: str, code: int, value: bytes) -> bytes:
    return pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(
    order: str = "<",
    link_type: int = ETHERNET,
    name: str = "",
    resolution: int | None = 9,
    offset_s: int = 0,
    snap: int = 0,
) -> bytes:
    options = option(order, 2, name.encode()) if name else b""
    if resolution is not None:
        options += option(order, 9, bytes([resolution]))
    if offset_s:
        options += option(order, 14, pack(order + "q", offset_s))
    return block(order, 1, pack(order + "HHI", link_type, 0, snap) + options + option(order, 0, b""))


def enhanced(stamp: int, frame: bytes, number: int = 0, order: str = "<", kept: int | None = None) -> bytes:
    kept = len(frame) if kept is None else kept
    head = pack(order + "IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, kept, len(frame))
    data = frame[:kept]
    return block(order, 6, head + data + bytes(-len(data) % 4) + option(order, 1, b"a comment"))


def simple(frame: bytes, order: str = "<") -> bytes:
    return block(order, 3, pack(order + "I", len(frame)) + frame)


def old(stamp: int, frame: bytes, order: str = "<") -> bytes:
    head = pack(order + "HHIIII", 0, 0xFFFF, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 2, head + frame)


def pcapng(packets: Sequence[Timed], order: str = "<") -> bytes:
    return section(order) + interface(order) + b"".join(enhanced(ns, frame, order=order) for ns, frame in packets)
