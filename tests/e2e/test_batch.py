"""sockfilter batch: workers of a cluster give the rows that one process gives, also if one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.captures import START_NS, Timed, pcap
from tests.support.command import COMMAND, WAIT_S, environment
from tests.support.frames import Talk
from tests.support.skips import need_package

DAY_NS = 86_400 * 10**9
LOOK_S = 0.01


def exchanges(day: int, count: int) -> list[Timed]:
    """A connection that is open all the time. Different days are different captures."""
    talk = Talk(ports=(40000 + day, 8000))
    frames = talk.opening()
    for number in range(count):
        frames += [talk.client(b"GET /%d/%d HTTP/1.1\r\nHost: shop\r\n\r\n" % (day, number)), talk.server()]
    frames += talk.closing()
    return [(START_NS + day * DAY_NS + number * 1_000_000, frame) for number, frame in enumerate(frames)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "captures"
    folder.mkdir()
    for day in range(4):
        (folder / f"day{'abcd'[day]}.pcap").write_bytes(pcap(exchanges(day, 20)))
    # a request is in one file, its response in the next
    packets = exchanges(5, 20)
    (folder / "rotated1.pcap").write_bytes(pcap(packets[:14]))
    (folder / "rotated2.pcap").write_bytes(pcap(packets[14:]))
    return folder


def rows_in(dataset: Path) -> list[dict[str, Any]]:
    table = need_package("pyarrow.dataset").dataset(f"{dataset}/exchanges", format="parquet").to_table()
    return list(table.sort_by([("capture", "ascending"), ("id", "ascending")]).to_pylist())


@contextmanager
def reader_of(pipe: Path) -> Iterator[int]:
    """Waits for a process that reads a pipe, and yields its number. It waits for more than nothing until the end."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:  # nobody reads it yet
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)
    try:
        # its open() returns after this one
        while not (found := [number for number in others() if has_open(number, pipe)]):
            time.sleep(LOOK_S)
        yield found[0]
    finally:
        os.close(fd)


def others() -> Iterator[int]:
    numbers = (int(process.name) for process in Path("/proc").glob("[0-9]*"))
    return (number for number in numbers if number != os.getpid())


def has_open(number: int, path: Path) -> bool:
    try:
        return any(os.readlink(fd) == str(path) for fd in Path(f"/proc/{number}/fd").iterdir())
    except OSError:  # it has ended
        return False


def batch(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "batch", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=WAIT_S)


def test_a_worker_that_dies_costs_no_row_and_doubles_none(archive: Path, tmp_path: Path) -> None:
    need_package("distributed")
    need_package("pyarrow")
    from sockfilter.archive.convert import write_dataset
    from sockfilter.archive.groups import groups_of
    from sockfilter.archive.paths import captures_in

    late = tmp_path / "late.pcap"
    late.write_bytes(pcap(exchanges(9, 20)))
    for group in groups_of([*captures_in([str(archive)]), str(late)]):
        write_dataset(group, str(tmp_path / "alone"))

    # a worker waits in the middle of its task until it is killed; the next one finds a file
    pipe, bad = tmp_path / "waits.pcap", tmp_path / "bad.pcap"
    os.mkfifo(pipe)
    bad.write_bytes(b"no capture at all, but long enough for the header of one")
    places = (f"file://{archive}", pipe, bad)
    command = [*COMMAND, "batch", *map(str, places), "-o", str(tmp_path / "batch"), "--workers=2", "--format=jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as run:
        with reader_of(pipe) as worker:
            late.rename(pipe)
            os.kill(worker, signal.SIGKILL)
        output, errors = run.communicate(timeout=WAIT_S)

    assert run.returncode == 1, errors
    assert "6 captures done, 1 failed; 120 rows" in errors
    told = {Path(line["files"][0]).name: line for line in map(json.loads, output.splitlines())}
    assert [len(told["rotated1.pcap"]["files"]), told["rotated1.pcap"]["rows"]] == [2, 20]
    assert told["bad.pcap"]["failed"]
    assert not told["bad.pcap"]["rows"]
    assert not any(line["failed"] for name, line in told.items() if name != "bad.pcap")
    rows = rows_in(tmp_path / "batch")
    assert len(rows) == 120
    assert rows == rows_in(tmp_path / "alone")
    assert not list((tmp_path / "batch").rglob(".*"))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "which captures?"),
        (("{a}",), 2, "-o DIR"),
        (("{a}", "-o", "{d}/full"), 2, "the directory is not empty"),
        (("{d}/empty", "-o", "{d}/x"), 1, "there is no capture file"),
        (("file://{d}/none", "-o", "{d}/x"), 1, "there is no capture file"),
        (("{a}", "-o", "{d}/x", "--scheduler", "tcp://127.0.0.1:1"), 1, "dask scheduler"),
        (("{a}", "-o", "{d}/x", "--scheduler", "shop"), 2, "tcp://HOST:8786"),
        (("{a}", "-o", "{d}/x", "--scheduler", "tcp://h:1", "--workers", "2"), 2, "use one of them"),
    ],
)
def test_bad_input_is_one_line(archive: Path, tmp_path: Path, words: tuple[str, ...], status: int, said: str) -> None:
    need_package("distributed")
    need_package("pyarrow")
    for name in ("full", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "full/letter.txt").write_text("kept")
    done = batch(*(word.format(a=archive, d=tmp_path) for word in words))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert said in done.stderr
    assert (tmp_path / "full/letter.txt").read_text() == "kept"
