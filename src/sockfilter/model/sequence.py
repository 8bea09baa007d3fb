"""Arithmetic of TCP sequence numbers: 32 bits that wrap (RFC 9293, 3.4)."""

from __future__ import annotations

MASK = 0xFFFFFFFF
HALF = 1 << 31


def distance(start: int, end: int) -> int:
    """Bytes from start to end; negative if end is before start."""
    return ((end - start + HALF) & MASK) - HALF
