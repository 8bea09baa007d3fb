"""The object is the same, byte for byte, wherever it is built, and says nothing of where that was."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import build_bpf  # noqa: E402
from tools import libbpf  # noqa: E402

from tests.support.once import made_once  # noqa: E402
from tests.support.skips import need_tool  # noqa: E402

OBJECTS = [
    *(
        "accelerate.bpf.o",
        "count.bpf.o",
        "guard.bpf.o",
        "processes.bpf.o",
        "secrets.bpf.o",
        "sockfilter.bpf.o",
        "stations.bpf.o",
    ),
    *("syscalls.bpf.o", "tcp.bpf.o", "tree.bpf.o"),
]


def build_in(folder: Path) -> None:
    for part in ("bpf", "vmlinux"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "build_bpf.py", folder)
    build_bpf.build_objects(folder / "out", folder)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another folder than that of the project, with objects that were built there."""
    need_tool("clang")
    return made_once(tmp_path_factory, "quite another place", build_in)


@pytest.fixture
def copy(elsewhere: Path, tmp_path: Path) -> Path:
    """The same for a test alone; its files are as old as those they were copied from."""
    return shutil.copytree(elsewhere, tmp_path / "copy")


def test_two_folders_give_the_same_bytes(elsewhere: Path) -> None:
    here = ROOT / "src/sockfilter/objects"
    assert [(elsewhere / "out" / name).read_bytes() == (here / name).read_bytes() for name in OBJECTS] == [True] * len(
        OBJECTS
    )


def test_the_object_names_no_folder(elsewhere: Path) -> None:
    for name in OBJECTS:
        content = (elsewhere / "out" / name).read_bytes()
        assert elsewhere.name.encode() not in content
        assert b".BTF" in content
        assert b".debug_info" not in content


def test_what_is_current_is_left_alone(copy: Path) -> None:
    before = (copy / "out/sockfilter.bpf.o").stat().st_mtime_ns
    build_bpf.build_objects(copy / "out", copy)
    assert (copy / "out/sockfilter.bpf.o").stat().st_mtime_ns == before


def test_without_clang_the_object_that_came_along_is_kept(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "bpf/sockfilter.bpf.c").touch()
    monkeypatch.setenv("CLANG", "no-such-compiler")
    assert build_bpf.build_objects(copy / "out", copy) == [copy / "out" / name for name in OBJECTS]


def test_without_clang_and_without_an_object_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "bpf", tmp_path / "bpf")
    shutil.copy(ROOT / "build_bpf.py", tmp_path)
    monkeypatch.setenv("CLANG", "no-such-compiler")
    with pytest.raises(SystemExit, match=r"no-such-compiler is needed to build .*; on Debian: apt install"):
        build_bpf.build_objects(tmp_path / "out", tmp_path)


def test_two_that_need_the_same_libbpf_build_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = []

    def build(_archive: Path, prefix: Path) -> None:
        builds.append(prefix)
        prefix.mkdir()
        (prefix / libbpf.LICENCE).touch()

    monkeypatch.setattr(libbpf, "fetch", lambda folder: folder / "archive")
    monkeypatch.setattr(libbpf, "build", build)
    others = [threading.Thread(target=libbpf.built, args=(tmp_path / "libbpf",)) for _ in range(8)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert builds == [tmp_path / "libbpf/prefix"]
