"""Tracepoints that programs are attached to by BTF, and enumerations of the running kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.errors import refused
from sockfilter.libbpf import binding
from sockfilter.libbpf.tracing import BTF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import ExitStack

    from sockfilter.libbpf.object import BpfObject

# bytes of an enumeration's names and values; that of drop reasons has 4 KB
ENUM_BYTES_MAX = 64 << 10


def find(names: Sequence[str], purpose: str) -> dict[str, int]:
    """Finds tracepoints. Call it before an object with programs for them is opened.

    Args:
        names: the tracepoints.
        purpose: what they are for; error messages contain it.

    Returns:
        For each name the number of the tracepoint's arguments; 0: this kernel has no such tracepoint.

    Raises:
        KernelUnsupported: the kernel has no BTF.
    """
    ffi, lib = binding.load()
    kept = [ffi.new("char[]", name.encode()) for name in names]
    arguments = ffi.new("__u32[]", len(kept))
    if lib.sf_tracepoints_find(ffi.new("char *[]", kept), arguments, len(kept)):
        raise refused(purpose, ffi.errno, f"the kernel has no {BTF} (CONFIG_DEBUG_INFO_BTF)")
    return dict(zip(names, ffi.unpack(arguments, len(kept)), strict=True))


def attach(opened: BpfObject, programs: Iterable[str], stack: ExitStack) -> None:
    """Attaches programs of sections tp_btf/NAME. The stack detaches them when it is closed.

    Raises:
        KernelUnsupported: the kernel refuses.
        TooManyOpenFiles: there is no descriptor for one.
    """
    ffi, lib = binding.load()
    for name in programs:
        fd = lib.bpf_raw_tracepoint_open(ffi.NULL, opened.program_fd(name))
        if fd < 0:
            words = binding.error_text(ffi, lib, fd)
            raise refused(f"attaching {name}", -fd, words, "this requires Linux 5.5 or newer")
        stack.callback(os.close, fd)


def enumeration(name: str) -> dict[int, str]:
    """Returns an enumeration of the running kernel, by value. Empty: this kernel has none of that name."""
    ffi, lib = binding.load()
    text = ffi.new("char[]", ENUM_BYTES_MAX)
    used = min(lib.sf_kernel_enum(name.encode(), text, ENUM_BYTES_MAX), ENUM_BYTES_MAX - 1)
    lines = bytes(ffi.buffer(text, used)).decode("ascii", "replace").splitlines()
    return {int(value): key for key, _, value in (line.partition(" ") for line in lines) if value.isdecimal()}
