"""Statistics as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.columns import padded, shortened, width
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.forms.times import clock
from sockfilter.statistics.spread import ERROR, QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.statistics.collector import Collector
    from sockfilter.statistics.groups import Group, Top
    from sockfilter.statistics.spread import Spread

# columns of a group's name, if the terminal does not say how many there are
NAME_WIDTH_MAX = 60
NAME_WIDTH_MIN = 16
NUMBERS = (
    "count",
    "rate",
    "errors",
    *QUANTILES,
    "max",
    *(f"w.{name}" for name in (*QUANTILES, "max")),
    "sent",
    "received",
)
OTHER = "(other)"
GAP = "  "


def table(collector: Collector, columns: int | None = None, rows: int | None = None) -> str:
    """Returns the statistics in lines.

    Args:
        collector: the figures.
        columns: the columns of the terminal. None: no limit.
        rows: the number of lines at most. None: no limit.
    """
    groups = collector.groups
    if not groups.count:
        return "no exchanges\n"
    ordered = sorted(groups.by_name.items(), key=lambda one: (-one[1].count, one[0]))
    tops = _tops(collector)
    left_out = 0
    if rows is not None:
        # the heading, the line of the rest and the last lines stay visible
        room = max(1, rows - len(tops) - 3)
        left_out, ordered = max(0, len(ordered) - room), ordered[:room]
    if groups.other is not None:
        ordered.append((OTHER, groups.other))
    made = [_cells(name, group, groups.seconds) for name, group in ordered]
    lines = _aligned([(_title(collector.by), *NUMBERS), *made], columns)
    if left_out:
        lines.append(f"... {left_out} more groups")
    if groups.other is not None:
        lines.append(f"{OTHER}: groups after the first {len(groups.by_name)}, counted together")
    lines.append(f"percentiles to {ERROR:.0%}; w.: wait for the first byte of the response")
    shown = [*lines, *tops][:rows]
    return "".join(f"{line if columns is None else shortened(line, columns)}\n" for line in shown)


def _title(by: Iterable[str]) -> str:
    return ", ".join(by)


def _cells(name: str, group: Group, seconds: float) -> tuple[str, ...]:
    errors = f"{group.errors}" if not group.errors else f"{group.errors} ({group.errors / group.count:.1%})"
    rate = f"{group.count / seconds:.3g}/s" if seconds else "-"
    if seconds and group.count / seconds >= 1000:
        rate = f"{group.count / seconds:.0f}/s"
    sizes = size_text(group.request_bytes), size_text(group.response_bytes)
    return (name, str(group.count), rate, errors, *_times(group.durations), *_times(group.waits), *sizes)


def _times(spread: Spread) -> list[str]:
    found = [duration_text(spread.quantile_ns(quantile)) for quantile in QUANTILES.values()]
    return [*found, duration_text(spread.max_ns if spread.count else None)]


def _aligned(rows: list[tuple[str, ...]], columns: int | None) -> list[str]:
    """The rows in columns. The name is shortened if the line does not fit; numbers never are."""
    widths = [max(width(row[at]) for row in rows) for at in range(1, len(NUMBERS) + 1)]
    name_width = min(NAME_WIDTH_MAX, max(width(row[0]) for row in rows))
    if columns is not None:
        rest = columns - sum(widths) - len(GAP) * len(widths)
        while rest < NAME_WIDTH_MIN and len(widths) > len(QUANTILES) + 3:
            rest += widths.pop() + len(GAP)  # the last columns are the least important
        name_width = max(1, min(name_width, rest))
    made = []
    for row in rows:
        cells = [cell.rjust(room) for cell, room in zip(row[1:], widths, strict=False)]
        made.append(GAP.join([padded(shortened(row[0], name_width), name_width), *cells]))
    return made


def _tops(collector: Collector) -> list[str]:
    groups, lines = collector.groups, []
    for title, tops, shown in (
        ("slowest", groups.slowest, duration_text),
        ("largest", groups.largest, size_text),
    ):
        found = tops.sorted()
        if found:
            lines += ["", f"{title}:", *(_line(top, shown(top.value)) for top in found)]
    return lines


def _line(top: Top, value: str) -> str:
    time = "--:--:--.---" if top.time_ns is None else clock()(top.time_ns)
    return f"  {value:>8}  {time}  {top.client} > {top.server}  {top.name}"
