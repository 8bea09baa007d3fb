"""A sniffer whose parser has been taken over: what it then tries, and how far it gets. Run as a program.

    python -m tests.support.taken_over FOLDER PORT SHUT WORDS ...

Runs the command with WORDS. With the first exchange it tries everything below, and writes what came of it to
FOLDER/report as JSON, by descriptor: that file was open before. FOLDER is where it may not write otherwise, PORT a
server's on loopback, SHUT a file that root alone may read.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# bpf(2) and its BPF_PROG_GET_NEXT_ID, which takes no more than an attribute
BPF = {"x86_64": 321, "aarch64": 280}
PTRACE = {"x86_64": 101, "aarch64": 117}
GET_NEXT_ID, TRACE_ME = 11, 0


def attempts(folder: Path, port: int, shut: Path) -> dict[str, Callable[[], Any]]:
    """What is tried, by its name."""
    return {
        "write": lambda: (folder / "planted").write_text("x"),
        "change": lambda: (folder / "there").write_text("x"),
        "remove": (folder / "goes").unlink,
        "link": lambda: (folder / "link").symlink_to("/etc/shadow"),
        "read": shut.read_text,
        "list": lambda: os.listdir(folder),
        "execute": execute,
        "connect": lambda: socket.create_connection(("127.0.0.1", port)).close(),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)).close(),
        "datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
        "unix": lambda: socket.socket(socket.AF_UNIX).close(),
        "signal": lambda: os.kill(os.getppid(), 0),
        "environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "bpf": lambda: called(BPF[platform.machine()], GET_NEXT_ID, ctypes.byref((ctypes.c_uint32 * 32)()), 128),
        "ptrace": lambda: called(PTRACE[platform.machine()], TRACE_ME, 0, 0),
    }


def execute() -> None:
    """A program, in a child."""
    pid = os.fork()
    if not pid:
        try:
            os.execv("/bin/true", ["true"])
        finally:
            os._exit(99)
    _, status = os.waitpid(pid, 0)
    if status:
        raise PermissionError("no program was run")


def called(number: int, *arguments: Any) -> None:
    """A system call. Raises PermissionError where it is not permitted, whatever else comes of it."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(number, *arguments) < 0 and ctypes.get_errno() == 1:
        raise PermissionError


def outcome(attempt: Callable[[], Any]) -> str:
    """Whether it was kept from it."""
    try:
        attempt()
    except PermissionError:
        return "denied"
    except OSError as error:
        return str(error)
    return "done"


def main(folder: Path, port: int, shut: Path, words: list[str]) -> int:
    """Runs the command. Returns its exit status."""
    from sockfilter.cli import main as run
    from sockfilter.outputs.lines import TextOutput

    report = os.open(folder / "report", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    tries = attempts(folder, port, shut)
    write = TextOutput.write

    def taken_over(self: TextOutput, exchange: Any) -> None:
        found = {name: outcome(attempt) for name, attempt in tries.items()}
        os.write(report, json.dumps(found).encode())
        write(self, exchange)

    TextOutput.write = taken_over  # type: ignore[method-assign]
    TextOutput.lines = None  # type: ignore[assignment, misc]  # not by the lane
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    return run(words)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
