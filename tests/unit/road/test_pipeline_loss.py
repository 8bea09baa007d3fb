"""Records that are lost: nothing is made up, everything has a reason, and reading goes on behind them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.losses import MILLISECOND, PIPELINED, SCRIPTS, check_truth, records_of, whole_ones
from tests.support.thorough import examples, some
from tests.support.wire import Wire

if TYPE_CHECKING:
    from sockfilter.model import Exchange
    from tests.support.losses import Spoken

ALL = {**SCRIPTS, **PIPELINED}
EACH = pytest.mark.parametrize("script", ALL.values(), ids=ALL.keys())
WAITING = pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
PAUSE = pytest.mark.parametrize("pause_ns", [0, 50 * MILLISECOND, 1000 * MILLISECOND], ids=["busy", "calm", "slow"])


def read_without(script: list[Spoken], lost: set[int], *, whole: bool = True, pause_ns: int = 0) -> list[Exchange]:
    """What is read of a script when some of its records are lost."""
    wire = Wire()
    records = records_of(wire, script, whole=whole, pause_ns=pause_ns)
    exchanges = wire.read([record for i, record in enumerate(records) if i not in lost])
    check_truth(exchanges, script)
    assert wire.ledger is not None
    assert wire.ledger.is_balanced, wire.ledger.imbalance
    return exchanges


def numbers(script: list[Spoken]) -> set[int]:
    return {spoken.number for spoken in script}


def damaged(script: list[Spoken], lost: set[int]) -> set[int]:
    return {spoken.number for i, spoken in enumerate(script) if i in lost}


@EACH
@PAUSE
def test_nothing_lost(script: list[Spoken], pause_ns: int):
    exchanges = read_without(script, set(), pause_ns=pause_ns)
    assert whole_ones(exchanges) == numbers(script)
    assert not any(exchange.problems for exchange in exchanges)


@WAITING
@PAUSE
def test_each_record_lost(script: list[Spoken], pause_ns: int):
    for i in range(len(script)):
        exchanges = read_without(script, {i}, pause_ns=pause_ns)
        assert whole_ones(exchanges) >= numbers(script) - damaged(script, {i}), i


@WAITING
@PAUSE
def test_each_pair_of_records_lost(script: list[Spoken], pause_ns: int):
    for _, lost in some(map(set, combinations(range(len(script)), 2)), 5):
        exchanges = read_without(script, lost, pause_ns=pause_ns)
        assert whole_ones(exchanges) >= numbers(script) - damaged(script, lost), lost


@WAITING
@PAUSE
def test_each_run_of_records_lost(script: list[Spoken], pause_ns: int):
    for _, (start, end) in some(combinations(range(len(script) + 1), 2), 5):
        lost = set(range(start, end))
        exchanges = read_without(script, lost, pause_ns=pause_ns)
        assert whole_ones(exchanges) >= numbers(script) - damaged(script, lost), lost


@WAITING
@PAUSE
@examples(10)
@given(lost=st.sets(st.integers(0, 17)), whole=st.booleans())
def test_any_records_lost(script: list[Spoken], pause_ns: int, lost: set[int], whole: bool):
    exchanges = read_without(script, lost, pause_ns=pause_ns, whole=whole)
    assert whole_ones(exchanges) >= numbers(script) - damaged(script, lost)


# what sends requests together is known by the first of them
TOGETHER = {"batches": 0, "sliding": 4}


@pytest.mark.parametrize("name", TOGETHER)
@PAUSE
def test_records_lost_of_a_client_that_does_not_wait(name: str, pause_ns: int):
    script = PIPELINED[name]
    rest = range(TOGETHER[name], len(script))
    for _, lost in some([set(c) for count in (1, 2, 3) for c in combinations(rest, count)], 3):
        read_without(script, lost, pause_ns=pause_ns)


@WAITING
@pytest.mark.parametrize("whole", [True, False])
def test_the_capture_begins_at_each_record(script: list[Spoken], whole: bool):
    for start in range(len(script)):
        lost = set(range(start))
        exchanges = read_without(script, lost, whole=whole)
        assert whole_ones(exchanges) >= numbers(script) - damaged(script, lost), start


@EACH
def test_the_capture_ends_at_each_record(script: list[Spoken]):
    for end in range(len(script) + 2):
        lost = set(range(end, len(script) + 2))
        exchanges = read_without(script, lost)
        assert whole_ones(exchanges) >= numbers(script) - damaged(script, lost) - {script[-1].number}


@EACH
@pytest.mark.parametrize("end", [0, 1])
def test_one_direction_alone(script: list[Spoken], end: int):
    exchanges = read_without(script, {i for i, spoken in enumerate(script) if spoken.end == end}, whole=False)
    assert len(exchanges) == len(numbers(script))
    assert all(exchange.problems for exchange in exchanges)
