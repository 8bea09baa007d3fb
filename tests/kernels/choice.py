"""Which kernels there are to choose from, by the names that people type."""

from __future__ import annotations

import re
from dataclasses import dataclass

# the oldest that Debian still has, those of its releases, the newest, and one that has neither BTF nor a JIT
USUAL = ("5.10", "6.1", "6.12", "newest", "uml-6.1")
FORM = re.compile(r"(uml-)?(newest|\d+\.\d+)")


class UnknownName(Exception):
    """What was typed names no kernel."""


@dataclass(frozen=True)
class Choice:
    """One kernel as it was asked for.

    Attributes:
        name: as typed: 6.12, newest, uml-6.1.
        is_process: user-mode Linux, which runs as a process; else it is booted in an emulator.
        series: its first two numbers; None: the newest.
    """

    name: str
    is_process: bool
    series: str | None


def choose(name: str) -> Choice:
    """What a name means. Raises UnknownName."""
    found = FORM.fullmatch(name)
    if not found:
        raise UnknownName(f"{name!r} names no kernel; choose such as 6.12, newest or uml-6.1")
    process, series = found.groups()
    return Choice(name, bool(process), None if series == "newest" else series)
