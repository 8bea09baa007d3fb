"""How directions and connections end."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.streams.direction import HOLE_NS, WINDOW_BYTES_MAX
from tests.support.segments import ACK, FIN, RST, Scene, flow_start

CLOSED, RESET, GAP = Problem.CLOSED, Problem.RESET, Problem.GAP


def test_half_closed_goes_on_in_the_other_direction():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    assert scene.tapes[0].ended is CLOSED
    scene.send(1, 0, b"xyz")
    assert scene.tapes[1].content == b"xyz"
    assert scene.closed is None


def test_both_ends_close():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    scene.fin(1, 0, b"xyz")
    assert [tape.ended for tape in scene.tapes] == [CLOSED, CLOSED]
    assert scene.closed is CLOSED
    assert not len(scene.table)


def test_both_ends_close_at_the_same_time():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz")
    scene.fin(0, 3, acked=3)
    scene.fin(1, 3, acked=3)
    assert scene.closed is CLOSED


def test_the_end_comes_with_bytes():
    scene = Scene()
    scene.fin(0, 0, b"abc")
    assert scene.tapes[0].what == [("data", b"abc"), ("end", CLOSED)]


def test_the_end_overtakes_the_bytes_before_it():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 9)
    scene.send(0, 6, b"ghi")
    scene.send(0, 3, b"def")
    assert scene.tapes[0].content == b"abcdefghi"
    assert scene.tapes[0].ended is CLOSED


def test_the_end_with_bytes_overtakes_others():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 6, b"ghi")
    assert scene.tapes[0].ended is None
    scene.send(0, 3, b"def")
    assert scene.tapes[0].what[-2:] == [("data", b"ghi"), ("end", CLOSED)]


def test_the_end_is_not_waited_for_longer_than_for_other_bytes():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 9)
    scene.tick(HOLE_NS)
    assert scene.tapes[0].what == [("data", b"abc"), ("missing", 6, GAP), ("end", CLOSED)]


def test_the_end_comes_again():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    scene.fin(0, 3)
    scene.fin(0, 0, b"abc")
    assert scene.tapes[0].what == [("data", b"abc"), ("end", CLOSED)]
    assert scene.table.counts.after_close == 2


def test_bytes_behind_the_end_are_counted_and_not_read():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    scene.send(0, 3, b"def")
    scene.send(0, 4, b"efg")
    assert scene.tapes[0].content == b"abc"
    assert scene.table.counts.after_close == 2
    assert scene.table.counts.new_after_close == 2


def closed(*, by_both: bool) -> Scene:
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    if by_both:
        scene.fin(1, 0, b"xyz")
    return scene


@pytest.mark.parametrize("by_both", [True, False], ids=["closed", "half closed"])
def test_what_comes_again_after_the_end_is_nothing_new(by_both: bool):
    scene = closed(by_both=by_both)
    scene.send(0, 0, b"abc")
    scene.fin(0, 0, b"abc")
    scene.fin(0, 3)
    scene.send(0, 3, b"\0")  # a keep-alive, of the FIN's own number
    scene.send(0, 4)
    assert scene.table.counts.after_close == 5
    assert scene.table.counts.new_after_close == 0


@pytest.mark.parametrize("at", [4, 1000, WINDOW_BYTES_MAX + 4, -WINDOW_BYTES_MAX - 40], ids=str)
@pytest.mark.parametrize("end", [0, 1])
def test_new_bytes_after_both_have_closed_are_counted(end: int, at: int):
    scene = closed(by_both=True)
    scene.send(end, at, b"GET / HTTP/1.1\r\n\r\n")
    assert scene.table.counts.new_after_close == 1


def test_what_was_under_way_when_a_reset_came_is_nobodys():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz")
    scene.reset(0, 3)
    scene.send(1, 3, b"more")
    assert scene.table.counts.new_after_close == 0
    # whoever goes on after it has not sent it
    scene.send(0, 3, b"more")
    assert scene.table.counts.new_after_close == 1


def test_what_is_not_wanted_goes_on_unnoticed():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.conversations[-1].connection.reject()
    scene.send(0, 3, b"def")
    assert scene.table.counts.new_after_close == 0


def one_sided(scene: Scene, end: int = 0) -> int:
    """A connection of which one end is seen, and the other answers each time; counted at the capture's end."""
    for i in range(3):
        scene.send(end, 3 * i, b"abc", acked=5 * i)
    scene.table.close(scene.now_ns)
    return scene.table.counts.one_sided


