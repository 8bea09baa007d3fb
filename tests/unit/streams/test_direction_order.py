"""Segments in any order, once or more often: the bytes come out in theirs."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.linux_tcp import LinuxReceiver
from tests.support.segments import Scene

WHOLE = b"abcdefghijklmnopqrst"
PIECES = [(0, b"abcd"), (4, b"efgh"), (8, b"ijkl"), (12, b"mnop"), (16, b"qrst")]


def content(*segments: tuple[int, bytes]) -> bytes:
    scene = Scene()
    for at, data in segments:
        scene.send(0, at, data)
    return scene.tapes[0].content


def test_in_order():
    assert content(*PIECES) == WHOLE


@pytest.mark.parametrize("order", list(permutations(range(5))), ids=lambda order: "".join(map(str, order)))
def test_every_permutation_of_five(order: tuple[int, ...]):
    assert content(*(PIECES[i] for i in order)) == WHOLE


@pytest.mark.parametrize("distance", [1, 2, 100, 1 << 20, (1 << 30) - 1])
def test_ahead_by_any_distance(distance: int):
    scene = Scene()
    scene.send(0, 0, b"a")
    scene.send(0, 1 + distance, b"z")
    assert scene.tapes[0].content == b"a"
    for at in range(1, 1 + min(distance, 100)):
        scene.send(0, at, b".")
    expected = b"a" + b"." * distance + b"z" if distance <= 100 else b"a" + b"." * 100
    assert scene.tapes[0].content == expected
    assert scene.table.counts.reordered == 1


def test_retransmission_of_the_same_bytes():
    scene = Scene()
    for _ in range(3):
        scene.send(0, 0, b"abc")
    assert scene.tapes[0].what == [("data", b"abc")]
    assert scene.table.counts.retransmitted == 2


def test_retransmission_with_other_bytes_changes_nothing():
    assert content((0, b"abc"), (0, b"XYZ"), (3, b"def")) == b"abcdef"


def test_retransmission_that_goes_on_further():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, 0, b"XYZdef")
    assert scene.tapes[0].content == b"abcdef"
    assert scene.table.counts.overlapping == 1


def test_keep_alive_probe_is_a_byte_that_was_there():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, 2, b"\0")
    scene.send(0, 2)
    scene.send(0, 3, b"def")
    assert scene.tapes[0].content == b"abcdef"
    assert scene.table.counts.retransmitted == 1


def test_zero_window_probe_is_a_byte_that_comes_again():
    assert content((0, b"abc"), (3, b"d"), (3, b"d"), (3, b"defg")) == b"abcdefg"


def test_empty_segments_say_nothing():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, 3)
    scene.send(1, 0)
    scene.send(0, 3, b"def")
    assert scene.tapes[0].content == b"abcdef"
    assert not [event for tape in scene.tapes for event in tape.what if event[0] in ("missing", "end")]


def test_numbers_wrap_within_a_message():
    scene = Scene(isn=((1 << 32) - 4, 5000))
    for at, data in [PIECES[i] for i in (2, 0, 1, 0, 4, 3)]:
        scene.send(0, at, data)
    assert scene.tapes[0].content == WHOLE


def test_of_segments_that_wait_the_one_that_begins_first_counts():
    assert content((2, b"CDEF"), (4, b"xyzw"), (0, b"ab")) == b"abCDEFzw"
    assert content((4, b"xyzw"), (2, b"CDEF"), (0, b"ab")) == b"abCDEFzw"


def test_what_comes_in_order_counts_before_what_waits():
    assert content((2, b"xy"), (0, b"abcd")) == b"abcd"


def test_what_waits_is_replaced_by_what_covers_it():
    assert content((4, b"xy"), (2, b"CDEFGH"), (0, b"ab")) == b"abCDEFGH"


def test_what_waits_stays_where_it_is_there_already():
    assert content((2, b"CDEFGH"), (4, b"xy"), (0, b"ab")) == b"abCDEFGH"


segments = st.lists(st.tuples(st.integers(0, 24), st.binary(min_size=1, max_size=10)), min_size=1, max_size=12)


@given(segments)
def test_any_overlaps_come_out_as_from_linux(pieces: list[tuple[int, bytes]]):
    scene, linux = Scene(), LinuxReceiver()
    for at, data in [(0, b"S"), *((at + 1, data) for at, data in pieces)]:
        scene.send(0, at, data, after_ns=0)
        linux.segment(at, data)
        assert scene.tapes[0].content == linux.read


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=6), st.integers(0, (1 << 32) - 1))
def test_any_order_with_any_repetition(order: list[int], again: list[int], isn: int):
    whole = bytes(range(97, 121))
    scene = Scene(isn=(isn, 5000))
    for i in order + again:
        scene.send(0, 2 * i, whole[2 * i : 2 * i + 2])
    assert scene.tapes[0].content == whole
    assert not scene.table.counts.gaps
