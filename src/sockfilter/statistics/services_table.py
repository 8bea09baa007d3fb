"""Services as a table for people, and as lines of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.forms.columns import shortened, width
from sockfilter.forms.json_values import ENCODE
from sockfilter.forms.sizes import duration_text
from sockfilter.statistics.spread import ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.statistics.groups import Group
    from sockfilter.statistics.services import Service, ServiceCollector, ServiceKey

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
TITLES = ("service", "port", "protocol", "count", "rate", "errors", *QUANTILES, "callers")
# columns to the left, which hold text
LEFT = {0, 2, len(TITLES) - 1}
# callers that a line names, and routes beneath a service
CALLERS_SHOWN, ROUTES_SHOWN = 3, 5
GAP = "  "


def services_table(collector: ServiceCollector, columns: int | None = None, rows: int | None = None) -> str:
    """Returns the services in lines, the busiest first, each with its busiest routes.

    Args:
        collector: the figures.
        columns: the columns of the terminal. None: no limit.
        rows: the number of lines at most. None: no limit.
    """
    if not collector.services:
        return "no services\n"
    seconds = collector.seconds
    made: list[tuple[str, ...]] = [TITLES]
    for key, service in collector.sorted():
        made.append(_cells(key, service, seconds))
        for route, group in _busiest(service)[:ROUTES_SHOWN]:
            made.append((f"  {route}", "", "", *_figures(group, seconds), ""))
        if len(service.routes) > ROUTES_SHOWN:
            made.append((f"  ... {len(service.routes) - ROUTES_SHOWN} more routes", *[""] * (len(TITLES) - 1)))
    lines = _aligned(made, columns)
    if collector.unplaced:
        lines.append(f"{collector.unplaced} exchanges are of further services")
    lines.append(f"percentiles to {ERROR:.0%}")
    return "".join(f"{line.rstrip()}\n" for line in lines[:rows])


def services_lines(collector: ServiceCollector) -> str:
    """Returns a line of JSON for each service: times in seconds. What is not known is null."""
    return "".join(f"{ENCODE(_dict(key, one, collector.seconds))}\n" for key, one in collector.sorted())


def _dict(key: ServiceKey, service: Service, seconds: float) -> dict[str, Any]:
    return {
        "kind": "service",
        **key._asdict(),
        "pids": list(service.workers),
        **_numbers(service.figures, seconds),
        "messages": service.messages,
        "seconds": seconds,
        "relative_error": ERROR,
        "callers": dict(service.callers.most_common()),
        "routes": [{"route": route, **_numbers(group, seconds)} for route, group in _busiest(service)],
    }


def _numbers(group: Group, seconds: float) -> dict[str, Any]:
    made: dict[str, Any] = {
        "count": group.count,
        "rate": group.count / seconds if seconds else None,
        "errors": group.errors,
    }
    for name, quantile in QUANTILES.items():
        found = group.durations.quantile_ns(quantile)
        made[name] = None if found is None else found / 1e9
    return made


def _busiest(service: Service) -> list[tuple[str, Group]]:
    return sorted(service.routes.items(), key=lambda one: (-one[1].count, one[0]))


def _cells(key: ServiceKey, service: Service, seconds: float) -> tuple[str, ...]:
    pids = list(service.workers)
    name = f"{key.name}[{pids[0]}]" if len(pids) == 1 else f"{key.name} ({len(pids)} processes)" if pids else key.name
    if not service.figures.count:
        rate = _rate(service.messages, seconds)
        return name, str(key.port), key.protocol, str(service.messages), rate, "", "", "", "", _callers(service)
    return name, str(key.port), key.protocol, *_figures(service.figures, seconds), _callers(service)


def _figures(group: Group, seconds: float) -> tuple[str, ...]:
    errors = f"{group.errors}" if not group.errors else f"{group.errors} ({group.errors / group.count:.1%})"
    found = [duration_text(group.durations.quantile_ns(quantile)) for quantile in QUANTILES.values()]
    return str(group.count), _rate(group.count, seconds), errors, *found


def _rate(count: int, seconds: float) -> str:
    rate = count / seconds if seconds else 0
    return "-" if not seconds else f"{rate:.0f}/s" if rate >= 1000 else f"{rate:.3g}/s"


def _callers(service: Service) -> str:
    names = [name for name, _ in service.callers.most_common(CALLERS_SHOWN)]
    more = len(service.callers) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _aligned(rows: Iterable[tuple[str, ...]], columns: int | None) -> list[str]:
    rows = list(rows)
    widths = [max(width(row[at]) for row in rows) for at in range(len(TITLES))]
    lines = []
    for row in rows:
        cells = [
            cell + " " * (room - width(cell)) if at in LEFT else " " * (room - width(cell)) + cell
            for at, (cell, room) in enumerate(zip(row, widths, strict=True))
        ]
        line = GAP.join(cells)
        lines.append(line if columns is None else shortened(line.rstrip(), columns))
    return lines
