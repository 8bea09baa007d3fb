"""Next to no memory: it runs, or says in one line why not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Done, run
from tests.support.skips import Skip, need_tool, skip

MEGABYTE = 1 << 20
# of each thread: half of what a process may address on x86-64, and more than there is elsewhere
STACK_BYTES = 1 << 46
# what a line has that calls C of sockfilter or of libbpf
CALLS_C = re.compile(r"(lib|ffi)\.")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("megabytes", [*range(30, 66, 4), *(54 + quarter / 4 for quarter in range(1, 16))])
def test_address_space(megabytes: float):
    """Memory may also run out while the dynamic linker maps an extension module, and while a capture ends."""
    prefix = [need_tool("prlimit"), f"--as={round(megabytes * MEGABYTE)}"]
    try:
        done = run("-i", "lo", "--ports", "1", "--duration", "0.01", prefix=prefix, env={"PYTHONFAULTHANDLER": "1"})
    except subprocess.TimeoutExpired:
        # CPython needs 32 bytes to handle an exception; without, it tries for ever (Python/ceval.c, exception_unwind)
        skip(Skip.PYTHON_FAULT, "an exception without any memory is never handled")
    if fault := fault_of_python(done):
        skip(Skip.PYTHON_FAULT, fault)
    if done.status == 0:
        assert len(done.said) == 2
    else:
        # before the reason: that it listens, and the summary
        assert (done.status, len(done.said) - 1) in {(1, 0), (1, 1), (1, 2)}, done.errors.decode()
        assert all(line.startswith("sockfilter: ") for line in done.said)


def fault_of_python(done: Done) -> str | None:
    """What CPython itself does without memory, before any code of the command could handle it."""
    for fault in ("Cannot recover from MemoryErrors", "lost sys.stderr", "Exception ignored in sys.unraisablehook"):
        if fault.encode() in done.errors:
            return fault
    if b"SystemError" in done.errors and b"/sockfilter/" not in done.errors:
        return "an error without an exception, in the interpreter's own modules"
    crashed = re.search(rb'Segmentation fault\n\n.*\n  File "(.*)", line (\d+) in ', done.errors)
    if not crashed:
        return None
    file = Path(crashed[1].decode())  # the interpreter's own modules are in none
    line = file.read_text().splitlines()[int(crashed[2]) - 1] if file.exists() else ""
    if ".items()" in line:
        return "dict.items() untracks an iterator that it did not track yet (Objects/dictobject.c, dictiter_new)"
    if not CALLS_C.search(line):
        return "MemoryErrors are made without end until the stack is full (Objects/exceptions.c, MemoryError_new)"
    return None


@pytest.mark.usefixtures("root")
def test_descriptors():
    """With fewer, Python itself does not start."""
    for number in range(8, 28, 2):
        done = run(
            "-i", "lo", "--ports", "1", "--duration", "0.01", prefix=[need_tool("prlimit"), f"--nofile={number}"]
        )
        assert len(done.said) == (1 if done.status else 2), done.said
        assert all(line.startswith("sockfilter: ") for line in done.said)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    "words",
    [
        ["tcp", "--ports", "1", "--duration", "0.01"],
        ["count", "-i", "lo", "--at", "tcx,xdp:generic,socket,drops", "--once", "--interval", "0.01"],
    ],
    ids=lambda words: words[0],
)
def test_too_few_descriptors_are_no_reason_to_show_less(words: list[str]):
    statuses = set()
    for number in range(8, 44, 4):
        done = run(*words, prefix=[need_tool("prlimit"), f"--nofile={number}"])
        statuses.add(done.status)
        if done.status:
            assert "raise the limit: ulimit -n" in done.said[-1], (number, done.said)
        assert not any("Linux" in line or "only the ends" in line or "without it" in line for line in done.said)
    assert 1 in statuses


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("options", [["-i", "lo", "--processes"], ["--via", "syscalls"]], ids=["packets", "calls"])
def test_no_threads(options: list[str]):
    """Programs are loaded in threads; where no stack of one finds room, they are loaded without."""
    prefix = [need_tool("prlimit"), f"--stack={STACK_BYTES}"]
    done = run(*options, "--ports", "1", "--duration", "0.01", prefix=prefix)
    assert (done.status, len(done.said)) == (0, 2), done.said
