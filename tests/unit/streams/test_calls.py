"""How connections end where calls are heard: what ends them may be heard before the call that it ended."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.streams.calls import LATE_CALL_NS
from tests.support.segments import Scene

CLOSED, RESET, GAP = Problem.CLOSED, Problem.RESET, Problem.GAP
ISNS = [(1000, 5000), (0xFFFFFFFC, 0xFFFFFFFD)]


def test_a_reset_behind_all_that_was_said_ends_at_once():
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz", acked=3)
    scene.reset(0, 3, acked=3)
    assert scene.closed is RESET
    assert [tape.ended for tape in scene.tapes] == [RESET, RESET]
    assert not len(scene.table)
    assert not scene.table.holes


@pytest.mark.parametrize("isn", ISNS)
def test_the_call_that_a_reset_ends_is_heard_after_it(isn: tuple[int, int]):
    scene = Scene(calls=True, isn=isn)
    scene.send(0, 0, b"abc")
    scene.reset(1, 6, acked=3)
    assert scene.closed is None
    scene.send(1, 0, b"uvw", acked=3)
    assert scene.closed is None
    scene.send(1, 3, b"xyz", acked=3)
    assert scene.tapes[1].what == [("data", b"uvw"), ("data", b"xyz"), ("end", RESET)]
    assert scene.closed is RESET


@pytest.mark.parametrize("isn", ISNS)
def test_a_reset_waits_for_what_its_end_had_received(isn: tuple[int, int]):
    scene = Scene(calls=True, isn=isn)
    scene.send(0, 0, b"abc")
    scene.reset(0, 3, acked=3)
    assert scene.closed is None
    scene.send(1, 0, b"xyz", acked=3)
    assert scene.tapes[1].content == b"xyz"
    assert scene.closed is RESET


def test_a_reset_waits_no_longer_than_a_call_may_be_late():
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.reset(1, 6, acked=3)
    scene.tick(LATE_CALL_NS - 1)
    assert scene.closed is None
    scene.tick(1)
    assert scene.closed is RESET
    assert scene.table.counts.gaps == 0
    assert not scene.table.holes


def test_what_waits_behind_a_hole_comes_out_before_the_reset():
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.reset(0, 9)
    scene.send(0, 6, b"ghi")
    assert scene.closed is None
    scene.send(0, 3, b"def")
    assert scene.tapes[0].what[-2:] == [("data", b"ghi"), ("end", RESET)]
    assert not scene.table.holes


def test_a_hole_in_front_of_a_reset_is_a_gap():
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.reset(0, 9)
    scene.send(0, 6, b"ghi")
    scene.tick(LATE_CALL_NS)
    assert scene.tapes[0].what == [("data", b"abc"), ("missing", 3, GAP), ("data", b"ghi"), ("end", RESET)]


def test_a_reset_after_a_close():
    """The client has closed, and the answer comes nevertheless."""
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    scene.reset(1, 3, acked=3)
    assert scene.closed is None
    scene.send(1, 0, b"xyz", acked=3)
    assert [tape.ended for tape in scene.tapes] == [CLOSED, RESET]
    assert scene.closed is RESET


def test_both_ends_close_before_a_reset_is_due():
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.reset(1, 3, acked=3)
    scene.fin(1, 0, b"xyz")
    assert scene.closed is RESET
    scene.tick(LATE_CALL_NS)
    assert scene.conversations[-1].closed == [RESET]


def test_bytes_that_nobody_needed_have_passed_before_a_reset():
    scene = Scene(calls=True)
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz", acked=3)
    scene.tapes[1].ignoring = 1000
    scene.conversations[-1].connection.announce(1, 1000)
    scene.reset(0, 3, acked=503)
    assert scene.tapes[1].what == [("data", b"xyz"), ("skip", 500), ("end", RESET)]
    assert scene.closed is RESET


def test_a_reset_where_nothing_is_known_of_the_other_end():
    scene = Scene(calls=True, whole=False)
    scene.send(0, 0, b"abc")
    scene.reset(0, 3, acked=700)
    assert scene.closed is RESET
