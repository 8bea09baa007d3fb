"""A key log is read as it grows, whatever happens to its file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.model.secret import Secret
from sockfilter.sources.secrets import followed
from sockfilter.sources.secrets.followed import FollowedKeyLog

if TYPE_CHECKING:
    from pathlib import Path

LABEL = "CLIENT_RANDOM"


def line(number: int) -> bytes:
    """A line of a key log, a different one for each number."""
    return f"{LABEL} {number:064x} {number:096x}\n".encode()


def numbers(secrets: list[Secret]) -> list[int]:
    return [int.from_bytes(secret.client_random, "big") for secret in secrets]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.log"


class TestFile:
    def test_that_grows_in_the_middle_of_a_line(self, path: Path) -> None:
        found: list[Secret] = []
        path.write_bytes(line(1) + line(2)[:50])
        with FollowedKeyLog(str(path), found.append) as log:
            log.read()
            assert numbers(found) == [1]
            with path.open("ab") as file:
                file.write(line(2)[50:] + line(3))
            log.read()
            log.read()
        assert numbers(found) == [1, 2, 3]

    def test_that_does_not_exist_yet(self, path: Path) -> None:
        found: list[Secret] = []
        with FollowedKeyLog(str(path), found.append) as log:
            log.read()
            assert not log.exists
            path.write_bytes(line(1))
            log.read()
            assert log.exists
        assert numbers(found) == [1]

    @pytest.mark.parametrize(
        ("content", "more"), [(b"", line(1)), (b"# begun\n", line(1)), (line(1)[:80], line(1)[80:])]
    )
    def test_that_has_no_secret_yet(self, path: Path, content: bytes, more: bytes) -> None:
        found: list[Secret] = []
        path.write_bytes(content)
        with FollowedKeyLog(str(path), found.append) as log, path.open("ab") as file:
            log.read()
            file.write(more)
            file.flush()
            log.read()
        assert numbers(found) == [1]

    def test_that_is_emptied_and_written_again(self, path: Path) -> None:
        found: list[Secret] = []
        path.write_bytes(line(1) + line(2))
        with FollowedKeyLog(str(path), found.append) as log:
            log.read()
            path.write_bytes(line(3))
            log.read()
            path.write_bytes(line(4))  # as long as the line before it
            log.read()
        assert numbers(found) == [1, 2, 3, 4]

    def test_that_is_rotated(self, path: Path) -> None:
        """What was written to the old file before the new one was found is not lost."""
        found: list[Secret] = []
        path.write_bytes(line(1))
        with FollowedKeyLog(str(path), found.append) as log:
            log.read()
            with path.open("ab") as old:
                path.rename(path.with_suffix(".1"))
                old.write(line(2))
            path.write_bytes(line(3))
            log.read()
            log.read()
        assert numbers(found) == [1, 2, 3]

    def test_that_is_removed_is_read_to_its_end(self, path: Path) -> None:
        found: list[Secret] = []
        path.write_bytes(line(1))
        with FollowedKeyLog(str(path), found.append) as log, path.open("ab") as file:
            path.unlink()
            file.write(line(2))
            file.flush()
            log.read()
            assert numbers(found) == [1, 2]
            path.write_bytes(line(3))
            log.read()
        assert (numbers(found), log.problem) == ([1, 2, 3], "")

    def test_that_is_a_pipe_with_one_writer_after_another(self, path: Path) -> None:
        found: list[Secret] = []
        os.mkfifo(path)
        with FollowedKeyLog(str(path), found.append) as log:
            log.read()
            for number in (1, 2):
                with path.open("wb") as writer:
                    log.read()
                    writer.write(line(number))
                log.read()
        assert numbers(found) == [1, 2]

    def test_that_is_long_is_read_from_near_its_end(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(followed, "TAIL_BYTES", len(line(1)) * 3 // 2)
        path.write_bytes(line(1) + line(2) + line(3))
        found: list[Secret] = []
        with FollowedKeyLog(str(path), found.append, is_tail=True) as log:
            log.read()
        assert (numbers(found), log.bad_lines) == ([3], 0)

    def test_with_a_line_that_is_none(self, path: Path) -> None:
        found: list[Secret] = []
        path.write_bytes(line(1) + b"nonsense\n" + line(2))
        with FollowedKeyLog(str(path), found.append) as log:
            log.read()
        assert (numbers(found), log.bad_lines) == ([1, 2], 1)


class TestRefusal:
    def test_of_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument, match="it is a directory"):
            FollowedKeyLog(str(tmp_path), print)

    def test_of_a_file_in_no_directory(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidArgument, match="there is no directory"):
            FollowedKeyLog(str(tmp_path / "none" / "keys.log"), print)

    @pytest.mark.parametrize("content", [b"hello\n", os.urandom(4096) + b"\n", b"\x0a\x0d\x0d\x0a" + bytes(60) + b"\n"])
    def test_of_a_file_that_is_no_key_log(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(InvalidArgument, match="no line of it has a label"):
            FollowedKeyLog(str(path), print)

    def test_of_a_name_with_a_zero(self) -> None:
        with pytest.raises(InvalidArgument, match="reading the key log"):
            FollowedKeyLog("a\0b", print)

    def test_leaves_no_descriptor(self, tmp_path: Path, path: Path) -> None:
        path.write_bytes(b"nonsense\n")
        before = os.listdir("/proc/self/fd")
        for wrong in (tmp_path, path):
            with pytest.raises(InvalidArgument):
                FollowedKeyLog(str(wrong), print)
        assert os.listdir("/proc/self/fd") == before

    def test_of_what_replaced_the_file_is_a_problem_and_no_error(self, path: Path) -> None:
        path.write_bytes(line(1))
        with FollowedKeyLog(str(path), print) as log:
            path.unlink()
            path.mkdir()
            log.read()
            log.read()
            assert "it is a directory" in log.problem
            log.problem = ""
            path.rmdir()
            path.write_bytes(line(2))
            found: list[Secret] = []
            log._lines._take = found.append
            log.read()
            assert (numbers(found), log.problem) == ([2], "")
