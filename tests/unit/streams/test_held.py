from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfilter.streams.held import OutOfOrder


def held(*segments: tuple[int, bytes]) -> OutOfOrder:
    made = OutOfOrder()
    for seq, data in segments:
        made.add(seq, len(data), data, 0, 0)
    return made


def taken(segments: OutOfOrder) -> list[tuple[int, bytes]]:
    found = []
    while segments:
        segment = segments.pop()
        found.append((segment.seq, segment.data))
    return found


def test_segments_come_out_in_their_order():
    assert taken(held((30, b"c"), (10, b"a"), (20, b"b"))) == [(10, b"a"), (20, b"b"), (30, b"c")]


def test_the_same_segment_again_is_dropped():
    assert taken(held((10, b"abc"), (10, b"xyz"))) == [(10, b"abc")]


def test_a_segment_within_another_is_dropped():
    assert taken(held((10, b"abcdef"), (12, b"XY"), (10, b"Z"), (15, b"Z"))) == [(10, b"abcdef")]


def test_a_segment_that_covers_others_replaces_them():
    assert taken(held((12, b"c"), (14, b"e"), (20, b"z"), (10, b"ABCDEF"))) == [(10, b"ABCDEF"), (20, b"z")]


def test_a_longer_segment_from_the_same_place_replaces_the_shorter():
    assert taken(held((10, b"ab"), (10, b"ABC"))) == [(10, b"ABC")]


def test_of_segments_that_overlap_in_part_both_stay():
    assert taken(held((10, b"abcd"), (12, b"CDEF"), (8, b"xyz"))) == [(8, b"xyz"), (10, b"abcd"), (12, b"CDEF")]


def test_the_mark_of_an_end_stands_behind_what_comes_before_it():
    assert taken(held((15, b""), (10, b"abc"))) == [(10, b"abc"), (15, b"")]


def test_the_mark_of_an_end_is_not_needed_where_a_segment_reaches_it():
    assert taken(held((13, b""), (10, b"abc"))) == [(10, b"abc")]
    assert taken(held((10, b"abc"), (13, b""))) == [(10, b"abc")]


def test_numbers_wrap():
    high = (1 << 32) - 2
    assert taken(held((3, b"c"), (high, b"a"), (0, b"b"))) == [(high, b"a"), (0, b"b"), (3, b"c")]


def test_a_segment_behind_one_that_was_taken_is_put_in_its_place():
    segments = held((10, b"a"), (30, b"c"))
    segments.pop()
    segments.add(5, 1, b"x", 0, 0)
    segments.add(20, 1, b"b", 0, 0)
    assert taken(segments) == [(5, b"x"), (20, b"b"), (30, b"c")]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=12))
def test_none_contains_another_and_the_size_is_that_of_their_bytes(pieces: list[tuple[int, int]]):
    segments = held(*((seq, bytes(size)) for seq, size in pieces))
    size = segments.size
    left = taken(segments)
    assert size == sum(len(data) for _, data in left)
    assert segments.size == 0
    ends = [seq + len(data) for seq, data in left]
    assert [seq for seq, _ in left] == sorted({seq for seq, _ in left})
    assert ends == sorted(set(ends))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=12))
def test_no_byte_is_lost(pieces: list[tuple[int, int]]):
    left = taken(held(*((seq, bytes(size)) for seq, size in pieces)))
    covered = {byte for seq, size in pieces for byte in range(seq, seq + size)}
    assert {byte for seq, data in left for byte in range(seq, seq + len(data))} == covered
