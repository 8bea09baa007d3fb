"""Which connection a stream belongs to, and how long connections are kept."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.streams import table as tables
from sockfilter.streams.direction import WINDOW_BYTES_MAX
from tests.support.segments import ACK, STREAM, SYN, Scene, flow_start

OTHER = 100


def test_both_directions_are_one_connection():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz")
    assert len(scene.conversations) == 1
    assert [tape.content for tape in scene.tapes] == [b"abc", b"xyz"]


def test_a_new_number_for_the_same_life():
    """The kernel's table had no more room for it, and found it again."""
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.table.open(OTHER, flow_start(), scene.now_ns)
    scene.stream = OTHER
    scene.send(0, 3, b"def")
    scene.stream = STREAM
    scene.send(0, 6, b"ghi")
    assert len(scene.conversations) == 1
    assert scene.tapes[0].content == b"abcdefghi"


def test_ever_new_numbers_leave_no_more_behind_than_are_needed():
    scene = Scene()
    scene.send(0, 0, b"abc")
    for i in range(50):
        scene.table.open(OTHER + 2 * i, flow_start(), scene.now_ns)
    assert len(scene.table.takers) == 2 * tables.STREAMS_MAX
    assert len(scene.conversations) == 1


def test_a_new_syn_is_a_new_life():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.stream, scene.isn = OTHER, (700_000, 900_000)
    scene.start = flow_start(isn=scene.isn, syn_ns=scene.now_ns)
    scene.send(0, 0, b"new")
    assert [c.closed for c in scene.conversations] == [[Problem.REPLACED], []]
    assert [c.receivers[0].content for c in scene.conversations] == [b"abc", b"new"]


def test_a_new_life_of_what_was_seen_from_its_middle_on():
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc")
    scene.stream, scene.isn = OTHER, (700_000, 900_000)
    scene.start = flow_start(isn=scene.isn, syn_ns=scene.now_ns + 5)
    scene.send(0, 0, b"new")
    assert scene.conversations[0].closed == [Problem.REPLACED]


def test_a_syn_from_before_the_first_segment_is_of_the_same_life():
    """The first came in fragments, which the kernel did not look into."""
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc")
    start = flow_start(isn=scene.isn, syn_ns=scene.now_ns - 5)
    scene.table.open(OTHER, start, scene.now_ns)
    assert len(scene.conversations) == 1
    assert scene.conversations[0].connection.model.syn_ns == start.syn_ns


def test_stragglers_of_the_life_before():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.table.open(OTHER, flow_start(isn=(700_000, 900_000), syn_ns=99), scene.now_ns)
    scene.send(0, 3, b"old")
    assert scene.table.counts.after_close == 1
    assert scene.tapes[0].content == b""


def test_a_syn_under_the_same_number_is_a_new_life():
    """Of a mirror of one direction, the kernel does not see that the next life begins."""
    scene = Scene(whole=False)
    scene.send(1, 0, b"abc")
    scene.isn = (1000, 900_000)
    scene.send(1, -1, flags=SYN | ACK)
    scene.send(1, 0, b"new")
    assert scene.conversations[0].closed == [Problem.REPLACED]
    assert scene.tapes[1].content == b"new"


def test_a_syn_with_bytes_under_the_same_number():
    scene = Scene()
    scene.send(1, 0, b"abc")
    scene.isn = (1000, 900_000)
    scene.send(1, -1, b"new", flags=SYN | ACK)
    scene.send(1, 3, b"er")
    assert scene.tapes[1].content == b"newer"


def test_a_syn_after_the_end_under_the_same_number():
    scene = Scene()
    scene.fin(1, 0, b"abc")
    scene.fin(0, 0)
    scene.isn = (1000, 900_000)
    scene.send(1, -1, flags=SYN | ACK)
    scene.start = flow_start(isn=scene.isn)
    scene.send(1, 0, b"new")
    assert scene.tapes[1].content == b"new"


def test_the_same_syn_again_is_nothing_new():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(0, -1, flags=SYN)
    scene.send(1, -1, flags=SYN | ACK)
    scene.send(0, 3, b"def")
    assert len(scene.conversations) == 1
    assert scene.tapes[0].content == b"abcdef"


def test_a_syn_with_bytes_is_read():
    """TCP Fast Open (RFC 7413)."""
    scene = Scene()
    scene.send(0, -1, b"abc", flags=SYN)
    scene.send(0, 3, b"def")
    assert scene.tapes[0].content == b"abcdef"


