"""Content of HTTP/2 that the source has left out: its reports, in any order, and what is passed on of them."""

from __future__ import annotations

import itertools

import pytest

from sockfilter.model.flow import LEFT_OUT, LEFT_OUT_LAYOUT, LeftOut
from sockfilter.model.sequence import MASK
from sockfilter.streams.left_out import RUNS_MAX, Reports
from tests.support.segments import STREAM, Scene

MS = 1_000_000


def said(size: int, heads: int = 1, ahead: int = 0) -> LeftOut:
    return LeftOut(size, 0, heads, ahead, stream=1)


def asked(isn: int = 1000) -> tuple[Scene, list[LeftOut]]:
    """Ten bytes have come, and the content of stream 1 is not needed."""
    scene = Scene(isn=(isn, 5000))
    scene.send(0, 0, b"0123456789")
    passed: list[LeftOut] = []

    def take(left_out: LeftOut) -> int:
        passed.append(left_out)
        return 0

    scene.conversations[-1].connection.directions[0].leave_out(1, take)
    return scene, passed


def report(scene: Scene, at: int, size: int, heads: int = 1, time_ns: int = 0) -> None:
    direction = scene.conversations[-1].connection.directions[0]
    direction.segment(
        time_ns, (1001 + at) & MASK, 0, LEFT_OUT, size, LEFT_OUT_LAYOUT.size, LEFT_OUT_LAYOUT.pack(heads, 0, 1), 0
    )


def test_source_is_asked_once_and_that_is_taken_back():
    scene, _ = asked()
    direction = scene.conversations[-1].connection.directions[0]
    direction.leave_out(0, lambda _: 0)
    assert scene.orders.given == [("skip_content", STREAM, 1), ("take_all", STREAM, 0)]


def test_new_number_of_the_stream_is_told_the_same():
    scene, _ = asked()
    scene.conversations[-1].connection.directions[0].renumber(STREAM + 2)
    assert scene.orders.given[-1] == ("skip_content", STREAM + 2, 1)


def test_reports_say_it_all_again_with_more():
    scene, passed = asked()
    for size, heads in ((100, 1), (300, 3), (300, 3), (200, 2), (1000, 7)):
        report(scene, 10, size, heads)
    assert [(each.size, each.heads) for each in passed] == [(100, 1), (200, 2), (700, 4)]
    scene.send(0, 1010, b"abc")
    assert scene.tapes[0].content.endswith(b"abc")
    assert not scene.table.counts.gaps


def test_bytes_behind_what_was_left_out_wait_for_the_report():
    scene, passed = asked()
    scene.send(0, 110, b"abc")
    assert not passed
    report(scene, 10, 100)
    assert [each.size for each in passed] == [100]
    assert scene.tapes[0].content.endswith(b"abc")
    assert not scene.table.counts.gaps


def test_report_waits_for_the_bytes_before_it():
    """Another processor reports what comes later a moment before the bytes are in the ring."""
    scene, passed = asked()
    report(scene, 13, 100)
    assert not passed
    scene.send(0, 10, b"abc")
    assert [each.size for each in passed] == [100]
    assert not scene.table.counts.gaps


def test_what_never_comes_is_a_gap():
    scene, passed = asked()
    report(scene, 13, 100)
    scene.table.tick(10**10)
    assert [each.size for each in passed] == [100]
    assert (scene.table.counts.gaps, scene.table.counts.gap_bytes) == (1, 3)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_runs_and_bytes_in_any_order(order: tuple[int, ...]):
    scene, passed = asked()
    steps = [
        lambda: report(scene, 10, 100),
        lambda: scene.send(0, 110, b"abc"),
        lambda: report(scene, 113, 50, 2),
        lambda: scene.send(0, 163, b"def"),
    ]
    for step in order:
        steps[step]()
    assert [(each.size, each.heads) for each in passed] == [(100, 1), (50, 2)]
    assert scene.tapes[0].content == b"0123456789abcdef"
    assert not scene.table.counts.gaps


def test_reports_are_bounded():
    reports = Reports()
    for place in range(RUNS_MAX * 3):
        reports.add(place * 1000, said(10))
    assert sum(reports.next(place * 1000) is not None for place in range(RUNS_MAX * 3)) == RUNS_MAX


def test_numbers_wrap():
    reports = Reports()
    reports.add(MASK - 9, said(20))
    assert reports.nearest(MASK - 19, 1000) == MASK - 9
    assert reports.next(MASK - 9) == said(20)
    reports.add(MASK - 9, said(50, heads=2))
    assert reports.next(10) == said(30)
    assert not reports


def test_report_that_comes_after_its_bytes_were_given_up():
    scene, passed = asked()
    scene.send(0, 110, b"abc")
    scene.table.tick(10**10)
    assert scene.table.counts.gap_bytes == 100
    report(scene, 10, 50)
    report(scene, 10, 100)
    scene.table.tick(2 * 10**10)
    assert not passed
    report(scene, 10, 153, heads=3)  # it has become longer, and reaches beyond what was given up
    assert [each.size for each in passed] == [50]
    scene.send(0, 163, b"def")
    assert scene.tapes[0].content.endswith(b"abcdef")
    assert scene.table.counts.gap_bytes == 100
