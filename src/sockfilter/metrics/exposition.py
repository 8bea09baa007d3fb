"""Counts in the form of prometheus-client, which writes them as Prometheus reads them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import Metric as Exposed
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from sockfilter.metrics.registry import MetricKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sockfilter.metrics.snapshot import Family

TOTAL = "_total"


class SnapshotCollector(Collector):
    """Gives counts to a registry of prometheus-client.

    Args:
        take: returns the counts of this moment.
    """

    def __init__(self, take: Callable[[], Iterable[Family]]) -> None:
        self._take = take

    def describe(self) -> Iterable[Exposed]:
        """Returns nothing: what there is shows when it is collected."""
        return ()

    def collect(self) -> Iterator[Exposed]:
        """Yields all metrics."""
        yield from map(exposed, self._take())


def exposed(family: Family) -> Exposed:
    """Returns a metric in the form of prometheus-client."""
    name, kind = family["name"], family["kind"]
    made = Exposed(name.removesuffix(TOTAL), family["help"], kind)
    bounds = [*map(floatToGoString, family["buckets"]), "+Inf"]
    for labels, value, counts in family["series"]:
        pairs = {label: said for label, said in labels if said}  # an empty one is as none
        if kind != MetricKind.HISTOGRAM:
            made.add_sample(name, pairs, value)
            continue
        reached = list(accumulate(counts))
        for bound, count in zip(bounds, reached, strict=True):
            made.add_sample(f"{name}_bucket", {**pairs, "le": bound}, count)
        made.add_sample(f"{name}_count", pairs, reached[-1])
        made.add_sample(f"{name}_sum", pairs, value)
    return made
