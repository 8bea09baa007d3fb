"""What /healthz says, the ledger as metrics, and how long an idle capture waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sockfilter.cli.idle import Idle
from sockfilter.ledger import (
    CALL_COUNTERS,
    PACKET_COUNTERS,
    FragmentCounts,
    Ledger,
    MessageCounts,
    ProcessCounts,
    SegmentCounts,
)
from sockfilter.metrics import ledger as ledger_metrics
from sockfilter.metrics.health import LOSS_S, NO_ANSWER, Health
from sockfilter.metrics.registry import Registry
from sockfilter.metrics.snapshot import snapshot

if TYPE_CHECKING:
    from sockfilter.metrics.snapshot import Family


def ledger(**packets: int) -> Ledger:
    counters = dict.fromkeys(PACKET_COUNTERS, 0) | packets
    segments = SegmentCounts(gap_bytes=packets.get("ring_full", 0) * 10)
    return Ledger(
        counters, counters["sent"], FragmentCounts(), segments, MessageCounts(), dict.fromkeys(CALL_COUNTERS, 0),
        ProcessCounts(),
    )  # fmt: skip


def families(found: Ledger) -> list[Family]:
    registry = Registry()
    ledger_metrics.declare(registry)
    ledger_metrics.note(registry, found)
    return snapshot(registry)


def test_the_metrics_have_each_loss_of_the_ledger_and_zeros_for_the_others() -> None:
    found = ledger(seen=5, sent=3, ring_full=2)
    (lost,) = (family for family in families(found) if family["name"] == "sockfilter_lost_total")
    values = {dict(labels)["reason"]: value for labels, value, _ in lost["series"]}
    assert {reason: value for reason, value in values.items() if value} == {
        reason: count for reason, (count, _) in found.losses().items()
    }
    # an alert sees the first loss only if its series was there before
    assert len(values) > 10
    (packets,) = (family for family in families(found) if family["name"] == "sockfilter_packets_total")
    assert sum(value for _, value, _ in packets["series"]) == found.packets["seen"]


def test_a_loss_is_told_for_a_minute_and_told_again_when_it_grows() -> None:
    health = Health()
    assert health.problems(families(ledger(seen=3, sent=3)), 0) == []
    lost = families(ledger(seen=5, sent=3, ring_full=2))
    assert health.problems(lost, 10) == [
        "bytes missing in connections",
        "records lost for want of room in the ring",
    ]
    assert health.problems(lost, 10 + LOSS_S - 1)
    assert health.problems(lost, 10 + LOSS_S) == []
    assert health.problems(None, 100) == [NO_ANSWER]
    assert health.problems(families(ledger(seen=6, sent=3, ring_full=3)), 200)


def test_a_ledger_that_does_not_balance_is_told() -> None:
    assert Health().problems(families(ledger(seen=9, sent=3)), 0) == ["the ledger does not balance"]


def test_an_idle_capture_ends_after_its_time_unless_an_exchange_is_under_way() -> None:
    capture: Any = SimpleNamespace(pending=[])
    idle = Idle(10)
    assert idle.left(100, 0, capture) == 10
    assert idle.left(104, 0, capture) == 6
    assert idle.left(105, 1, capture) == 10  # an exchange has ended
    capture.pending = ["a request without a response"]
    assert idle.left(115, 1, capture) == 10
    capture.pending = []
    assert idle.left(124, 1, capture) == 1
    assert idle.left(125, 1, capture) <= 0
    assert Idle(None).left(1e9, 0, capture) == float("inf")
