"""Loads programs for raw tracepoints, and attaches them until an ExitStack is closed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError, refused
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from sockfilter.libbpf.object import BpfObject

# describes the kernel's internal structs; an object that reads them cannot be loaded without it
BTF = "/sys/kernel/btf/vmlinux"


def load(opened: BpfObject, purpose: str) -> None:
    """Loads an object.

    Args:
        opened: the object, configured.
        purpose: what the object is for; error messages contain it.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF.
        ObjectError: the object is damaged, or the verifier refused it.
    """
    try:
        opened.load()
    except MissingCapability as error:
        raise MissingCapability(f"{error}: {purpose} requires CAP_BPF and CAP_PERFMON, or sudo") from error
    except ObjectError as error:
        if not os.path.exists(BTF):
            raise KernelUnsupported(f"{purpose}: the kernel has no {BTF} (CONFIG_DEBUG_INFO_BTF)") from error
        raise


def attach(opened: BpfObject, programs: Iterable[str], stack: ExitStack) -> None:
    """Attaches programs. The stack detaches them when it is closed.

    Raises:
        MissingCapability: CAP_PERFMON is missing.
        KernelUnsupported: the kernel refuses.
        TooManyOpenFiles: there is no descriptor for one.
    """
    ffi, lib = binding.load()
    for name in programs:
        link = lib.bpf_program__attach(opened.program(name))
        if not link:
            number = ffi.errno
            words = binding.error_text(ffi, lib, number)
            raise refused(f"attaching {name}", number, words, "raw tracepoints require Linux 4.17 or newer")
        stack.callback(lib.bpf_link__destroy, link)
