"""Times that another clock has stamped, or none: what can be said of them, and from one to another."""

from __future__ import annotations

import pytest

from sockfilter.model.moment import Moment, contradict, elapsed_ns, wall_ns

PLAIN = 100
NO_CLOCK = Moment(100, None, None)
ONE, OTHER = Moment(100, 1, 7), Moment(100, 2, 9)


def later(time_ns: int, by_ns: int = 5) -> int:
    """A time by the same clock."""
    if not isinstance(time_ns, Moment):
        return time_ns + by_ns
    return Moment(time_ns + by_ns, time_ns.clock, None if time_ns.wall_ns is None else time_ns.wall_ns + by_ns)


def test_the_wall_clock():
    assert wall_ns(PLAIN, 1000) == 1100
    assert wall_ns(NO_CLOCK, 1000) is None
    assert wall_ns(ONE, 1000) == 7


@pytest.mark.parametrize("start_ns", [PLAIN, ONE, OTHER], ids=["plain", "one", "another"])
def test_one_clock_says_how_long_it_took(start_ns: int):
    assert elapsed_ns(start_ns, later(start_ns)) == 5
    assert elapsed_ns(start_ns, start_ns) == 0
    assert type(elapsed_ns(start_ns, start_ns)) is int
    assert elapsed_ns(later(start_ns), start_ns) is None


@pytest.mark.parametrize(
    ("start_ns", "end_ns"),
    [
        (None, PLAIN),
        (PLAIN, None),
        (PLAIN, ONE),
        (ONE, OTHER),
        (NO_CLOCK, NO_CLOCK),
        (PLAIN, NO_CLOCK),
        (NO_CLOCK, ONE),
    ],
    ids=["no start", "no end", "two clocks", "two others", "no clock", "none at the end", "none at the start"],
)
def test_two_clocks_or_none_say_nothing(start_ns: int | None, end_ns: int | None):
    assert elapsed_ns(start_ns, None if end_ns is None else later(end_ns)) is None


@pytest.mark.parametrize("time_ns", [PLAIN, ONE], ids=["plain", "another"])
def test_one_clock_contradicts_itself(time_ns: int):
    assert contradict(later(time_ns), time_ns)
    assert not contradict(time_ns, time_ns)
    assert not contradict(time_ns, later(time_ns))


def test_whoever_goes_back_to_an_older_clock_has_two():
    assert contradict(OTHER, later(ONE))
    assert contradict(ONE, later(PLAIN))
    assert not contradict(PLAIN, later(ONE))


@pytest.mark.parametrize(("earlier_ns", "later_ns"), [(ONE, OTHER), (NO_CLOCK, PLAIN), (None, PLAIN), (PLAIN, None)])
def test_what_cannot_be_compared_contradicts_nothing(earlier_ns: int | None, later_ns: int | None):
    assert not contradict(None if earlier_ns is None else later(earlier_ns), later_ns)


def test_it_is_a_number_in_all_else():
    assert max(99, NO_CLOCK) is NO_CLOCK
    assert sorted([ONE, 99]) == [99, 100]
    assert NO_CLOCK - PLAIN == 0
