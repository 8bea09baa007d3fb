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


@pytest.mark.parametrize(("owner", "made_by"), [(OWNER, 1234), (OWNER, 0), (None, 1234)])
def test_a_file_of_somebody_else_is_neither_emptied_nor_given_away(
    tmp_path: Path, owner: tuple[int, int] | None, made_by: int
):
    need_root()
    path = tmp_path / "x"
    path.write_bytes(b"precious")
    path.chmod(0o640)
    os.chown(path, made_by, 1234)
    with pytest.raises(CaptureFileError, match=rf"x': it is a file of user {made_by}, not of user .*; remove it, or"):
        write(path, b"secret", owner)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (made_by, 1234, 0o640)
    assert path.read_bytes() == b"precious"


def test_a_file_with_a_second_name_stays_as_it_is(tmp_path: Path):
    (tmp_path / "victim").write_bytes(b"precious")
    os.link(tmp_path / "victim", tmp_path / "x")
    with pytest.raises(CaptureFileError, match=r"with a second name \(a hard link\); remove it, or use another name"):
        write(tmp_path / "x", b"secret")
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_of_somebody_else_is_not_followed(tmp_path: Path, exists: bool):
    need_root()
    if exists:
        (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "x").symlink_to("victim")
    os.lchown(tmp_path / "x", 1234, 1234)
    with pytest.raises(CaptureFileError, match=r"it is a symbolic link of user 1234; use the name of its target"):
        write(tmp_path / "x", b"secret", OWNER)
    assert (tmp_path / "victim").exists() is exists
    assert not exists or (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_of_ones_own_is_followed(tmp_path: Path, exists: bool):
    (tmp_path / "folder").mkdir()
    if exists:
        (tmp_path / "folder/file").write_bytes(b"old")
    (tmp_path / "folder/second").symlink_to("file")
    (tmp_path / "x").symlink_to(tmp_path / "folder/second")
    write(tmp_path / "x", b"1")
    assert (tmp_path / "folder/file").read_bytes() == b"1"
    assert stat.S_IMODE((tmp_path / "folder/file").stat().st_mode) == 0o600


def test_links_in_a_circle(tmp_path: Path):
    (tmp_path / "x").symlink_to("y")
    (tmp_path / "y").symlink_to("x")
    with pytest.raises(CaptureFileError, match="Too many levels of symbolic links"):
        write(tmp_path / "x", b"1")


def test_a_pipe_of_somebody_else_is_refused_without_waiting_for_its_reader(tmp_path: Path):
    need_root()
    os.mkfifo(tmp_path / "pipe", 0o666)
    os.chown(tmp_path / "pipe", 1234, 1234)
    with pytest.raises(CaptureFileError, match="it is a pipe of user 1234, who could read everything; create your"):
        write(tmp_path / "pipe", b"secret", OWNER)


@pytest.mark.parametrize("made_by", [0, OWNER[0]])
def test_a_pipe_of_who_is_to_have_the_capture_is_written_to(tmp_path: Path, made_by: int):
    need_root()
    os.mkfifo(tmp_path / "pipe")
    os.chown(tmp_path / "pipe", made_by, 1234)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write(tmp_path / "pipe", b"1", OWNER)
    assert os.read(reader, 10) == b"1"
    os.close(reader)


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_descriptor_that_was_given_is_taken_whosever_file_it_is(tmp_path: Path, form: str):
    need_root()
    path = tmp_path / "x"
    path.touch(0o644)
    os.chown(path, 1234, 1234)
    with path.open("ab") as file:
        write(Path(form.format(file.fileno())), b"1", OWNER)
    assert path.read_bytes() == b"1"
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (1234, 0o644)


def test_what_takes_the_place_of_a_file_meanwhile_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    need_root()
    path = tmp_path / "x"
    path.write_bytes(b"mine")
    (tmp_path / "victim").write_bytes(b"precious")
    look = os.fstat

    def look_and_swap(fd: int) -> os.stat_result:
        found = look(fd)
        if not path.is_symlink():
            path.unlink()
            path.symlink_to("victim")
            os.lchown(path, 1234, 1234)
        return found

    monkeypatch.setattr(os, "fstat", look_and_swap)
    with pytest.raises(CaptureFileError, match="it is a symbolic link of user 1234"):
        write(path, b"secret")
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_a_device_is_left_as_it_is():
    before = os.stat("/dev/null").st_mode
    write(Path("/dev/null"), b"1", (0, 0))
    assert os.stat("/dev/null").st_mode == before


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere/x", "No such file or directory; create its folder first"),
        (".", "Is a directory; use a file in it"),
        ("file/x", "Not a directory; create its folder first"),
        ("n" * 300, "File name too long; use another name"),
        ("a\0b", "embedded null byte; use another name"),
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
        pytest.raises(CaptureFileError, match="writing '/dev/full': No space left on device; free some space, or use"),
    ):
        file.write(memoryview(b"1"))


def test_what_does_not_fit_is_taken_back(tmp_path: Path):
    with CaptureFile(str(tmp_path / "x")) as file:
        file.write(memoryview(bytes(600)))
        with room(1000), pytest.raises(CaptureFileError, match=r"File too large; raise the limit \(ulimit -f\)"):
            file.write(memoryview(bytes(600)))
        assert (tmp_path / "x").stat().st_size == 600
        file.write(memoryview(b"the end"))
    assert (tmp_path / "x").read_bytes() == bytes(600) + b"the end"


def test_what_is_whole_of_it_is_kept(tmp_path: Path):
    with CaptureFile(str(tmp_path / "x"), whole=lambda data: len(data) // 7 * 7) as file:
        for kept in (994, 994):
            with room(1000), pytest.raises(CaptureFileError, match=r"File too large"):
                file.write(memoryview(bytes(2000)))
            assert (tmp_path / "x").stat().st_size == kept
        file.write(memoryview(b"the end"))
    assert (tmp_path / "x").read_bytes() == bytes(994) + b"the end"


def test_nothing_is_written_to_a_file_that_has_no_beginning(tmp_path: Path):
    with CaptureFile(str(tmp_path / "x")) as file:
        with room(1000), pytest.raises(CaptureFileError, match=r"File too large"):
            file.write(memoryview(bytes(1001)))
        with pytest.raises(CaptureFileError, match=r"File too large"):
            file.write(memoryview(b"the end"))
    assert (tmp_path / "x").read_bytes() == b""


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
