"""The ledger as metrics, so that a loss can raise an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.metrics.registry import Metric, MetricKind

if TYPE_CHECKING:
    from sockfilter.ledger import Ledger
    from sockfilter.metrics.registry import Registry

COUNTS = Metric(
    "sockfilter_ledger",
    MetricKind.GAUGE,
    "The counters of the ledger by stage and name: what became of all packets, records, segments and messages.",
    ("stage", "name"),
)
EXCHANGES = Metric("sockfilter_exchanges_total", MetricKind.COUNTER, "Exchanges that ended.")
PACKETS = Metric(
    "sockfilter_packets_total", MetricKind.COUNTER, "Packets that passed, by what became of them.", ("outcome",)
)
LOSSES = Metric("sockfilter_lost_total", MetricKind.COUNTER, "What was lost, in the summary's words.", ("reason",))
BALANCED = Metric(
    "sockfilter_ledger_balanced", MetricKind.GAUGE, "1 if the ledger accounts for everything; 0 is a bug in sockfilter."
)
SERIES = Metric("sockfilter_series", MetricKind.GAUGE, "Series of the traffic; a histogram is one.")
SERIES_LIMIT = Metric(
    "sockfilter_series_limit", MetricKind.GAUGE, 'The most of them; further labels are counted under other="true".'
)
ALL = (COUNTS, EXCHANGES, PACKETS, LOSSES, BALANCED, SERIES, SERIES_LIMIT)
# of the packets' counters, those that are no outcome
NO_OUTCOMES = {"seen", "fragments", "truncated"}


def declare(registry: Registry) -> None:
    """Declares the metrics."""
    for metric in ALL:
        registry.declare(metric)


def note(registry: Registry, ledger: Ledger) -> None:
    """Takes the counters of a ledger."""
    registry.set(EXCHANGES, ledger.messages.exchanges)
    registry.set(BALANCED, ledger.is_balanced)
    for name, count in ledger.packets.items():
        if name not in NO_OUTCOMES:
            registry.set(PACKETS, count, name)
    for reason, (count, _) in ledger.all_losses().items():
        registry.set(LOSSES, count, reason)
    for stage, counts in ledger.as_dict().items():
        _note_stage(registry, stage, counts)


def _note_stage(registry: Registry, stage: str, counts: Any) -> None:
    if not isinstance(counts, dict) or stage == "packets":
        return
    for name, value in counts.items():
        if isinstance(value, dict):
            for kind, count in value.items():
                registry.set(COUNTS, count, stage, f"{name}.{kind}")
        elif isinstance(value, int):
            registry.set(COUNTS, value, stage, name)
