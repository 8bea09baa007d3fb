"""What a guard has counted: every packet, by what became of it."""

from __future__ import annotations

from typing import NamedTuple


class GuardCounts(NamedTuple):
    """The counters, in the order of enum sf_guard_counter (bpf/guard.h), and two of the table of sources.

    Attributes:
        unread: IP packets whose headers could not be read.
        passed: packets that open no connection.
        openings: packets that open one.
        exempt: openings from sources that are not judged.
        allowed: openings that were judged, and allowed.
        refused_port, refused_rate: openings that were refused, or would have been, by the rule.
        new_sources: entries made in the table of sources.
        no_room: of those allowed: their source found no room in the table.
        unreported: of those refused: they found no room in the ring, and are not among `refused`.
        sources: entries in the table.
        forgotten: sources that made room for others: each began anew when it came again.
    """

    unread: int
    passed: int
    openings: int
    exempt: int
    allowed: int
    refused_port: int
    refused_rate: int
    new_sources: int
    no_room: int
    unreported: int
    sources: int = 0
    forgotten: int = 0

    @property
    def seen(self) -> int:
        """All packets."""
        return self.unread + self.passed + self.openings

    @property
    def refused(self) -> int:
        """Openings that were refused, or would have been."""
        return self.refused_port + self.refused_rate

    @property
    def is_balanced(self) -> bool:
        """Whether every opening has one outcome. False while a packet is being judged."""
        return self.openings == self.exempt + self.allowed + self.refused
