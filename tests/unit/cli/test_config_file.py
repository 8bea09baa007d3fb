"""The configuration file: where it lies, in which line a key stands, and what is no such file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockfilter.cli import config_file
from sockfilter.errors import InvalidArgument
from tests.support.skips import need_root


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "sockfilter").mkdir()
    return tmp_path / "sockfilter/config.toml"


def refused() -> str:
    with pytest.raises(InvalidArgument) as found:
        config_file.read()
    return str(found.value)


@pytest.mark.parametrize("folder", ["", "relative"])
def test_without_a_folder_that_counts_it_is_in_the_home(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", folder)
    monkeypatch.setenv("HOME", "/here")
    assert config_file.path() == "/here/.config/sockfilter/config.toml"


def test_who_ran_sudo_to_become_themselves_has_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with sudo setpriv --reuid=$USER: the home is still root's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", "/here")
    monkeypatch.setenv("SUDO_UID", "1")
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    assert config_file.path() == os.path.join(config_file._home(), ".config/sockfilter/config.toml")
    assert config_file._home() != "/here"
    monkeypatch.setattr(os, "geteuid", lambda: 2)
    assert config_file._home() == "/here"


def test_who_ran_sudo_and_has_no_home_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("SUDO_UID", "4000000000")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert config_file.path() is None
    assert config_file.read() == {}


def test_no_file(path: Path) -> None:
    assert config_file.read() == {}
    path.parent.rmdir()
    path.parent.touch()
    assert config_file.read() == {}


def test_lines_are_counted_past_values_of_several(path: Path) -> None:
    path.write_text('a = """\nb = 1\n"""\nc = [\n  1,\n]\n  "b" = 2\nd.e = 3\n[f]\ng = 1\n')
    assert {name: entry.where for name, entry in config_file.read().items()} == {
        name: f"{path}:{line}" for name, line in {"a": 1, "c": 4, "b": 7, "d": 8, "f": 9}.items()
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\n", ": Expected '=' after a key in a key/value pair (at line 1, column 2)"),
        (b"a = 1\na = 2\n", ": Cannot overwrite a value (at line 2, column 6)"),
        (b"a = 1\nb = '\xff'\n", ":2: it is not UTF-8"),
        (b"a = " + b"[" * 30_000, ": the arrays are nested too deeply"),
    ],
)
def test_what_is_no_toml(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    assert refused() == f"{path}{said}"


def test_a_file_that_is_too_long(path: Path) -> None:
    path.write_text("#" * config_file.FILE_BYTES_MAX)
    assert config_file.read() == {}
    path.write_text("#" * (config_file.FILE_BYTES_MAX + 1))
    assert refused() == f"reading {path}: it has more than 65536 bytes; --no-config ignores the file"


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    assert refused() == f"reading {path}: it is not a regular file; --no-config ignores the file"


def test_a_folder(path: Path) -> None:
    path.mkdir()
    assert refused() == f"reading {path}: it is not a regular file; --no-config ignores the file"


@pytest.mark.parametrize(
    ("owner", "mode", "said"),
    [
        (0, 0o777, "other users can write to its folder {}; fix that: chmod go-w {}"),
        (0, 0o775, "other users can write to its folder {}; fix that: chmod go-w {}"),
        (1234, 0o755, "its folder {} belongs to user 1234, not to root or to the user who ran sudo"),
        (0, 0o1777, ""),
        (0, 0o755, ""),
    ],
)
def test_root_believes_no_file_that_others_could_put_another_in_the_place_of(
    path: Path, owner: int, mode: int, said: str
) -> None:
    need_root()
    path.write_text("quiet = true\n")
    path.parent.chmod(mode)
    os.chown(path.parent, owner, -1)
    if said:
        assert refused() == f"reading {path}: {said.format(path.parent, path.parent)}; --no-config ignores the file"
    else:
        assert config_file.read()["quiet"].value is True
