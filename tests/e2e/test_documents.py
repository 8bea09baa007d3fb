"""What the documentation tells people to type: it runs, in a small world of its own, and shows what it promises."""

from __future__ import annotations

import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.command import WAIT_S, environment
from tests.support.documents import PAGES, ROOT, blocks, commands, reason
from tests.support.site_of_documents import TURN
from tests.support.skips import need_root, need_tool

# their code has tests of its own: tests/e2e/plugin/test_docs.py, tests/e2e/uses/test_grpc.py
TESTED = {"testing.md", "grpc.md"}
RUNNABLE = [page for page in PAGES if any(reason(command) is None for command in commands(page))]
IN_PYTHON = [page for page in PAGES if page.name not in TESTED and any(b.kind == "python" for b in blocks(page))]
SERVER = ROOT / "tests/support/site_of_documents.py"

# A network namespace with eth0, which leads to another one, web; a server on port 8000 in both.
WORLD = """
set -e
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
ip link set lo up
ip netns add web
ip link add eth0 type veth peer name eth0 netns web
ip address add 10.0.0.1/24 dev eth0 && ip link set eth0 up
ip -n web link set lo up
ip -n web address add 10.0.0.2/24 dev eth0 && ip -n web link set eth0 up
ip netns exec web "$1" "$2" serve &
echo made
exec "$1" "$2" serve
"""
# what runs as sudo, as the tests are root already; as sockfilter; and what the pages call ./checkout
SUDO = '#!/bin/sh\nexec "$@"\n'
SOCKFILTER = f'#!/bin/sh\nexec "{sys.executable}" -m sockfilter "$@"\n'
CHECKOUT = "#!/bin/sh\nexec curl -s -d amount=3 http://127.0.0.1:8000/charge\n"


class World(NamedTuple):
    """Where commands run."""

    pid: int
    folder: Path

    def line(self, line: str) -> list[str]:
        """What runs a line of a shell there."""
        entered = ["nsenter", "--net", "--mount", "--target", str(self.pid)]
        # the signal that ends the command is not for the shell
        return [*entered, "sh", "-c", f'trap : TERM; cd "$1" && {line}', "sh", str(self.folder)]

    @property
    def environment(self) -> dict[str, str]:
        folders = [str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        return environment({"PATH": ":".join(folders), "XDG_CONFIG_HOME": str(self.folder), "USER": "root"})

    def start(self, line: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.line(line),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def put(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    need_root()
    for tool in ("ip", "nsenter", "unshare", "curl"):
        need_tool(tool)
    binaries = tmp_path / "bin"
    put(binaries / "sudo", SUDO)
    put(binaries / "sockfilter", SOCKFILTER)
    put(tmp_path / "checkout", CHECKOUT)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(binaries)
    # the kernel names a process by the name of the file that it runs
    for name in ("nginx", "node"):
        (tmp_path / name).symlink_to(Path(sys.executable).resolve())
    command = ["unshare", "--net", "--mount", "sh", "-c", WORLD, "sh", tmp_path / "nginx", SERVER]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    made = World(holder.pid, tmp_path)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"made\n"
        subprocess.run(
            ["nsenter", "--net", "--mount", "--target", str(holder.pid), sys.executable, SERVER, "wait"],
            check=True,
            timeout=WAIT_S,
        )
        yield made
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.communicate()


@pytest.fixture
def traffic(world: World) -> Iterator[None]:
    """Requests, one after the other, by a process called node."""
    with world.start(f"exec ./node {SERVER} ask") as process:
        yield
        os.killpg(process.pid, signal.SIGKILL)


def run(world: World, line: str) -> tuple[int, str, str]:
    """Runs a command, and ends it after its first exchange where it does not end by itself.

    No exchange is under way where a command that counts them begins to listen: its first one is whole.
    """
    with ExitStack() as held:
        turn = held.enter_context(open(world.folder / TURN, "a"))
        if "-c " in line:
            fcntl.flock(turn, fcntl.LOCK_EX)
        process = held.enter_context(world.start(line))
        assert process.stdout is not None
        assert process.stderr is not None
        found = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        said, shown = process.stderr.fileno(), process.stdout.fileno()
        is_to_end = "-c " not in line and " -- " not in line
        ends = time.monotonic() + WAIT_S * 2
        with selectors.DefaultSelector() as selector:
            for fd in found:
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map() and time.monotonic() < ends:
                for key, _ in selector.select(1):
                    part = os.read(key.fd, 65536)
                    found[key.fd] += part
                    if not part:
                        selector.unregister(key.fd)
                if b"listening" in found[said]:
                    fcntl.flock(turn, fcntl.LOCK_UN)
                if is_to_end and b"listening" in found[said] and b"\n" in found[shown]:
                    os.killpg(process.pid, signal.SIGTERM)
                    is_to_end = False
            if selector.get_map():
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, found[shown].decode(), found[said].decode()


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
@pytest.mark.usefixtures("traffic")
def test_its_commands_run(world: World, page: Path) -> None:
    for block in blocks(page):
        if block.kind == "toml":
            put(world.folder / "sockfilter/config.toml", block.text)
    for line in commands(page):
        if reason(line) is not None:
            continue
        if "jq" in line:
            need_tool("jq")
        status, output, errors = run(world, line)
        assert (status, bool(output), "Traceback" in errors) == (0, True, False), f"{line}\n{output}{errors}"


@pytest.mark.parametrize("page", IN_PYTHON, ids=lambda page: page.name)
def test_its_python_runs(world: World, page: Path) -> None:
    """Scripts of a page are one script; its tests are tests."""
    found = [block.text for block in blocks(page) if block.kind == "python"]
    script = "\n".join(text for text in found if "def test_" not in text)
    (world.folder / "script.py").write_text(script)
    (world.folder / "test_page.py").write_text("\n".join(text for text in found if "def test_" in text))
    if "web.pcapng" in script:
        record(world)
    lines = [f"{sys.executable} script.py"] if script else []
    if any("def test_" in text for text in found):
        lines.append(f"{sys.executable} -m pytest -q --wire=require test_page.py")
    for line in lines:
        status, output, errors = run(world, line)
        assert status == 0, f"{line}\n{output}{errors}"


def record(world: World) -> None:
    """A capture file, as the pages have one."""
    asked = f"exec {shutil.which('curl')} -s http://127.0.0.1:8000/items -o /dev/null"
    with world.start(f"exec {sys.executable} -m sockfilter -i lo -c 1 -w web.pcapng") as process:
        assert process.stderr is not None
        assert b"listening" in process.stderr.readline()
        subprocess.run(world.line(asked), check=True, timeout=WAIT_S, env=world.environment)
        process.communicate(timeout=WAIT_S)  # its line of text wants a reader
    assert process.returncode == 0
