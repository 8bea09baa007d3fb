"""Numbers of things, bytes and seconds, as people read them."""

from __future__ import annotations


def count_text(number: int, noun: str) -> str:
    """A number of things, such as "1 exchange" or "2 exchanges"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_text(size: int) -> str:
    """A number of bytes with a unit, rounded to about three digits."""
    if size < 1000:
        return f"{size} B"
    number = float(size)
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 999.5:
            return f"{number:.1f} {unit}" if number < 99.95 else f"{number:.0f} {unit}"
    return f"{number / 1000:.1f} TB"


def duration_text(ns: int | None) -> str:
    """A duration with a unit, rounded to about three digits."""
    if ns is None:
        return "-"
    if ns < 999_500:
        return f"{ns / 1000:.0f} us"
    if ns < 999_950_000:
        return f"{ns / 1e6:.1f} ms"
    return f"{ns / 1e9:.2f} s"
