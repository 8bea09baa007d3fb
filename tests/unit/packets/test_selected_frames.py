"""The frames of connections that are selected after some of their frames have passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sockfilter.packets import selected_frames
from sockfilter.packets.frames import CONNECTIONS_MAX
from sockfilter.packets.selected_frames import FRAME_OVERHEAD, ChosenStreams, HeldFrames

if TYPE_CHECKING:
    from sockfilter.packets.frames import Frame


def frame(number: int, size: int = 10) -> Frame:
    return 1, 1, number, bytes(size), size


@pytest.fixture
def written() -> list[int]:
    return []


@pytest.fixture
def held(written: list[int]) -> HeldFrames:
    return HeldFrames(lambda frame: written.append(frame[2]))


def test_frames_wait_until_their_connection_is_selected(held: HeldFrames, written: list[int]) -> None:
    for number in range(4):
        held.give(2 + 2 * (number % 2), frame(number))
    assert written == []
    held.select([2])
    assert written == [0, 2]
    held.give(2, frame(5))
    held.give(4, frame(6))
    held.select([2])
    assert written == [0, 2, 5]
    assert held.let_go == 0


def test_a_connection_may_have_several_numbers(held: HeldFrames, written: list[int]) -> None:
    held.give(2, frame(0))
    held.give(8, frame(1))
    held.select([2, 8])
    assert written == [0, 1]


def test_of_one_connection_the_newest_frames_are_held(
    held: HeldFrames, written: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selected_frames, "CONNECTION_BYTES_MAX", 2 * (FRAME_OVERHEAD + 10))
    for number in range(5):
        held.give(2, frame(number))
    held.select([2])
    assert written == [3, 4]
    assert held.let_go == 3


def test_of_all_connections_the_oldest_are_let_go(
    held: HeldFrames, written: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selected_frames, "HELD_BYTES_MAX", 3 * (FRAME_OVERHEAD + 10))
    for stream in (2, 2, 4, 6):
        held.give(stream, frame(stream))
    held.select([6, 4])
    assert written == [6, 4]
    assert held.let_go == 0  # of connections that nobody selected
    held.select([2])
    assert held.let_go == 2


def test_what_is_remembered_is_bounded(held: HeldFrames, written: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected_frames, "HELD_BYTES_MAX", FRAME_OVERHEAD)
    for number in range(CONNECTIONS_MAX + 10):
        held.give(2 * number, frame(number))
    assert len(held._gone) == CONNECTIONS_MAX
    held.select(range(0, 2 * CONNECTIONS_MAX + 20, 2))
    assert len(held._selected) == CONNECTIONS_MAX
    assert written == []


def test_connections_of_a_file(written: list[int]) -> None:
    chosen = ChosenStreams(lambda frame: written.append(frame[2]))
    chosen.select([2, 40])
    for stream in (2, 4, 38, 40, 42, 4000):
        chosen.give(stream, frame(stream))
    assert written == [2, 40]