@pytest.mark.parametrize("far", [WINDOW_BYTES_MAX, -WINDOW_BYTES_MAX, 1 << 31])
def test_bytes_out_of_reach_are_of_a_new_life_whose_syn_was_not_seen(far: int):
    scene = Scene(whole=False)
    scene.send(0, 0, b"abc")
    scene.send(0, 3 + far, b"new")
    scene.send(0, 6 + far, b"er")
    assert scene.conversations[0].closed == [Problem.REPLACED]
    assert scene.tapes[0].content == b"newer"


def test_an_idle_connection_ends():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.tick(tables.IDLE_NS - 1)
    assert scene.closed is None
    scene.tick(tables.SWEEP_NS)
    assert scene.closed is Problem.IDLE


def test_a_connection_that_talks_is_not_idle():
    scene = Scene()
    for i in range(5):
        scene.send(i % 2, i // 2, b"x")
        scene.tick(tables.IDLE_NS // 2)
    assert scene.closed is None


def test_what_was_taken_for_gone_goes_on():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.send(1, 0, b"xyz")
    scene.tick(tables.IDLE_NS + tables.SWEEP_NS)
    scene.send(1, 2, b"\0")
    scene.send(1, 3, b"late")
    scene.send(0, 3, b"def")
    assert [c.closed for c in scene.conversations] == [[Problem.IDLE], []]
    assert [tape.content for tape in scene.tapes] == [b"def", b"late"]
    assert not scene.table.counts.gaps


def test_what_was_taken_for_gone_is_gone_when_it_says_so():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.tick(tables.IDLE_NS + tables.SWEEP_NS)
    scene.fin(0, 3)
    assert len(scene.conversations) == 1
    assert scene.table.counts.after_close == 1


def test_stragglers_of_what_was_taken_for_gone_do_not_disturb_the_next_life():
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.tick(tables.IDLE_NS + tables.SWEEP_NS)
    scene.table.open(OTHER, flow_start(isn=(700_000, 900_000), syn_ns=scene.now_ns), scene.now_ns)
    scene.send(0, 3, b"old")
    assert len(scene.conversations) == 2
    assert scene.closed is None
    assert scene.table.counts.after_close == 1


def test_the_table_has_room_for_so_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "CONNECTIONS_MAX", 3)
    scene = Scene()
    for i in range(5):
        scene.table.open(10 + 2 * i, flow_start(i), i)
    assert [c.closed for c in scene.conversations] == [[Problem.EVICTED], [Problem.EVICTED], [], [], []]
    assert len(scene.table) == 3


def test_what_the_table_had_no_room_for_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "CONNECTIONS_MAX", 1)
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.table.open(OTHER, flow_start(2), scene.now_ns)
    scene.send(0, 3, b"def")
    assert [c.closed for c in scene.conversations] == [[Problem.EVICTED], [Problem.EVICTED], []]
    assert scene.tapes[0].content == b"def"


def test_streams_of_ended_connections_are_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "ENDED_MAX", 3)
    scene = Scene()
    for i in range(5):
        take = scene.table.open(10 + 2 * i, flow_start(i), i)
        take(i, 0, 0, 0x04, 0, 0, b"", 0)
    assert sorted(scene.table.ended) == [14, 16, 18]


def test_a_number_that_lives_again_is_not_forgotten_with_the_ended_ones(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables, "ENDED_MAX", 1)
    scene = Scene()
    scene.send(0, 0, b"abc")
    scene.tick(tables.IDLE_NS + tables.SWEEP_NS)
    scene.send(0, 3, b"def")
    for i in range(5):
        take = scene.table.open(10 + 2 * i, flow_start(i + 2), i)
        take(i, 0, 0, 0x04, 0, 0, b"", 0)
    scene.send(0, 6, b"ghi")
    assert scene.tapes[0].content == b""
    assert scene.conversations[1].receivers[0].content == b"defghi"


def test_a_stream_is_found_by_its_flow():
    scene = Scene()
    assert scene.table.stream_of(scene.start.key) is None
    scene.send(1, 0, b"x")
    assert scene.table.stream_of(scene.start.key) == STREAM
    scene.reset(1, 1)
    assert scene.table.stream_of(scene.start.key) is None


def test_connections_are_numbered_in_the_order_of_their_first_segments():
    scene = Scene()
    for i in range(3):
        scene.table.open(10 + 2 * i, flow_start(i), i)
    assert [c.connection.model.number for c in scene.conversations] == [1, 2, 3]


def test_the_end_of_the_capture_ends_all():
    scene = Scene()
    for i in range(3):
        scene.table.open(10 + 2 * i, flow_start(i), i)
    scene.table.close(5)
    assert all(c.closed == [Problem.CAPTURE_ENDED] for c in scene.conversations)
    assert not len(scene.table)
