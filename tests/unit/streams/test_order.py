"""What came again on one interface, and what of it was lost before the next."""

from __future__ import annotations

import pytest

from sockfilter.model.repeats import REPEATS_MAX, Repeat, Repeats, missed, without
from sockfilter.model.sequence import MASK
from sockfilter.streams.order import HOLES_MAX, SegmentOrder


def repeats(*parts: tuple[int, int], time_ns: int = 1) -> Repeats:
    made = Repeats()
    for seq, size in parts:
        made.add(Repeat(seq, size, time_ns))
    return made


def parts(found: list[Repeat]) -> list[tuple[int, int]]:
    return [(seq, size) for seq, size, _ in found]


def taken(*reports: tuple[int, int, int]) -> list[tuple[int, int]]:
    """What came again, by reports of a sequence number, the one that was expected, and a length."""
    order = SegmentOrder()
    for seq, expected, length in reports:
        order.take(seq, expected, length, 1)
    return parts(order.repeats.since(0))


@pytest.mark.parametrize("base", [1000, MASK - 50])
def test_what_comes_late_has_not_come_again(base: int) -> None:
    late, ahead, again = (base, base + 150, 50), (base + 100, base + 50, 50), (base + 100, base + 150, 50)
    gap = (base + 50, base, 100)
    assert taken(tuple(number & MASK for number in gap), tuple(number & MASK for number in late)) == []  # type: ignore[arg-type]
    assert taken(ahead, again) == [((base + 100) & MASK, 50)]


def test_only_old_bytes_have_come_again() -> None:
    assert taken((100, 150, 80)) == [(100, 50)]
    assert taken((200, 100, 50), (90, 250, 200)) == [(90, 10), (200, 50)]


def test_holes_are_bounded() -> None:
    holes = [(1000 * place + 500, 1000 * place, 500) for place in range(HOLES_MAX + 1)]
    filled = [(1000 * place, 1 << 20, 500) for place in range(HOLES_MAX + 1)]
    assert taken(*holes, *filled) == [(0, 500)]


@pytest.mark.parametrize(
    ("before", "behind", "lost"),
    [
        ([(100, 50)], [], [(100, 50)]),
        ([(100, 50)], [(100, 50)], []),
        ([], [(100, 50)], []),
        ([(100, 50), (100, 50)], [(100, 50)], [(100, 50)]),
        ([(100, 300)], [(200, 100)], [(100, 100), (300, 100)]),
        ([(100, 100), (200, 100)], [(150, 100)], [(100, 50), (250, 50)]),
        ([(MASK - 9, 20)], [(0, 10)], [(MASK - 9, 10)]),
    ],
)
def test_what_came_again_before_and_not_behind_was_lost_in_between(
    before: list[tuple[int, int]], behind: list[tuple[int, int]], lost: list[tuple[int, int]]
) -> None:
    assert parts(missed(repeats(*before), repeats(*behind))) == lost


def test_nothing_is_said_of_what_is_no_longer_known() -> None:
    before, behind = repeats((100, 50)), repeats((100, 50))
    for place in range(REPEATS_MAX):
        behind.add(Repeat(1000 + place, 1, 2))
    assert missed(before, behind) == []


def test_parts() -> None:
    whole = Repeat(100, 50, 1)
    assert parts(without(whole, 120, 10)) == [(100, 20), (130, 20)]
    assert parts(without(whole, 90, 100)) == []
    assert without(whole, 150, 10) == without(whole, 90, 10) == [whole]
