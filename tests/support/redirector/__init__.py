"""A redirector of the tests' own: sockets of a cgroup whose bytes go past the network (sockops and sk_msg)."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

from sockfilter.libbpf.object import BpfObject
from tests.support.bpf import SYS_BPF
from tests.support.skips import Skip, need_root, need_tool, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("redirector.bpf.c")
# include/uapi/linux/bpf.h, enum bpf_cmd and enum bpf_attach_type
PROG_ATTACH, LINK_CREATE = 8, 28
CGROUP_SOCK_OPS, SK_MSG_VERDICT = 3, 7
GROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")

_numbers = count(1)
_libc = ctypes.CDLL(None, use_errno=True)


def build(folder: Path) -> Path:
    """Compiles the object."""
    made = folder / "redirector.bpf.o"
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"
    words = [need_tool("clang"), "-g", "-O2", "-target", "bpf", "-mcpu=v3", include, "-c", str(SOURCE), "-o", str(made)]
    subprocess.run(words, check=True)
    return made


@contextmanager
def cgroup() -> Iterator[Path]:
    """A cgroup of version 2 of the test's own."""
    need_root()
    root = next((Path(name) for name in GROUPS if Path(name, "cgroup.procs").exists()), None)
    if root is None:
        skip(Skip.KERNEL, "cgroup v2 is not mounted")
    made = root / f"sockfilter-test-{os.getpid()}-{next(_numbers)}"
    made.mkdir()
    try:
        yield made
    finally:
        made.rmdir()


@contextmanager
def member_of(group: Path) -> Iterator[None]:
    """Moves this process into a cgroup, and back at the end."""
    own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    before = Path(group.parent, own.removeprefix("0::").lstrip("/"), "cgroup.procs")
    Path(group, "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        before.write_text(str(os.getpid()))


@contextmanager
def redirecting(group: Path, folder: Path, *, redirects: bool = True) -> Iterator[None]:
    """Puts the sockets of a cgroup's connections into a sockhash from now on.

    Args:
        group: the cgroup.
        folder: where the object is built.
        redirects: whether what they send goes past TCP.
    """
    with ExitStack() as stack:
        opened = stack.enter_context(BpfObject(build(folder)))
        opened.configure(pack("=I", redirects))
        opened.load()
        _bpf(PROG_ATTACH, "=III", opened.map_fd("sf_test_ends"), opened.program_fd("sf_test_redirect"), SK_MSG_VERDICT)
        at = os.open(group, os.O_RDONLY)
        stack.callback(os.close, at)
        link = _bpf(LINK_CREATE, "=III", opened.program_fd("sf_test_note"), at, CGROUP_SOCK_OPS)
        stack.callback(os.close, link)
        yield


def _bpf(command: int, layout: str, *values: int) -> int:
    attributes = ctypes.create_string_buffer(pack(layout, *values), 128)
    found = int(_libc.syscall(SYS_BPF, command, attributes, len(attributes)))
    if found < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return found
