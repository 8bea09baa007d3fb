"""The wall clock is set while a capture runs: times follow it, durations do not."""

from __future__ import annotations

import pytest

from sockfilter.sources.clock import CLOCK_STEP_NS, Clock
from tests.support.losses import ask, plain
from tests.support.talk import EVERYTHING
from tests.support.wire import MILLISECOND, Orders, Road, Wire, read_records

HOUR_NS = 3600 * 10**9
SET = [0, -HOUR_NS, 24 * HOUR_NS, 0]


class Hands:
    """Both clocks, as the test moves them."""

    def __init__(self) -> None:
        self.wall_ns, self.monotonic_ns = 1_700_000_000 * 10**9, 5 * 10**9
        self.clock = Clock(lambda: self.wall_ns, lambda: self.monotonic_ns)

    def go_on(self, ns: int, set_by: int = 0) -> int:
        """The offset after both have gone on, and the wall clock was set."""
        self.monotonic_ns += ns
        self.wall_ns += ns + set_by
        return self.clock.follow()


@pytest.mark.parametrize("step", [HOUR_NS, -HOUR_NS, 2 * CLOCK_STEP_NS, -2 * CLOCK_STEP_NS])
def test_it_is_set(step: int):
    hands = Hands()
    before = hands.go_on(HOUR_NS)
    assert hands.go_on(1, step) == before + step
    assert hands.go_on(HOUR_NS) == before + step
    assert hands.go_on(0, -step) == before


def test_it_runs_a_little_faster():
    """As adjtime(3) has it run: the times of what comes in one go stay in order, those of hours stay right."""
    hands = Hands()
    before = hands.go_on(HOUR_NS)
    assert hands.go_on(HOUR_NS, CLOCK_STEP_NS // 2) == before
    assert hands.go_on(HOUR_NS, CLOCK_STEP_NS) == before + CLOCK_STEP_NS * 3 // 2


@pytest.mark.parametrize("has_lane", [True, False], ids=["short", "long"])
def test_times_follow_and_durations_stay(has_lane: bool):
    wire, orders = Wire(), Orders()
    talker = wire.connection()
    for number in range(len(SET)):
        talker.send(0, ask(number))
        talker.send(1, plain(number))
    found: list[tuple[int, int, float | None]] = []

    def emit(exchange: object) -> None:
        found.append((exchange.start_ns, exchange.began_ns, exchange.timing.total))  # type: ignore[attr-defined]
        orders.clock_offset_ns = SET[len(found) % len(SET)]

    ledger = read_records(Road(orders, EVERYTHING, True, has_lane), wire.records, emit)
    assert ledger.is_balanced
    assert [start - began for start, began, _ in found] == SET
    assert {total for _, _, total in found} == {MILLISECOND / 1e9}
