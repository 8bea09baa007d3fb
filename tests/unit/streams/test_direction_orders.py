"""What the source is asked to leave out, while nobody needs it."""

from __future__ import annotations

import itertools

import pytest

from sockfilter.model import Problem
from sockfilter.streams.direction import SKIP_BYTES_MAX
from tests.support.segments import STREAM, Scene
from tests.support.wire import MASK

GIB = 1 << 30
SECOND = 10**9


def announced(size: int, isn: int = 1000) -> Scene:
    """Ten bytes have come, and the receiver will ignore some."""
    scene = Scene(isn=(isn, 5000))
    scene.send(0, 0, b"0123456789")
    scene.tapes[0].ignoring = size
    direction(scene).announce(size)
    return scene


def direction(scene: Scene):
    return scene.conversations[-1].connection.directions[0]


def pass_lengths(scene: Scene, start: int, total: int, step: int) -> None:
    """Lengths-only segments, as the kernel sends them while an order stands."""
    for at in range(start, start + total, step):
        scene.send(0, at, length=min(step, start + total - at))


def test_the_order_reaches_as_far_as_nothing_is_needed():
    scene = announced(500_000)
    assert scene.orders.given == [("skip", STREAM, 1001 + 10 + 500_000)]


def test_the_order_wraps():
    scene = announced(500_000, isn=MASK - 100)
    assert scene.orders.given == [("skip", STREAM, (MASK - 99 + 10 + 500_000) & MASK)]


def test_the_order_is_taken_back():
    scene = announced(500_000)
    direction(scene).announce(0)
    assert scene.orders.given[-1] == ("take_all", STREAM, 0)
    direction(scene).announce(0)
    assert len(scene.orders.given) == 2


@pytest.mark.parametrize("size", [GIB, 2 * GIB, 5 * GIB, 9 * GIB])
def test_the_order_for_more_than_numbers_can_compare_is_given_in_steps(size: int):
    scene = announced(size)
    pass_lengths(scene, 10, size, 50_000_000)
    until = [seq for name, _, seq in scene.orders.given if name == "skip"]
    assert until[0] == 1011 + SKIP_BYTES_MAX
    assert until[-1] == (1011 + size) & MASK
    assert all((b - a) & MASK <= SKIP_BYTES_MAX for a, b in itertools.pairwise(until))
    assert len(until) <= size // (SKIP_BYTES_MAX // 2) + 1


def test_the_order_stands_until_it_is_renewed():
    """At no time has the kernel an order that is behind what passes."""
    scene = announced(3 * GIB)
    passed = 10
    while scene.tapes[0].ignoring:
        step = min(50_000_000, scene.tapes[0].ignoring)
        until = scene.orders.given[-1][2]
        assert (until - (1001 + passed + step)) & MASK < 1 << 31
        pass_lengths(scene, passed, step, step)
        passed += step
    assert not scene.table.counts.gaps


def test_the_order_counts_from_behind_what_was_cut():
    """The receiver has seen the first bytes of a segment, and says what it needs of the rest of the stream."""
    scene = Scene()
    scene.send(0, 0, b"x")
    tape = scene.tapes[0]
    tape.data = lambda *_: direction(scene).announce(1_000_000)  # type: ignore[method-assign]  # as a parser would
    scene.send(0, 1, b"head", length=104)
    assert scene.orders.given == [("skip", STREAM, 1001 + 5 + 1_000_000)]


def test_no_order_for_an_end_that_has_sent_nothing():
    scene = Scene(whole=False)
    scene.send(1, 0, b"x")
    direction(scene).announce(1_000_000)
    assert not scene.orders.given


def test_no_order_for_an_end_that_has_ended():
    scene = announced(1_000_000)
    scene.fin(0, 10)
    assert scene.orders.given[-1] == ("take_all", STREAM, 0)
    direction(scene).announce(1_000_000)
    assert len(scene.orders.given) == 2


def test_the_order_goes_with_a_new_number():
    scene = announced(1_000_000)
    scene.table.open(100, scene.start, scene.now_ns)
    assert scene.orders.given[-1] == ("skip", 100, 1001 + 10 + 1_000_000)


@pytest.mark.parametrize(("whole", "order"), [(True, "reject"), (False, "forget")])
def test_what_is_not_wanted_is_not_asked_for(whole: bool, order: str):
    scene = Scene(whole=whole)
    scene.send(0, 0, b"abc")
    scene.conversations[0].connection.reject()
    assert scene.orders.given == [(order, STREAM, 0), (order, STREAM | 1, 0)]
    assert not len(scene.table)
    assert not scene.conversations[0].closed


def test_what_is_not_wanted_is_rejected_once_and_leaves_nothing_held():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, 5, b"xyz")
    for _ in range(2):
        scene.conversations[0].connection.reject()
    scene.send(0, 3, b"de")
    scene.tick(1 << 40)
    assert scene.tapes[0].what == [("data", b"abc")]
    assert not scene.table.counts.gaps
    assert scene.table.counts.after_close == 1


def test_what_is_left_out_altogether_has_passed():
    scene = announced(500_000)
    scene.send(0, 300_010, length=1000)
    assert scene.tapes[0].what[1:] == [("skip", 300_000), ("skip", 1000)]
    assert not scene.table.counts.gaps
    assert not scene.table.holes


def test_what_is_missing_beyond_the_order_is_a_hole():
    scene = announced(500_000)
    scene.send(0, 500_020, b"abc")
    assert scene.tapes[0].what[1:] == [("skip", 500_000)]
    assert scene.table.holes
    scene.send(0, 500_010, b"0123456789")
    assert scene.tapes[0].what[2:] == [("data", b"0123456789"), ("data", b"abc")]


def test_without_an_order_what_is_missing_is_a_hole():
    scene = announced(500_000)
    direction(scene).announce(0)
    scene.send(0, 300_010, length=1000)
    assert scene.table.holes


def test_an_end_within_the_order():
    scene = announced(500_000)
    scene.fin(0, 200_010)
    assert scene.tapes[0].what[1:] == [("skip", 200_000), ("end", Problem.CLOSED)]


def test_a_reset_within_the_order():
    scene = announced(500_000)
    scene.reset(0, 200_010)
    assert scene.tapes[0].what[1:] == [("skip", 200_000), ("end", Problem.RESET)]


def test_what_the_other_end_says_meanwhile_does_not_wait():
    scene = announced(500_000)
    scene.send(1, 0, b"next", acked=300_010)
    assert scene.tapes[1].content == b"next"


def test_what_is_left_out_while_later_segments_are_held_is_no_gap():
    """One that overtook others came before the order, and these behind it: the source says nothing of them."""
    scene = Scene()
    scene.send(0, 0, b"0123456789")
    scene.send(0, 1010, length=1000)
    scene.tapes[0].ignoring = 500_000
    direction(scene).announce(500_000)
    scene.tick(SECOND)
    assert scene.tapes[0].what[1:] == [("skip", 1000), ("skip", 1000)]
    assert not scene.table.counts.gaps
    assert not scene.table.holes


def test_what_is_missing_beyond_the_order_while_later_segments_are_held_is_a_gap():
    scene = Scene()
    scene.send(0, 0, b"0123456789")
    scene.send(0, 1010, b"x" * 10)
    scene.tapes[0].ignoring = 600
    direction(scene).announce(600)
    scene.tick(SECOND)
    assert scene.tapes[0].what[1:] == [("skip", 600), ("missing", 400, Problem.GAP), ("data", b"x" * 10)]
    assert scene.table.counts.gap_bytes == 400
