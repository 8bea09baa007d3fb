"""A new user's ways to install: from a source distribution without clang, from a wheel, from the folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.skips import Skip, need_root, need_tool, skip

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300
# one exchange, from a server to a client in the same process
ONE_EXCHANGE = """
import threading, http.server, urllib.request, sockfilter
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sockfilter.capture("lo", ports=server.server_port) as capture:
    urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").read()
    capture.flush()
    print(len(capture.exchanges), capture.exchanges[0].response.status, sockfilter.__file__)
"""


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        # uv has certificates of its own, where pip has the machine's: under both of its names for it
        # and pip takes a no for the negative of an option: it compiles nothing
        env={**os.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "PIP_NO_COMPILE": "0", **environment},
        cwd=environment.get("PWD", "/"),
    )
    if done.returncode and ("No matching distribution" in done.stderr or "Failed to establish" in done.stderr):
        skip(Skip.NETWORK, " ".join(map(str, command)))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a clone has it: nothing built."""
    need_root()
    need_tool("clang")
    copy = tmp_path_factory.mktemp("clone") / "sockfilter"
    made = shutil.ignore_patterns(".git", ".venv", "build", "dist", "objects", "*.so", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, copy, ignore=made)
    return copy


@pytest.fixture(scope="module")
def distributions(folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", folder / "dist", folder)
    return folder / "dist"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Of an environment that the pip beside the tests installs into."""
    venv.create(tmp_path / "venv")
    return tmp_path / "venv/bin/python"


def pip_install(python: Path, *words: str | Path, **environment: str) -> None:
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", *words, **environment)


def captures_one_exchange(python: Path) -> None:
    count, status, where = run(python, "-c", ONE_EXCHANGE).split()
    assert (count, status) == ("1", "200")
    assert where.startswith(str(python.parent.parent)) or "clone" in where
    assert run(python.with_name("sockfilter"), "--version").startswith("sockfilter ")
    share = python.parent.parent / "share"
    assert (share / "man/man1/sockfilter.1").read_text().startswith(".TH SOCKFILTER 1")
    assert (share / "bash-completion/completions/sockfilter").exists()


def test_a_source_distribution_installs_without_clang(distributions: Path, python: Path) -> None:
    (archive,) = distributions.glob("*.tar.gz")
    pip_install(python, archive, CLANG="no-clang", LLVM_STRIP="no-strip")
    captures_one_exchange(python)


def test_one_wheel_for_every_python(distributions: Path, python: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    assert "-cp310-abi3-linux_" in wheel.name
    pip_install(python, wheel)
    captures_one_exchange(python)


def test_uv_installs_the_folder(folder: Path, python: Path) -> None:
    """As make setup does with pip, but not in place."""
    uv = need_tool("uv")
    run(uv, "pip", "install", "-q", "--python", python, folder, UV_PYTHON_DOWNLOADS="never")
    captures_one_exchange(python)
