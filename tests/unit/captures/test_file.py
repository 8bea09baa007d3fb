"""What reading a file gives: exchanges one by one, and the ledger of what was read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import sockfilter
from sockfilter.errors import CaptureFileError, InvalidArgument
from tests.support.captures import pcap, timed
from tests.support.frames import Talk

COUNT = 200


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file of many exchanges, each on a connection of its own."""
    frames = [frame for number in range(COUNT) for frame in Talk(ports=(40000 + number, 80)).whole()]
    file = tmp_path / "many.pcap"
    file.write_bytes(pcap(timed(frames)))
    return str(file)


def is_open(path: str) -> bool:
    held = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return path in [os.path.realpath(fd) for fd in held]


def test_the_ledger_balances_behind_the_last_exchange(path: str) -> None:
    reading = sockfilter.read(path)
    assert reading.ledger.packets["seen"] == 0
    assert len(list(reading)) == COUNT
    ledger = reading.ledger
    assert ledger.is_balanced
    assert (ledger.packets["seen"], ledger.messages.exchanges, ledger.losses()) == (8 * COUNT, COUNT, {})
    assert not is_open(path)
    assert list(reading) == []


def test_it_is_an_iterator(path: str) -> None:
    reading = sockfilter.read(path)
    assert iter(reading) is reading
    assert next(reading).id == 1
    assert next(reading).id == 2


def test_who_stops_early_gives_the_file_back(path: str) -> None:
    with sockfilter.read(path) as reading:
        first = next(reading)
        assert first.complete
    assert not is_open(path)
    assert next(reading, None) is None
    assert reading.ledger.packets["seen"] > 0


def test_nothing_is_opened_before_it_is_asked_for(path: str) -> None:
    readings = [sockfilter.read(path) for _ in range(3)]
    assert not is_open(path)
    readings[0].close()
    assert next(readings[0], None) is None
    del readings


def test_arguments_are_looked_at_at_once() -> None:
    with pytest.raises(InvalidArgument):
        sockfilter.read("nothing", ports="x")
    with pytest.raises(InvalidArgument):
        sockfilter.read("nothing", host=["x"])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    reading = sockfilter.read(str(tmp_path / "nothing"))
    for _ in range(2):
        with pytest.raises(CaptureFileError):
            next(reading)
    with pytest.raises(CaptureFileError):
        _ = reading.ledger
