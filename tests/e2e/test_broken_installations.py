"""A part of the package, or libbpf, is missing or damaged: one line that says which, and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import sockfilter
from sockfilter.libbpf import binding
from tests.e2e.refusals import refusal
from tests.support.command import run
from tests.support.skips import need_tool

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the package that runs in its place; gives its folder and the environment."""
    copy = tmp_path / "sockfilter"
    shutil.copytree(Path(sockfilter.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy, {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_object_file_is_missing(package):
    copy, env = package
    (copy / "objects/sockfilter.bpf.o").unlink()
    assert run("--version", env=env).lines[2].endswith("objects/sockfilter.bpf.o: No such file or directory")
    line = refusal(env=env)
    assert line.startswith(f"reading the BPF object {copy}/objects/sockfilter.bpf.o: No such file or directory; ")
    assert line.endswith("make bpf")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"not an object\n",
        lambda content: content[:1000],
        lambda content: content[:-1000],
        lambda content: content.replace(b"sockfilter\0", b"sockfiltre\0"),
        lambda content: content.replace(b"ring\0", b"wing\0"),
    ],
    ids=["empty", "text", "its beginning", "cut", "program", "map"],
)
def test_the_object_file_is_damaged(package, damage):
    copy, env = package
    path = copy / "objects/sockfilter.bpf.o"
    path.write_bytes(damage(path.read_bytes()))
    line = refusal(env=env)
    assert str(path) in line
    assert "install sockfilter again" in line


def test_the_binding_is_missing(package):
    copy, env = package
    for path in (copy / "libbpf").glob("*.so"):
        path.unlink()
    line = refusal(env=env)
    assert line.startswith("loading the libbpf binding: ")
    assert "install sockfilter again" in line


def test_libbpf_is_missing(tmp_path):
    binding.load()
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "libbpf.so" in line}
    assert len(paths) == 1, "the binding has loaded it"
    (tmp_path / "empty").touch()
    script = f"mount --bind {tmp_path}/empty {paths.pop()} && exec " + '"$@"'
    prefix = (need_tool("unshare"), "--mount", "sh", "-c", script, "sh")
    line = refusal(prefix=prefix)
    assert line.startswith("loading the libbpf binding: ")
    assert line.endswith("install libbpf 1.1 or newer; on Debian: apt install libbpf1")
    done = run("--version", prefix=prefix)
    assert (done.status, done.said) == (0, [])
    program, libbpf, bpf_object, kernel, walls = done.lines
    assert program == f"sockfilter {sockfilter.__version__}"
    assert libbpf == f"libbpf: missing: {line}"
    assert bpf_object.startswith("BPF object ")
    assert kernel.startswith("Linux ")
    assert walls == "sandbox: none without libbpf"
