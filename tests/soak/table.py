"""Samples of hours into a table, and whether they stay where they are."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.watched import Watched

# of the samples: until then, caches fill
WARM_UP = 0.2
# what the last third's median may be above the first's: share, and absolute; CPU is that of a request, as other work on
# the machine makes the rate differ, and caches
GROWTH = 0.03
GROWTH_MIN = {"memory MB": 0.5, "descriptors": 0.0, "CPU us": 20.0}


class Row(NamedTuple):
    """One figure of one process."""

    name: str
    figure: str
    values: Sequence[float]

    @property
    def growth(self) -> float:
        """From the first third, once warm, to the last."""
        warm = self.values[int(len(self.values) * WARM_UP) :]
        third = max(1, len(warm) // 3)
        return median(warm[-third:]) - median(warm[:third])

    @property
    def is_flat(self) -> bool:
        return self.growth <= max(GROWTH * median(self.values), GROWTH_MIN[self.figure])

    def __str__(self) -> str:
        values = self.values
        verdict = "flat" if self.is_flat else "GROWS"
        return (
            f"{self.name:<8} {self.figure:<12} {min(values):>8.1f} {median(values):>8.1f} {max(values):>8.1f}"
            f" {self.growth:>+8.1f}  {verdict}"
        )


HEAD = f"{'':<8} {'':<12} {'min':>8} {'median':>8} {'max':>8} {'growth':>8}"


def rows(watched: Watched) -> list[Row]:
    """Each figure of one process."""
    return [
        Row(watched.name, "memory MB", [sample.memory_mb for sample in watched.samples]),
        Row(watched.name, "descriptors", [sample.descriptors for sample in watched.samples]),
        Row(watched.name, "CPU us", [sample.cpu_us for sample in watched.samples]),
    ]