@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("isn", [(1000, None), (None, 5000)], ids=["SYN", "its answer"])
def test_a_connection_whose_other_direction_is_elsewhere(end: int, isn: tuple[int | None, int | None]):
    scene = Scene()
    scene.start = flow_start(isn=isn, syn_ns=1)
    assert one_sided(scene, end) == (isn[end] is not None)


@pytest.mark.parametrize("end", [0, 1])
def test_the_same_in_mid_stream(end: int):
    assert one_sided(Scene(whole=False), end) == 1


def test_a_connection_of_which_both_were_seen_is_whole_though_one_is_silent():
    assert one_sided(Scene()) == 0


def test_an_end_that_may_be_silent_is_not_missed():
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc")
    scene.send(0, 3, b"abc")
    scene.table.close(scene.now_ns)
    assert scene.table.counts.one_sided == 0


@pytest.mark.parametrize("flags", [RST | ACK, FIN | ACK, ACK], ids=["reset", "close", "bytes"])
def test_any_word_of_the_other_end_is_one(flags: int):
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc", acked=0)
    scene.send(0, 3, b"abc", acked=5)
    scene.send(1, 5, b"" if flags != ACK else b"x", flags=flags)
    scene.table.close(scene.now_ns)
    assert scene.table.counts.one_sided == 0


def test_stragglers_of_an_ended_connection_are_counted():
    scene = Scene()
    scene.fin(0, 0, b"abc")
    scene.fin(1, 0)
    scene.send(0, 0, b"abc")
    scene.send(1, 1)
    assert len(scene.conversations) == 1
    assert scene.table.counts.after_close == 2


def test_reset_ends_both_directions():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz")
    scene.reset(1, 3)
    assert [tape.ended for tape in scene.tapes] == [RESET, RESET]
    assert scene.closed is RESET


def test_reset_lets_go_what_is_held():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, 6, b"ghi")
    scene.reset(0, 9)
    assert scene.tapes[0].what == [("data", b"abc"), ("missing", 3, GAP), ("data", b"ghi"), ("end", RESET)]


def test_reset_lets_go_what_both_ends_held_in_the_order_of_their_times():
    scene = Scene()
    scene.send(1, 0, b"x")
    scene.send(0, 0, b"a")
    scene.send(0, 3, b"bc", acked=1)
    scene.send(1, 3, b"y", acked=5)
    order: list[bytes] = []
    for tape in scene.tapes:
        tape.data = lambda data, *_: order.append(data)  # type: ignore[method-assign]  # to see both in one
    scene.reset(1, 4)
    assert order == [b"bc", b"y"]


def test_reset_with_held_end_is_a_close_of_that_end():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 6, b"ghi")
    scene.reset(1, 0)
    assert scene.tapes[0].what[-2:] == [("data", b"ghi"), ("end", CLOSED)]
    assert scene.tapes[1].ended is RESET


def test_reset_by_an_end_that_has_closed():
    """Its process is gone, and more bytes have come for it."""
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.fin(0, 3)
    scene.send(1, 0, b"xyz", acked=4)
    scene.reset(0, 4)
    assert scene.tapes[1].ended is RESET
    assert scene.closed is RESET


def test_reset_says_something_in_its_payload():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, 3, b"no such socket", flags=RST | ACK)
    assert scene.tapes[0].content == b"abc"
    assert scene.closed is RESET


def test_reset_that_lies_behind_is_for_somebody_else():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.reset(0, 0)
    scene.reset(0, -500_000)
    assert scene.closed is None


def test_reset_far_off_is_for_somebody_else():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.reset(0, 1 << 31)
    assert scene.closed is None
    assert len(scene.conversations) == 1


def test_reset_of_the_end_that_was_never_seen():
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc")
    scene.reset(1, 77)
    assert scene.closed is RESET


@pytest.mark.parametrize("whole", [True, False])
def test_capture_ends(whole: bool):
    scene = Scene(whole=whole)
    scene.send(0, 0, b"abc")
    scene.send(0, 6, b"ghi")
    scene.table.close(scene.now_ns)
    assert scene.tapes[0].what == [
        ("data", b"abc"),
        ("missing", 3, GAP),
        ("data", b"ghi"),
        ("end", Problem.CAPTURE_ENDED),
    ]
    assert scene.tapes[1].what == [("end", Problem.CAPTURE_ENDED)]
    assert scene.closed is Problem.CAPTURE_ENDED


def test_flags_of_a_first_segment():
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc", flags=FIN | ACK)
    assert scene.tapes[0].what == [("data", b"abc"), ("end", CLOSED)]
