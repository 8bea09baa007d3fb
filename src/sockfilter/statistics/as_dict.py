"""Statistics as a dict for JSON. The form is a public contract: fields are added, but never renamed or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.forms.json_dict import time_text
from sockfilter.forms.json_values import ENCODE
from sockfilter.statistics.spread import ERROR, QUANTILES

if TYPE_CHECKING:
    from sockfilter.statistics.collector import Collector
    from sockfilter.statistics.groups import Group, Top
    from sockfilter.statistics.spread import Spread


def statistics_line(collector: Collector) -> str:
    """Returns the statistics as a line of JSON."""
    return f"{ENCODE(statistics_dict(collector))}\n"


def statistics_dict(collector: Collector) -> dict[str, Any]:
    """Returns the statistics for programs: times in seconds, sizes in bytes. What is not known is absent or null."""
    groups = collector.groups
    ordered = sorted(groups.by_name.items(), key=lambda one: (-one[1].count, one[0]))
    return {
        "kind": "statistics",
        "by": list(collector.by),
        "first": time_text(groups.first_ns) if groups.has_times else None,
        "last": time_text(groups.last_ns) if groups.has_times else None,
        "seconds": groups.seconds,
        "exchanges": groups.count,
        "relative_error": ERROR,
        "groups": [{"name": name, **_group(group, groups.seconds)} for name, group in ordered],
        "groups_max": groups.limit,
        "other": None if groups.other is None else _group(groups.other, groups.seconds),
        "slowest": [{**_top(top), "duration": top.value / 1e9} for top in groups.slowest.sorted()],
        "largest": [{**_top(top), "bytes": top.value} for top in groups.largest.sorted()],
    }


def _group(group: Group, seconds: float) -> dict[str, Any]:
    return {
        "count": group.count,
        "rate": group.count / seconds if seconds else None,
        "errors": group.errors,
        "statuses": {f"{kind}xx" if kind else "none": count for kind, count in sorted(group.statuses.items())},
        "duration": _spread(group.durations),
        "wait": _spread(group.waits),
        "bytes": {"request": group.request_bytes, "response": group.response_bytes},
    }


def _top(top: Top) -> dict[str, Any]:
    return {
        "name": top.name,
        "time": None if top.time_ns is None else time_text(top.time_ns),
        "client": top.client,
        "server": top.server,
    }


def _spread(spread: Spread) -> dict[str, Any]:
    made: dict[str, Any] = {"count": spread.count}
    if spread.count:
        made["mean"] = spread.sum_ns / spread.count / 1e9
        for name, quantile in QUANTILES.items():
            made[name] = (spread.quantile_ns(quantile) or 0) / 1e9
        made["max"] = spread.max_ns / 1e9
    return made
