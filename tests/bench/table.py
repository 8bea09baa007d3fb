"""Figures into lines: the table of tools, and a verdict on each target."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.bench.runs import Run


class Verdict(NamedTuple):
    """A target, what was measured, and whether it is met."""

    target: str
    found: str
    met: bool

    def __str__(self) -> str:
        return f"{'met   ' if self.met else 'MISSED'} {self.target}: {self.found}"


class Row(NamedTuple):
    """The middle of a tool's runs. kept: of the load's rate without any tool in the same round."""

    name: str
    requests: int
    messages: float | None
    kept: float
    cpu_s: float
    peak_mb: float
    start_s: float
    cpu_spread: tuple[float, float]


def row(name: str, runs: Sequence[Run], alone: Sequence[float]) -> Row:
    """One tool's line.

    Args:
        name: the tool's.
        runs: one of each round.
        alone: the rate without a tool in each round.
    """
    seen = [run.messages for run in runs if run.messages is not None]
    cpu = [run.cpu_s for run in runs]
    return Row(
        name,
        runs[0].requests,
        median(seen) if seen else None,
        median(run.rate / rate for run, rate in zip(runs, alone, strict=True)),
        median(cpu),
        median(run.peak_mb for run in runs),
        median(run.start_s for run in runs),
        (min(cpu), max(cpu)),
    )


def table(rows: Iterable[Row]) -> str:
    """The rows under each other."""
    head = (
        f"{'tool':<26} {'messages':>16} {'rate kept':>9} {'CPU s':>7} {'(from-to)':>13} {'peak MB':>8} {'start s':>8}"
    )
    lines = [head]
    for one in rows:
        seen = "" if one.messages is None else f"{one.messages:.0f}/{2 * one.requests}"
        spread = f"({one.cpu_spread[0]:.2f}-{one.cpu_spread[1]:.2f})"
        lines.append(
            f"{one.name:<26} {seen:>16} {one.kept:>9.2f} {one.cpu_s:>7.2f} {spread:>13}"
            f" {one.peak_mb:>8.0f} {one.start_s:>8.3f}"
        )
    return "\n".join(lines)


def at_most(target: str, found: float, limit: float, shown: Callable[[float], str] = "{:.3g}".format) -> Verdict:
    """A figure that must not be above a limit."""
    return Verdict(f"{target} at most {shown(limit)}", shown(found), found <= limit)


def at_least(target: str, found: float, limit: float, shown: Callable[[float], str] = "{:.3g}".format) -> Verdict:
    """A figure that must not be below a limit."""
    return Verdict(f"{target} at least {shown(limit)}", shown(found), found >= limit)
