"""All counts by name and labels, in bounded memory. Whoever exports them reads series() and samples()."""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Series in all: more are a burden for those who collect them. Values of further labels are counted together.
SERIES_MAX = 1000
# characters of the value of a label; the rest is cut
LABEL_MAX = 100
# the label of what found no room
OTHER = "other"
# seconds: the buckets of the semantic conventions of OpenTelemetry for the duration of a request
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# bytes: from a short answer to a file
BYTES = (100.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0, 10_000_000.0, 100_000_000.0)
# seconds: from a connection on the same machine to one around the world
SHORT_SECONDS = (0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 3.0)


class MetricKind(str, Enum):
    """What a metric is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"

    __str__ = str.__str__


class Metric(NamedTuple):
    """A metric.

    Attributes:
        name: its name; that of a counter ends with _total, that of a time with _seconds.
        kind: what it is.
        help: what it counts, in a sentence.
        labels: the names of its labels.
        buckets: the upper bounds of a histogram's buckets; that of the last one, which has no bound, is left out.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


class Histogram:
    """How values are spread.

    Attributes:
        counts: the number of values in each bucket, and in the one without a bound.
        sum: all values together. count: their number.
    """

    __slots__ = ("bounds", "count", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        """Adds a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
        self.count += 1

    def add_counts(self, counts: Sequence[int], total: float) -> None:
        """Adds values that were counted elsewhere, in the same buckets. total: their sum."""
        for number, count in enumerate(counts):
            if count:
                self.counts[number] += count
                self.count += count
        self.sum += total


class Sample(NamedTuple):
    """The value of a metric for some labels."""

    metric: Metric
    labels: tuple[tuple[str, str], ...]
    value: float | Histogram


class Registry:
    """All counts.

    Args:
        limit: the number of series, over all metrics.

    Attributes:
        limit: the same.
        overflowed: how many values were counted under OTHER, because there was no room for their labels.
    """

    def __init__(self, limit: int = SERIES_MAX) -> None:
        self.limit = limit
        self._metrics: dict[str, Metric] = {}
        self._values: dict[str, dict[tuple[str, ...], float | Histogram]] = {}
        self._series = 0
        self.overflowed = 0

    def declare(self, metric: Metric) -> Metric:
        """Declares a metric, once or several times. Raises InvalidArgument if another has its name."""
        known = self._metrics.setdefault(metric.name, metric)
        if known != metric:
            raise InvalidArgument(f"the metric {metric.name} is declared already, and differs")
        self._values.setdefault(metric.name, {})
        return metric

    def add(self, metric: Metric, value: float = 1, *labels: str) -> None:
        """Adds to a counter. labels: their values, in the order of their names."""
        key = self._key(metric, labels)
        found = self._values[metric.name].get(key, 0.0)
        assert not isinstance(found, Histogram)  # of a counter
        self._values[metric.name][key] = found + value

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Sets a gauge, or a counter that somebody else counts."""
        self._values[metric.name][self._key(metric, labels)] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Adds a value to a histogram."""
        self.histogram(metric, *labels).add(value)

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """Returns the histogram for some labels, for one who adds to it often."""
        key = self._key(metric, labels)
        found = self._values[metric.name].get(key)
        if not isinstance(found, Histogram):
            found = self._values[metric.name][key] = Histogram(metric.buckets)
        return found

    def clear(self, metric: Metric) -> None:
        """Removes all values of a gauge, which is measured anew."""
        self._series -= len(self._values[metric.name])
        self._values[metric.name].clear()

    def metrics(self) -> Iterator[Metric]:
        """Yields the metrics that were declared, ordered by name."""
        yield from (self._metrics[name] for name in sorted(self._metrics))

    def samples(self, metric: Metric) -> Iterator[Sample]:
        """Yields the values of a metric, ordered by labels."""
        for key, value in sorted(self._values[metric.name].items(), key=lambda one: one[0]):
            labels = tuple(zip(metric.labels, key, strict=True)) if key or not metric.labels else ((OTHER, "true"),)
            yield Sample(metric, labels, value)

    def total(self, metric: Metric) -> float:
        """Returns the sum over all labels; of a histogram, the number of its values."""
        values = self._values[metric.name].values()
        return sum(value.count if isinstance(value, Histogram) else value for value in values)

    @property
    def series(self) -> int:
        """The number of series."""
        return self._series

    def _key(self, metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(labels) != len(metric.labels):
            raise InvalidArgument(f"{metric.name} has the labels {metric.labels}, and {labels} was given")
        key = tuple(label[:LABEL_MAX] for label in labels)
        values = self._values[metric.name]
        if key in values:
            return key
        if self._series >= self.limit and labels:
            self.overflowed += 1
            return ()
        self._series += 1
        return key
