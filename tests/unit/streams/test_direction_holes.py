"""Bytes that do not come: how long they are waited for, and what is said of them then."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.streams.direction import ACKNOWLEDGED_HOLE_NS, HELD_BYTES_MAX, HELD_SEGMENTS_MAX, HOLE_NS
from tests.support.segments import Scene

GAP = Problem.GAP
TRUNCATED = Problem.TRUNCATED


@pytest.fixture
def scene() -> Scene:
    """Three bytes have come, three are missing, three are held."""
    made = Scene()
    made.send(0, 0, b"abc")
    made.send(0, 6, b"ghi")
    return made


def test_a_hole_is_closed_late(scene: Scene):
    scene.tick(HOLE_NS - 1)
    scene.send(0, 3, b"def", after_ns=0)
    assert scene.tapes[0].content == b"abcdefghi"
    assert not scene.table.counts.gaps
    assert not scene.table.holes


def test_a_hole_is_given_up_by_time(scene: Scene):
    scene.tick(HOLE_NS)
    assert scene.tapes[0].what == [("data", b"abc"), ("missing", 3, GAP), ("data", b"ghi")]
    assert (scene.table.counts.gaps, scene.table.counts.gap_bytes) == (1, 3)
    assert not scene.table.holes


def test_a_hole_that_its_receiver_has_acknowledged_is_given_up_soon(scene: Scene):
    scene.send(1, 0, b"x", acked=9, after_ns=0)
    scene.tick(ACKNOWLEDGED_HOLE_NS - 1)
    assert scene.tapes[0].content == b"abc"
    scene.tick(1)
    assert scene.tapes[0].content == b"abc...ghi"


def test_an_acknowledgement_before_the_hole_changes_nothing(scene: Scene):
    scene.send(1, 0, b"x", acked=3)
    scene.tick(ACKNOWLEDGED_HOLE_NS)
    assert scene.tapes[0].content == b"abc"


def test_what_an_acknowledgement_alone_tells_of_is_waited_for_until_all_is_here():
    scene = Scene()
    scene.send(1, 0, b"answer", acked=20)
    assert scene.tapes[1].content == b""
    scene.table.settle()
    assert scene.tapes[0].what == [("missing", 20, GAP)]
    assert scene.tapes[1].content == b"answer"
    assert not scene.table.holes


def test_what_its_sender_may_send_again_is_waited_for_all_the_same(scene: Scene):
    scene.send(1, 0, b"x", acked=3)
    scene.table.settle()
    assert scene.tapes[0].content == b"abc"
    scene.send(0, 3, b"def")
    assert scene.tapes[0].content == b"abcdefghi"


def test_an_older_acknowledgement_takes_nothing_back(scene: Scene):
    scene.send(1, 1, b"y", acked=9)
    scene.send(1, 0, b"x", acked=3)
    scene.tick(ACKNOWLEDGED_HOLE_NS)
    assert scene.tapes[0].content == b"abc...ghi"


def test_a_reset_without_acknowledgement_says_nothing_of_the_hole(scene: Scene):
    scene.send(1, -1, flags=0x04, acked=9)
    scene.tick(ACKNOWLEDGED_HOLE_NS)
    assert scene.tapes[0].content == b"abc"


def test_the_next_segment_shows_that_the_time_is_over_too(scene: Scene):
    scene.send(0, 9, b"jkl", after_ns=HOLE_NS)
    assert scene.tapes[0].content == b"abc...ghijkl"


def test_the_other_direction_shows_it_too(scene: Scene):
    scene.send(1, 0, b"x", after_ns=HOLE_NS)
    assert scene.tapes[0].content == b"abc...ghi"


def test_what_answers_bytes_behind_a_hole_waits_for_it(scene: Scene):
    scene.send(1, 0, b"answer", acked=9)
    assert scene.tapes[1].content == b""
    scene.send(0, 3, b"def")
    assert scene.tapes[0].content == b"abcdefghi"
    assert scene.tapes[1].content == b"answer"


def test_what_answers_bytes_before_a_hole_does_not_wait(scene: Scene):
    scene.send(1, 0, b"answer", acked=3)
    assert scene.tapes[1].content == b"answer"


def test_dialogue_behind_a_hole_comes_out_in_turns(scene: Scene):
    scene.send(1, 0, b"1", acked=9)
    scene.send(0, 9, b"2", acked=1)
    scene.send(1, 1, b"3", acked=10)
    order: list[bytes] = []
    for tape in scene.tapes:
        tape.data = lambda data, *_: order.append(data)  # type: ignore[method-assign]  # to see both in one
    scene.tick(ACKNOWLEDGED_HOLE_NS)
    assert order == [b"ghi", b"1", b"2", b"3"]
    assert scene.table.counts.gaps == 1


def test_acknowledgements_that_contradict_each_other_hold_nothing_up_for_long():
    scene = Scene()
    scene.send(0, 0, b"a")
    scene.send(1, 0, b"x")
    scene.send(0, 2, b"c")
    scene.send(1, 1, b"y", acked=500)
    scene.send(0, 3, b"d", acked=500)
    scene.tick(2 * HOLE_NS)
    assert [tape.content.rstrip(b".") for tape in scene.tapes] == [b"a.cd", b"xy"]
    scene.send(0, 4, b"e", acked=2)
    scene.send(1, 2, b"z", acked=5)
    assert [tape.content.replace(b".", b"") for tape in scene.tapes] == [b"acde", b"xyz"]
    assert (scene.table.counts.gaps, scene.table.counts.gap_bytes) == (1, 1)


def test_the_time_of_a_second_hole_counts_from_what_is_behind_it(scene: Scene):
    scene.send(0, 12, b"mno", after_ns=HOLE_NS // 2)
    scene.tick(HOLE_NS // 2)
    assert scene.tapes[0].content == b"abc...ghi"
    scene.tick(HOLE_NS // 2)
    assert scene.tapes[0].content == b"abc...ghi...mno"


@pytest.mark.parametrize("count", [2, HELD_SEGMENTS_MAX])
def test_every_hole_is_given_up_in_its_turn(count: int):
    scene = Scene()
    scene.send(0, 0, b"a")
    for i in range(1, count + 1):
        scene.send(0, 2 * i, b"b", after_ns=0)
    scene.tick(HOLE_NS)
    assert scene.tapes[0].content == b"a" + b".b" * count
    assert scene.table.counts.gaps == count


def test_no_more_segments_are_held_than_there_is_room_for():
    scene = Scene()
    scene.send(0, 0, b"a")
    for i in range(1, HELD_SEGMENTS_MAX + 3):
        scene.send(0, 2 * i, b"b", after_ns=0)
    assert scene.tapes[0].content == b"a.b.b"


def test_no_more_bytes_are_held_than_there_is_room_for():
    scene = Scene()
    scene.send(0, 0, b"a")
    piece = bytes(HELD_BYTES_MAX // 4)
    for i in range(5):
        scene.send(0, 2 + i * (len(piece) + 1), piece, after_ns=0)
    assert scene.table.counts.gaps == 1
    assert len(scene.tapes[0].content) == 2 + len(piece)


def test_a_segment_of_which_the_rest_was_cut():
    scene = Scene()
    scene.send(0, 0, b"abc", length=10)
    scene.send(0, 10, b"xyz")
    assert scene.tapes[0].what == [("data", b"abc"), ("missing", 7, TRUNCATED), ("data", b"xyz")]


def test_a_segment_of_which_there_is_nothing_but_the_length():
    scene = Scene()
    scene.send(0, 0, b"", length=10)
    assert scene.tapes[0].what == [("missing", 10, TRUNCATED)]


def test_a_cut_segment_that_waits_is_cut_when_it_comes_out():
    scene = Scene()
    scene.send(0, 3, b"d", length=3)
    scene.send(0, 0, b"abc")
    assert scene.tapes[0].what == [("data", b"abc"), ("data", b"d"), ("missing", 2, TRUNCATED)]


def test_the_end_of_a_cut_segment_may_be_all_that_is_new():
    scene = Scene()
    scene.send(0, 0, b"abcdef")
    scene.send(0, 3, b"d", length=6)
    assert scene.tapes[0].what == [("data", b"abcdef"), ("missing", 3, TRUNCATED)]


def test_lengths_of_what_is_not_needed_are_enough():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.tapes[0].ignoring = 20
    scene.send(0, 3, b"", length=10)
    scene.send(0, 13, b"0123456789")
    assert scene.tapes[0].what == [("data", b"abc"), ("skip", 10), ("skip", 10)]


def test_times_of_what_waited_are_those_of_what_it_waited_for():
    scene = Scene()
    scene.send(0, 3, b"b", after_ns=10)
    scene.send(0, 0, b"aaa", after_ns=90)
    scene.send(0, 4, b"c", after_ns=10)
    assert scene.tapes[0].times == [100, 100, 110]


def test_times_of_what_waited_in_vain_are_its_own(scene: Scene):
    came_ns = scene.now_ns
    scene.tick(HOLE_NS)
    assert scene.tapes[0].times[-1] == came_ns
