"""What searches have found is kept between runs, for the same file alone, and not where others may change it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sockfilter.sources.secrets.cache import NAME, Cache
from sockfilter.sources.secrets.finding import LABELS, NOT_TLS, Function, SearchResult
from tests.support.skips import need_root

FOUND = SearchResult(LABELS, (Function(0x3A1C0, ((324315, 1), (-5, 6))),), "c0b99590", "")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "sockfilter")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "library.so"
    made.write_bytes(b"content")
    return made


def kept(folder: str, file: Path, found: SearchResult = FOUND) -> Cache:
    cache = Cache(folder)
    cache.put(file.stat(), found, str(file))
    cache.save()
    return Cache(folder)


def test_it_is_there_in_the_next_run(folder: str, file: Path) -> None:
    cache = kept(folder, file)
    assert cache.get(file.stat()) == FOUND
    assert cache.paths == [str(file)]


def test_a_file_without_functions_is_known_and_not_looked_at_again(folder: str, file: Path) -> None:
    cache = kept(folder, file, SearchResult(NOT_TLS))
    assert cache.get(file.stat()) == SearchResult(NOT_TLS)
    assert not cache.paths


def test_a_file_that_has_changed_is_another_one(folder: str, file: Path) -> None:
    cache = kept(folder, file)
    before = file.stat()
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert cache.get(file.stat()) is None


def test_only_its_owner_may_read_it(folder: str, file: Path) -> None:
    kept(folder, file)
    assert Path(folder, NAME).stat().st_mode & 0o777 == 0o600
    assert Path(folder).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o622, 0o660, 0o644])
def test_a_cache_that_others_may_use_is_not_read(folder: str, file: Path, mode: int) -> None:
    kept(folder, file)
    Path(folder, NAME).chmod(mode)
    assert Cache(folder).get(file.stat()) is None


def test_a_folder_that_others_may_write_to_is_not_used(folder: str, file: Path) -> None:
    kept(folder, file)
    Path(folder).chmod(0o777)
    cache = Cache(folder)
    assert cache.get(file.stat()) is None
    cache.put(file.stat(), SearchResult(NOT_TLS), str(file))
    cache.save()
    Path(folder).chmod(0o700)
    assert Cache(folder).get(file.stat()) == FOUND


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_is_not_followed(folder: str, file: Path, tmp_path: Path, what: str) -> None:
    kept(folder, file)
    path = Path(folder, NAME) if what == "file" else Path(folder)
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    assert Cache(folder).get(file.stat()) is None


def test_the_cache_of_another_user_is_not_read(folder: str, file: Path) -> None:
    need_root()
    kept(folder, file)
    os.chown(Path(folder, NAME), 65534, 65534)
    assert Cache(folder).get(file.stat()) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"version": 2}',
        b'{"version": 2, "files": 3, "paths": []}',
        b'{"version": 2, "files": {"a": [1, 2]}, "paths": []}',
        b'{"version": 2, "files": {"a": [1, [["x", []]], "", ""]}, "paths": []}',
        b'{"version": 2, "files": {}, "paths": 7}',
        json.dumps({"version": 999, "files": {}, "paths": []}).encode(),
        b"[" * 100_000,
    ],
)
def test_a_damaged_cache_is_an_empty_one(folder: str, file: Path, content: bytes) -> None:
    kept(folder, file)
    Path(folder, NAME).write_bytes(content)
    cache = Cache(folder)
    assert cache.get(file.stat()) is None
    cache.put(file.stat(), FOUND, str(file))
    cache.save()
    assert Cache(folder).get(file.stat()) == FOUND


def test_captures_that_run_together_keep_what_each_has_found(folder: str, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.so"
    other.write_bytes(b"more")
    first, second = Cache(folder), Cache(folder)
    first.put(file.stat(), FOUND, str(file))
    second.put(other.stat(), FOUND, str(other))
    first.save()
    second.save()
    cache = Cache(folder)
    assert cache.get(file.stat()) == cache.get(other.stat()) == FOUND
    assert set(cache.paths) == {str(file), str(other)}
