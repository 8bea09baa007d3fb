"""Runs a command under another kernel, over this machine's own files, none of which it can change."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kernels.initramfs import initramfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kernels.choice import Choice
    from tests.kernels.images import Image

ROOT = Path(__file__).resolve().parents[2]
INIT = Path(__file__).parent / "guest/init"
# two: what happens on several processors at once happens here too
PROCESSORS = 2
MEMORY_MIB = 1536
# Debian 12 has QEMU's own virtiofsd, later ones that of another package
VIRTIOFSD = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd")
SOCKET_S_MAX = 10.0
END_S_MAX = 10.0
BETWEEN_LOOKS_S = 0.2
# an end at once where the kernel gives up, no message but of what is wrong; the last two: less to wait for
KERNEL_OPTIONS = "panic=-1 oops=panic loglevel=4 mitigations=off rcupdate.rcu_expedited=1"


class Unable(Exception):
    """The machine does not start, or ended without having run the command."""


@dataclass(frozen=True)
class Run:
    """A command in a guest.

    Attributes:
        choice: the kernel, as it was asked for.
        image: its files.
        command: lines of a shell script.
        results: a folder that the guest can write; all else it cannot.
        seconds: after so many it is ended.
    """

    choice: Choice
    image: Image
    command: str
    results: Path
    seconds: float


def run(this: Run, look: Callable[[], None]) -> int | None:
    """The command's exit status; None: it took too long.

    Args:
        look: called every now and then while it runs.

    Raises Unable.
    """
    status = this.results / "status"
    status.unlink(missing_ok=True)
    # memory of user-mode Linux is a file there; and all that is left of a run is gone with the folder
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="sockfilter-") as name:
        work = Path(name)
        (work / "root").mkdir()
        guest = _process if this.choice.is_process else _emulated
        with guest(this, work) as running:
            deadline = time.monotonic() + this.seconds
            while running.poll() is None and time.monotonic() < deadline:
                time.sleep(BETWEEN_LOOKS_S)
                look()
            in_time = running.poll() is not None
    if status.exists() and status.read_text().strip():
        return int(status.read_text())
    if not in_time:
        return None
    raise Unable("the guest ended without a word; its console ends:\n" + _tail(this.results / "console"))


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-12:]) if path.exists() else "(nothing)"


def _start_files(this: Run, work: Path, root: str) -> Path:
    """The guest's initramfs, in a file."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise Unable("there is no busybox; on Debian: apt install busybox-static")
    settings = {"ROOT": root, "PROJECT": str(ROOT), "RESULTS": str(this.results)}
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    path = work / "initramfs"
    path.write_bytes(initramfs(INIT, Path(busybox), this.image.modules, text, this.command))
    return path


@contextmanager
def _emulated(this: Run, work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """QEMU without the processor's help, which a machine that is itself a guest seldom has."""
    start = _start_files(this, work, "-t virtiofs machine")
    with _shared(this, work) as socket:
        command = [
            *("qemu-system-x86_64", "-machine", "q35,memory-backend=memory", "-cpu", "max"),
            *("-accel", "tcg,thread=multi", "-smp", str(PROCESSORS), "-m", str(MEMORY_MIB)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-object", f"memory-backend-memfd,id=memory,size={MEMORY_MIB}M,share=on"),
            *("-kernel", str(this.image.kernel), "-initrd", str(start)),
            *("-append", f"console=ttyS0 {KERNEL_OPTIONS}"),
            *("-serial", f"file:{this.results / 'console'}"),
            *("-chardev", f"socket,id=root,path={socket}", "-device", "vhost-user-fs-pci,chardev=root,tag=machine"),
        ]
        with _running(command, this.results / "emulator") as running:
            yield running


@contextmanager
def _shared(this: Run, work: Path) -> Iterator[Path]:
    """A server of the machine's files; the socket it listens on."""
    program = next((path for path in VIRTIOFSD if Path(path).exists()), None)
    if program is None:
        raise Unable("there is no virtiofsd; on Debian: apt install qemu-system-common virtiofsd")
    socket = work / "socket"
    server = [program, "-f", f"--socket-path={socket}", "-o", f"source={work / 'root'}", "-o", "cache=always"]
    with _running(_apart(this, work, server), this.results / "files") as serving:
        deadline = time.monotonic() + SOCKET_S_MAX
        while not socket.exists():
            if serving.poll() is not None or time.monotonic() > deadline:
                raise Unable(f"virtiofsd does not start: {_tail(this.results / 'files')}")
            time.sleep(BETWEEN_LOOKS_S / 10)
        yield socket


@contextmanager
def _process(this: Run, work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """User-mode Linux: a kernel that is a process of this machine."""
    start = _start_files(this, work, f"-t hostfs -o {work / 'root'} none")
    command = [
        *(str(this.image.kernel), f"mem={MEMORY_MIB}M", f"uml_dir={work}/", f"initrd={start}"),
        *(*KERNEL_OPTIONS.split(), "con=null", "con0=null,fd:1", "ssl=null"),
    ]
    # what it maps as its memory is to be the one place that it can write
    with _running(_apart(this, work, ["env", f"TMPDIR={work}", *command]), this.results / "console") as running:
        yield running


def _apart(this: Run, work: Path, command: list[str]) -> list[str]:
    """A command in a mount namespace of its own, where all but the results is read-only, and stands in work/root."""
    lines = ["set -e"]
    for mount in _mounts(ROOT, Path(sys.base_prefix)):
        place = shlex.quote(f"{work / 'root'}{str(mount).rstrip('/')}")
        lines += [f"mount --bind {shlex.quote(str(mount))} {place}", f"mount -o remount,bind,ro {place}"]
    results = shlex.quote(str(this.results))
    lines += [f"mount --bind {results} {shlex.quote(str(work / 'root'))}{results}"]
    if this.choice.is_process:
        lines += ["mount -o remount,bind,ro /"]
    lines += [f"exec {shlex.join(command)}"]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines)]


def _mounts(*paths: Path) -> list[Path]:
    """The mounts that these paths are on, / first."""
    found = {Path("/")}
    for path in paths:
        found.add(next(p for p in (path, *path.parents) if p.is_mount()))
    return sorted(found)


@contextmanager
def _running(command: list[str], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with all its children, from now until the end."""
    with output.open("wb") as said:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        except FileNotFoundError as error:
            raise Unable(f"there is no {error.filename}; on Debian: apt install qemu-system-x86") from error
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
