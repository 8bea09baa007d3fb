"""Names of capture files, as tcpdump 4.99.3 makes them."""

from __future__ import annotations

import time

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.outputs.file_names import FileNames, Limits

NOON_NS = int(time.mktime((2026, 11, 20, 12, 0, 0, 0, 0, -1))) * 1_000_000_000


@pytest.mark.parametrize(
    ("limits", "names"),
    [
        (Limits(), ["x", "x"]),
        (Limits(megabytes=1), ["x", "x1"]),
        (Limits(megabytes=1, files=1), ["x", "x1"]),
        (Limits(megabytes=1, files=3), ["x0", "x1"]),
        (Limits(megabytes=1, files=10), ["x0", "x1"]),
        (Limits(megabytes=1, files=11), ["x00", "x01"]),
        (Limits(megabytes=1, files=101), ["x000", "x001"]),
        (Limits(seconds=60), ["x", "x"]),
        (Limits(seconds=60, files=30), ["x", "x"]),
        (Limits(seconds=60, megabytes=1), ["x", "x1"]),
        (Limits(seconds=60, megabytes=1, files=11), ["x00", "x01"]),
    ],
)
def test_numbers(limits: Limits, names: list[str]):
    assert [FileNames("x", limits).name(count, NOON_NS) for count in (0, 1)] == names


def test_time_is_local_and_only_with_seconds():
    pattern = "/tmp/%Y-%m-%d_%H:%M:%S.pcapng"
    assert FileNames(pattern, Limits(seconds=1)).name(0, NOON_NS) == "/tmp/2026-11-20_12:00:00.pcapng"
    assert FileNames(pattern, Limits(megabytes=1)).name(0, NOON_NS) == pattern


@pytest.mark.parametrize(
    ("limits", "names", "others"),
    [
        (Limits(), ["x"], ["x1", "x0", "y", ""]),
        (Limits(megabytes=1), ["x", "x1", "x12345"], ["x0", "x01", "x-1", "x1a", "x٣"]),
        (Limits(megabytes=1, files=3), ["x0", "x2"], ["x", "x3", "x00"]),
        (Limits(megabytes=1, files=11), ["x00", "x10"], ["x", "x0", "x11", "x010"]),
        (Limits(megabytes=1, files=1), ["x"], ["x1", "x0"]),
        (Limits(seconds=60), ["x"], ["x1"]),
    ],
)
def test_which_are_names_of_files_to_come(limits: Limits, names: list[str], others: list[str]):
    made = FileNames("x", limits)
    assert all(made.is_one_of_them(name, NOON_NS) for name in names)
    assert not any(made.is_one_of_them(name, NOON_NS) for name in others)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(megabytes=0), "megabytes=0: it must be 1 or more"),
        (Limits(seconds=-1), "seconds=-1: it must be 1 or more"),
        (Limits(seconds=1, files=0), "files=0: it must be 1 or more"),
        (Limits(files=3), "files=3: it needs megabytes or seconds of each file"),
    ],
)
def test_limits_that_cannot_be_meant(limits: Limits, words: str):
    with pytest.raises(InvalidArgument, match=words):
        limits.check()
