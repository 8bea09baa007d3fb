"""Capture files one after the other: each is complete, and together they hold every frame, in order."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from struct import pack

import pytest
from scapy.utils import RawPcapNgReader

from sockfilter.errors import CaptureFileError, Closed, InvalidArgument
from sockfilter.outputs import rotation
from sockfilter.outputs.rotation import CaptureFiles, FileCounters, Limits
from tests.support.exchanges import Collected
from tests.support.pcapng import blocks, options
from tests.support.skips import need_root, need_tool

SECOND_NS = 1_000_000_000


class Capture:
    """Writes numbered frames on two interfaces, and holds the clock."""

    def __init__(self, target: object, **limits: int) -> None:
        self.now_ns = 1_700_000_000 * SECOND_NS
        self.count = 0
        self.files = CaptureFiles(
            str(target) if isinstance(target, Path) else target,  # type: ignore[arg-type]  # a sink
            self.counters,
            Limits(**limits),
            clock_ns=lambda: self.now_ns,
        )
        self.numbers = [self.files.interface("lo", 1), self.files.interface("tun0", 101)]

    def counters(self, interface: int) -> FileCounters | None:
        return FileCounters(self.count, 0) if interface == 0 else None

    def frames(self, count: int, size: int = 100) -> int:
        """How many of so many were taken."""
        taken = 0
        for _ in range(count):
            frame = pack("!I", self.count) + bytes(size - 4)
            if self.files.packet(self.numbers[self.count % 2], self.now_ns, frame, size):
                taken += 1
                self.count += 1
        return taken


def frames_in(path: Path) -> list[int]:
    """The numbers of the frames in a file, which has all that a file must have."""
    kinds = [kind for kind, _ in blocks(path.read_bytes())]
    assert kinds[:3] == [0x0A0D0D0A, 1, 1]
    assert kinds[-1] == 5
    assert set(kinds[3:-1]) <= {6}
    with RawPcapNgReader(str(path)) as reader:
        return [int.from_bytes(frame[:4], "big") for frame, _ in reader]


@pytest.fixture
def small_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "MEGABYTE", 1000)


def test_one_file(tmp_path: Path):
    capture = Capture(tmp_path / "x")
    capture.frames(10)
    capture.files.close()
    assert frames_in(tmp_path / "x") == list(range(10))
    last = blocks((tmp_path / "x").read_bytes())[-1][1]
    assert options(last[12:])[4] == pack("<Q", 10)


def test_a_capture_of_nothing_is_a_file_all_the_same(tmp_path: Path):
    Capture(tmp_path / "x").files.close()
    assert frames_in(tmp_path / "x") == []


@pytest.mark.usefixtures("small_megabytes")
def test_by_size(tmp_path: Path):
    capture = Capture(tmp_path / "x", megabytes=2)
    capture.frames(100)
    capture.files.close()
    names = sorted(os.listdir(tmp_path), key=lambda name: int(name[1:] or "0"))
    assert names == ["x", *(f"x{number}" for number in range(1, len(names)))]
    assert len(names) > 4
    assert [number for name in names for number in frames_in(tmp_path / name)] == list(range(100))
    for name in names[:-1]:
        # it was larger than 2 000 bytes before its statistics, and not before its last frame
        size = (tmp_path / name).stat().st_size
        assert 2000 < size < 2000 + 136 + 100


@pytest.mark.usefixtures("small_megabytes")
def test_a_ring(tmp_path: Path):
    capture = Capture(tmp_path / "x", megabytes=1, files=3)
    capture.frames(100)
    capture.files.close()
    assert sorted(os.listdir(tmp_path)) == ["x0", "x1", "x2"]
    kept = sorted(number for name in os.listdir(tmp_path) for number in frames_in(tmp_path / name))
    assert kept == list(range(kept[0], 100))


def spared(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("x", Limits()),
        ("x", Limits(megabytes=1)),
        ("x7", Limits(megabytes=1)),
        ("x02", Limits(megabytes=1, files=11)),
        ("x", Limits(seconds=5)),
    ],
)
@pytest.mark.parametrize("link", [None, os.symlink, os.link], ids=["itself", "symbolic link", "hard link"])
def test_what_is_read_is_not_written_over(tmp_path: Path, name: str, limits: Limits, link: object):
    """Before any file is made, under whatever name it would have come to it."""
    read = tmp_path / (name if link is None else "read")
    read.write_bytes(b"packets")
    if link is not None:
        link(read, tmp_path / name)  # type: ignore[operator]  # one of both
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InvalidArgument, match="this is the file that is being read; use another name"):
        CaptureFiles(str(tmp_path / "x"), lambda number: None, limits, spared=spared(read))
    assert sorted(os.listdir(tmp_path)) == before
    assert read.read_bytes() == b"packets"


def test_what_is_read_is_not_written_over_when_its_time_comes(tmp_path: Path):
    """What a file is called after some time cannot be known before."""
    now_ns = 1_700_000_000 * SECOND_NS
    read = tmp_path / "x-1700000012"
    read.write_bytes(b"packets")
    files = CaptureFiles(
        str(tmp_path / "x-%s"),
        lambda number: None if number else FileCounters(1, 0),
        Limits(seconds=10),
        clock_ns=lambda: now_ns,
        spared=spared(read),
    )
    number = files.interface("lo", 1)
    files.interface("tun0", 101)
    files.packet(number, now_ns, b"frame", 5)
    now_ns += 12 * SECOND_NS
    with pytest.raises(CaptureFileError, match="this is the file that is being read"):
        files.packet(number, now_ns, b"frame", 5)
    assert read.read_bytes() == b"packets"
    assert len(frames_in(tmp_path / "x-1700000000")) == 1


def test_other_files_may_be_written_beside_what_is_read(tmp_path: Path):
    read = tmp_path / "x3"
    read.write_bytes(b"packets")
    CaptureFiles(str(tmp_path / "x"), lambda number: None, Limits(megabytes=1, files=3), spared=spared(read)).close()
    CaptureFiles(str(tmp_path / "y"), lambda number: None, spared=spared(read)).close()
    assert sorted(os.listdir(tmp_path)) == ["x0", "x3", "y"]


def test_by_time(tmp_path: Path):
    capture = Capture(tmp_path / "x-%s", seconds=10)
    for _ in range(4):
        capture.frames(5)
        capture.now_ns += 6 * SECOND_NS
    capture.files.close()
    # the second begins with the first frame after its time, as tcpdump does it, and not before
    assert sorted(os.listdir(tmp_path)) == ["x-1700000000", "x-1700000012"]
    assert frames_in(tmp_path / "x-1700000000") == list(range(10))
    assert frames_in(tmp_path / "x-1700000012") == list(range(10, 20))


def test_a_number_of_files_by_time_ends_the_capture(tmp_path: Path):
    capture = Capture(tmp_path / "x-%s", seconds=10, files=2)
    for taken in (5, 5, 0, 0):
        assert not capture.files.is_full
        assert capture.frames(5) == taken
        capture.now_ns += 10 * SECOND_NS
        if capture.files.is_full:
            break
    assert capture.frames(1) == 0
    capture.files.flush()
    capture.files.close()
    assert [frames_in(tmp_path / name) for name in sorted(os.listdir(tmp_path))] == [list(range(5)), list(range(5, 10))]


@pytest.mark.usefixtures("small_megabytes")
def test_by_size_within_time(tmp_path: Path):
    capture = Capture(tmp_path / "x-%s.", seconds=10, megabytes=1, files=20)
    for _ in range(2):
        capture.frames(12)
        capture.now_ns += 10 * SECOND_NS
    capture.files.close()
    assert not capture.files.is_full
    names = sorted(os.listdir(tmp_path))
    assert names == [f"x-17000000{second}.{number}" for second in ("00", "10") for number in ("00", "01")]
    assert [number for name in names for number in frames_in(tmp_path / name)] == list(range(24))


def test_a_clock_that_is_set_back(tmp_path: Path):
    capture = Capture(tmp_path / "x-%s", seconds=10)
    capture.now_ns -= 100 * SECOND_NS
    assert capture.frames(5) == 5
    capture.files.close()
    assert frames_in(tmp_path / "x-1700000000") == list(range(5))


def test_a_sink():
    sink = Collected()
    capture = Capture(sink)
    capture.frames(3)
    capture.files.flush()
    before = sink.writes
    capture.files.close()
    capture.files.close()
    assert (before, sink.writes) == (1, 2)
    assert [kind for kind, _ in blocks(sink.data)] == [0x0A0D0D0A, 1, 1, 6, 6, 6, 5]


def test_a_sink_is_not_followed_by_another():
    with pytest.raises(InvalidArgument, match="several files need a name"):
        Capture(Collected(), megabytes=1)


def test_files_are_given_away(tmp_path: Path):
    need_root()
    CaptureFiles(str(tmp_path / "x"), lambda number: None, owner=(65534, 65533)).close()
    status = (tmp_path / "x").stat()
    assert (status.st_uid, status.st_gid) == (65534, 65533)


def test_a_full_disk_is_told_once():
    capture = Capture(Path("/dev/full"))
    capture.frames(1)
    with pytest.raises(CaptureFileError, match="No space left on device"):
        capture.files.flush()
    with pytest.raises(CaptureFileError, match="No space left on device"):
        capture.files.close()
    capture.files.close()


@pytest.mark.usefixtures("small_megabytes")
def test_a_folder_that_goes_away(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    capture = Capture(tmp_path / "folder/x", megabytes=1)
    (tmp_path / "folder/x").unlink()
    (tmp_path / "folder").rmdir()
    with pytest.raises(CaptureFileError, match="folder/x1': No such file or directory; create its folder first"):
        capture.frames(20)
    capture.files.close()


def test_closed_is_closed(tmp_path: Path):
    capture = Capture(tmp_path / "x")
    capture.files.close()
    with pytest.raises(Closed, match="the capture file is closed"):
        capture.frames(1)


def test_a_file_that_is_cut_is_read_as_far_as_it_goes(tmp_path: Path):
    capture = Capture(tmp_path / "x")
    capture.frames(3)
    capture.files.close()
    whole = (tmp_path / "x").read_bytes()
    start = whole.index(pack("!I", 2) + bytes(96))
    (tmp_path / "x").write_bytes(whole[: start + 50])
    done = subprocess.run([need_tool("tshark"), "-r", tmp_path / "x"], capture_output=True, text=True, check=False)
    assert len(done.stdout.splitlines()) == 2
    assert "cut short" in done.stderr


@pytest.mark.usefixtures("small_megabytes")
def test_tshark_reads_each(tmp_path: Path):
    capture = Capture(tmp_path / "x", megabytes=1)
    capture.frames(30)
    capture.files.close()
    for path in tmp_path.iterdir():
        done = subprocess.run([need_tool("tshark"), "-r", path], capture_output=True, text=True, check=True)
        assert len(done.stdout.splitlines()) == len(frames_in(path))
        assert "cut" not in done.stderr
