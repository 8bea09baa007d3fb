"""What the page's server keeps, and what reaches it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest

from sockfilter.page import pipe
from sockfilter.page.lines import KeptLines, Part
from sockfilter.page.pipe import LinePipe

LINE = b'{"a": 1}\n'
LONG = b'{"a": "' + b"x" * 5000 + b'"}\n'


def read(part: Part) -> list[bytes]:
    return (zlib.decompress(part.content) if part.is_compressed else part.content).splitlines(keepends=True)


def test_lines_are_numbered_from_the_first() -> None:
    kept = KeptLines()
    kept.add([LINE, LINE])
    kept.add([LONG])
    assert (kept.first, kept.end) == (0, 3)
    assert read(kept.since(0)) == [LINE, LINE, LONG]
    assert read(kept.since(2)) == [LONG]
    assert kept.since(3) == Part(b"", False, 0, 3)
    assert kept.since(99).next == 3


def test_chunks_are_compressed_and_read_from_any_line() -> None:
    kept = KeptLines()
    lines = [b'{"n": %d, "x": "%b"}\n' % (number, b"x" * 1000) for number in range(3000)]
    for at in range(0, 3000, 50):
        kept.add(lines[at : at + 50])
    for start in (0, 1, 1049, 1050, 1051, 2999):
        found, at = [], start
        while at < kept.end:
            part = kept.since(at)
            found += read(part)
            assert part.next > at
            at = part.next
        assert found == lines[start:]
    assert kept.since(0).is_compressed


@pytest.mark.parametrize("limits", [(1000, 1 << 30), (1 << 30, 20_000)])
def test_the_oldest_go_and_whoever_asks_is_told(limits: tuple[int, int]) -> None:
    kept = KeptLines(*limits)
    for _ in range(60):
        kept.add([os.urandom(10).hex().encode() * 250 + b"\n"] * 100)
    assert kept.end == 6000
    assert 0 < kept.first < 6000
    part = kept.since(7)
    assert part.skipped == kept.first - 7
    assert len(read(part)) == part.next - kept.first


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)


def test_a_reader_that_sleeps_stops_nothing_and_what_finds_no_room_is_counted(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockfilter.outputs.pipe.WAITING_MAX", 100_000)
    reading, writing = ends
    with LinePipe(writing, waits=False) as lines:
        for _ in range(1000):
            lines.write(memoryview(LONG))
            lines.push()
        missed = lines.missed
        assert missed > 0
        found = b""
        while True:
            try:
                found += os.read(reading, 1 << 20)
            except BlockingIOError:
                if not lines._waiting and f"!missed {missed}\n".encode() in found:
                    break
                lines.push()
        assert found.count(LONG) == 1000 - missed
        lines.end()
        assert os.read(reading, 100) == pipe.ENDED


def test_a_reader_that_is_gone_stops_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    said: list[str] = []
    with LinePipe(writing, waits=False, gone=lambda: said.append("gone")) as lines:
        lines.write(memoryview(LINE))
        lines.push()
        lines.write(memoryview(LINE))
        lines.check()
        lines.end()
    assert lines.missed == 2
    assert said == ["gone"]
