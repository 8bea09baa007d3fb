"""Programs that read the kernel's own structs come out the same, whoever finds these: libbpf in all types, or we."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockfilter.libbpf import tracing
from sockfilter.libbpf.object import NO_TYPES, BpfObject
from sockfilter.observers.processes import processes, tree
from sockfilter.sources.calls import syscalls
from tests.support.skips import Skip, need_root, skip

OBJECTS = {
    processes.OBJECT: processes.PROGRAMS,
    syscalls.OBJECT: syscalls.PROGRAMS,
    tree.OBJECT: tree.PROGRAMS,
}


@pytest.fixture(autouse=True)
def kernel() -> None:
    need_root()
    if not os.path.exists(tracing.BTF):
        skip(Skip.KERNEL, "BTF")


def tag(program_fd: int) -> str:
    """A hash of the instructions that the kernel was given, offsets of fields among them (bpf_prog_calc_tag())."""
    lines = Path(f"/proc/self/fdinfo/{program_fd}").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("prog_tag:"))


def tags(path: str, reads_kernel: bool) -> list[str]:
    with BpfObject(path, reads_kernel=reads_kernel) as opened:
        assert (opened._types != NO_TYPES) == reads_kernel
        tracing.load(opened, "a test")
        return [tag(opened.program_fd(name)) for name in OBJECTS[path]]


@pytest.mark.parametrize("path", OBJECTS, ids=os.path.basename)
def test_programs_are_the_same(path: str):
    assert tags(path, reads_kernel=True) == tags(path, reads_kernel=False)


@pytest.mark.parametrize("path", OBJECTS, ids=os.path.basename)
def test_no_descriptor_is_left(path: str):
    before = os.listdir("/proc/self/fd")
    with BpfObject(path, reads_kernel=True):
        pass
    with BpfObject(path, reads_kernel=True) as opened:
        tracing.load(opened, "a test")
    assert os.listdir("/proc/self/fd") == before
