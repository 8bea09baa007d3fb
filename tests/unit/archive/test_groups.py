"""Which capture files there are, and which of them are parts of one capture."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from sockfilter.archive.groups import GAP_S, groups_of
from sockfilter.archive.paths import captures_in
from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.ends import ends_of
from tests.support.archives import EVENING_NS, rotated, timed, varied, write
from tests.support.captures import SECOND, pcap


def names(folder: Path, **options: int) -> list[list[str]]:
    return [[Path(path).name for path in group.paths] for group in groups_of(captures_in([str(folder)]), **options)]


@pytest.mark.parametrize("is_pcapng", [False, True])
def test_parts_of_one_capture_are_found(tmp_path: Path, is_pcapng: bool):
    paths = rotated(tmp_path, is_pcapng=is_pcapng)
    assert names(tmp_path) == [[path.name for path in paths]]  # 8, 9, 10: by number
    size = sum(path.stat().st_size for path in paths[:2])
    assert names(tmp_path, most_bytes=size) == [[path.name for path in paths[:2]], [paths[2].name]]
    ends = [ends_of(str(path)) for path in paths]
    for one, other in pairwise(ends):
        assert one is not None
        assert other is not None
        assert (one.last_ns or 0) < (other.first_ns or 0) < (one.last_ns or 0) + SECOND


def test_rotation_that_began_again_is_in_the_order_of_time(tmp_path: Path):
    parts = rotated(tmp_path, first=1)
    for part, name in zip(parts, ("web2", "web0", "web1"), strict=True):
        part.rename(tmp_path / f"{name}.pcap")
    assert names(tmp_path) == [["web2.pcap", "web0.pcap", "web1.pcap"]]


def test_what_is_not_one_capture_is_not_taken_for_one(tmp_path: Path):
    frames = varied()
    whole_ns = len(frames) * 1_000_003
    write(tmp_path / "a/web-1.pcap", timed(frames))
    write(tmp_path / "a/web-2.pcap", timed(frames))  # at the same time: another host
    write(tmp_path / "a/web-3.pcap", timed(frames, EVENING_NS + 2 * whole_ns + (GAP_S + 10) * SECOND))  # much later
    write(tmp_path / "b/one-1.pcap", timed(frames))
    write(tmp_path / "b/two-2.pcap", timed(frames, EVENING_NS + whole_ns + SECOND))  # another name
    write(tmp_path / "c/x-1.pcap", timed(frames))
    write(tmp_path / "c/x-2.pcap", timed(frames, EVENING_NS + whole_ns + SECOND), is_pcapng=True)  # another format
    (tmp_path / "d").mkdir()
    (tmp_path / "d/y-1.pcap").write_bytes(pcap(timed(frames)))
    (tmp_path / "d/y-2.pcap").write_bytes(pcap(timed(frames, EVENING_NS + whole_ns + SECOND), link_type=113))
    assert all(len(group) == 1 for group in names(tmp_path))
    assert len(names(tmp_path)) == 9


def test_zipped_parts_are_known_by_their_beginnings(tmp_path: Path):
    for path in rotated(tmp_path):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert names(tmp_path) == [["web-8.pcap.gz", "web-9.pcap.gz", "web-10.pcap.gz"]]


def test_a_directory_and_a_pattern_stand_for_their_captures(tmp_path: Path):
    write(tmp_path / "b/x", timed(varied()))  # begins like a capture
    (tmp_path / "b/cut.pcap").write_bytes(b"\xd4")  # is named like one
    (tmp_path / "b/notes.txt").write_text("no capture")
    (tmp_path / "b/.hidden.pcap").write_bytes(b"")
    (tmp_path / "link.pcap").symlink_to(tmp_path / "b/x")
    found = captures_in([str(tmp_path), str(tmp_path / "b/x")])
    assert [Path(path).name for path in found] == ["cut.pcap", "x"]  # each file once, whatever it is called
    assert captures_in([f"{tmp_path}/*/c*.pcap"]) == [str(tmp_path / "b/cut.pcap")]
    assert captures_in([str(tmp_path / "gone.pcap")]) == [str(tmp_path / "gone.pcap")]  # opening it says why
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaptureFileError, match="there is no capture file in it"):
        captures_in([str(tmp_path / "empty")])
    with pytest.raises(CaptureFileError, match="no file has such a name"):
        captures_in([f"{tmp_path}/*.gone"])


@pytest.mark.parametrize("data", [b"", b"\xd4\xc3", b"GIF89a" * 10, b"\x0a\x0d\x0d\x0a" + bytes(40), b"\x1f\x8b\x00"])
def test_other_files_have_no_ends(tmp_path: Path, data: bytes):
    path = tmp_path / "x.pcap"
    path.write_bytes(data)
    assert ends_of(str(path)) is None
    assert ends_of(str(tmp_path / "gone")) is None
