"""What the fuzz targets call too slow. What a run returns is taken for what it costs, in nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fuzz import budget, packets, streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

MS = 1_000_000


@pytest.fixture(autouse=True)
def _said_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "cost", lambda run: run())


def growing(ns: Callable[[int], int]) -> budget.Endless:
    return lambda data, size: lambda: ns(size)


def test_what_costs_the_same_for_each_byte_passes() -> None:
    budget.check_growth(b"", growing(lambda size: 1000 * size))


def test_what_costs_more_for_each_byte_the_more_there_are_is_a_finding() -> None:
    words = r"costs more for each byte the longer it is: 7 ms for 8 KiB, 6872 ms for 256 KiB, 109951 ms for 1024 KiB"
    with pytest.raises(budget.TooSlow, match=words):
        budget.check_growth(b"", growing(lambda size: size * size // 10))


def test_what_comes_to_a_limit_passes() -> None:
    budget.check_growth(b"", growing(lambda size: (1000 if size == budget.SHORT_BYTES else 4000) * size))


def test_what_is_too_short_to_be_measured_passes() -> None:
    budget.check_growth(b"", growing(lambda size: 310 * MS if size == budget.LONG_BYTES else 1))


@pytest.mark.parametrize("ns", [90 * MS, 110 * MS])
def test_each_byte_is_allowed_some_time(ns: int) -> None:
    budget.tried(bytes(300), lambda data: ns, growing(lambda size: 0))


def test_an_input_that_takes_too_long_is_a_finding() -> None:
    words = r"10 bytes cost 110 ms of the processor's time, the least of 3 runs; 100 ms are allowed"
    with pytest.raises(budget.TooSlow, match=words):
        budget.tried(bytes(10), lambda data: 110 * MS, growing(lambda size: 0))


def test_the_least_of_some_runs_counts() -> None:
    costs = iter([200 * MS, 150 * MS, 90 * MS])
    budget.tried(b"", lambda data: next(costs), growing(lambda size: 0))


@pytest.mark.parametrize("target", [packets, streams])
def test_some_of_each_input_can_go_on(target: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, seed in enumerate([b"", b"\0", *target.seeds()][:40]):
        monkeypatch.setattr(budget, "chosen", lambda data, number=number: budget.Choice(number * 997))
        target.endless(seed, 2000)()
