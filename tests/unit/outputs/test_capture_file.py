"""A capture file is its owner's alone, overwrites what was there, and ends with something whole."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sockfilter.errors import CaptureFileError, Closed
from sockfilter.outputs.capture_file import CaptureFile
from tests.support.skips import need_root

OWNER = (65534, 65533)


def write(path: Path, data: bytes, owner: tuple[int, int] | None = None) -> None:
    with CaptureFile(str(path), owner) as file:
        assert file.write(memoryview(data)) == len(data)


@contextmanager
def room(size: int) -> Iterator[None]:
    """Files cannot grow beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("umask", [0, 0o22])
def test_nobody_else_reads_it(tmp_path: Path, umask: int):
    before = os.umask(umask)
    try:
        write(tmp_path / "x", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600
    assert (tmp_path / "x").read_bytes() == b"secret"


def test_what_was_there_is_overwritten_and_becomes_as_private(tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(b"something longer")
    path.chmod(0o644)
    write(path, b"short")
    assert path.read_bytes() == b"short"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_is_given_to_its_owner_again_and_again(tmp_path: Path):
    need_root()
    for _ in range(2):
        write(tmp_path / "x", b"1", OWNER)
        status = (tmp_path / "x").stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (*OWNER, 0o600)


def test_what_belongs_to_a_third_stays_his(tmp_path: Path):
    need_root()
    (tmp_path / "x").touch(0o640)
    os.chown(tmp_path / "x", 1234, 1234)
    write(tmp_path / "x", b"1", OWNER)
    status = (tmp_path / "x").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (1234, 0o640)


class Protected:
    """os.open() under fs.protected_regular: it does not open, with O_CREAT, what is another's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = os.open
        monkeypatch.setattr(os, "open", self)

    def __call__(self, path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return self._open(path, flags, mode)


def test_in_a_shared_folder_what_was_given_away_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    need_root()
    write(tmp_path / "x", b"1", OWNER)
    Protected(monkeypatch)
    write(tmp_path / "x", b"2", OWNER)
    assert (tmp_path / "x").read_bytes() == b"2"


@pytest.mark.parametrize("owner", [None, OWNER])
def test_in_a_shared_folder_what_others_prepared_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: tuple[int, int] | None
):
    need_root()
    (tmp_path / "x").write_bytes(b"a trap")
    os.chown(tmp_path / "x", 1234, 1234)
    Protected(monkeypatch)
    with pytest.raises(CaptureFileError, match=r"writing '.*/x': Permission denied; name a place where"):
        write(tmp_path / "x", b"secret", owner)
    assert (tmp_path / "x").read_bytes() == b"a trap"


def test_a_device_is_left_as_it_is():
    before = os.stat("/dev/null").st_mode
    write(Path("/dev/null"), b"1", (0, 0))
    assert os.stat("/dev/null").st_mode == before


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere/x", "No such file or directory; make its folder first"),
        (".", "Is a directory; name a file in it"),
        ("file/x", "Not a directory; make its folder first"),
        ("n" * 300, "File name too long; name another place"),
        ("a\0b", "embedded null byte; name another place"),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, path: str, words: str):
    (tmp_path / "file").touch()
    with pytest.raises(CaptureFileError, match=words) as raised:
        CaptureFile(f"{tmp_path}/{path}")
    assert str(raised.value).startswith(f"writing {f'{tmp_path}/{path}'!r}: ")


def test_a_full_disk():
    with (
        CaptureFile("/dev/full") as file,
        pytest.raises(CaptureFileError, match="writing '/dev/full': No space left on device; make room, or write"),
    ):
        file.write(memoryview(b"1"))


def test_what_does_not_fit_is_taken_back(tmp_path: Path):
    with CaptureFile(str(tmp_path / "x")) as file:
        file.write(memoryview(bytes(600)))
        with room(1000), pytest.raises(CaptureFileError, match=r"File too large; write smaller files"):
            file.write(memoryview(bytes(600)))
        assert (tmp_path / "x").stat().st_size == 600
        file.write(memoryview(b"the end"))
    assert (tmp_path / "x").read_bytes() == bytes(600) + b"the end"


def test_a_pipe_without_a_reader(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with CaptureFile(str(tmp_path / "pipe")) as file:
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            file.write(memoryview(b"1"))


def test_closed_is_closed(tmp_path: Path):
    file = CaptureFile(str(tmp_path / "x"))
    file.close()
    file.close()
    with pytest.raises(Closed, match="is closed: nothing more can be written"):
        file.write(memoryview(b"1"))
