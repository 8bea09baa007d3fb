"""BPF links: a program that is attached as long as a descriptor is open, and gone with the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from contextlib import ExitStack

# include/uapi/linux/bpf.h, enum bpf_attach_type
CGROUP_INET_INGRESS = 0
CGROUP_SOCK_OPS = 3
SK_MSG_VERDICT = 7
XDP = 37
TCX_INGRESS = 46
TCX_EGRESS = 47
# include/uapi/linux/if_link.h, flags of an XDP link; 0: native if the driver has it, otherwise generic
XDP_GENERIC = 1 << 1
XDP_NATIVE = 1 << 2


def create(program_fd: int, target: int, attach_type: int, flags: int = 0) -> int:
    """Attaches a program. Returns the link's descriptor, which the caller closes. Raises OSError.

    Args:
        program_fd: the program.
        target: an interface's index, or a descriptor of a control group.
        attach_type: one of the numbers above.
        flags: of an XDP link.
    """
    _, lib = binding.load()
    fd = int(lib.sf_link_create(program_fd, target, attach_type, flags))
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd))
    return fd


def attach(stack: ExitStack, program_fd: int, target: int, attach_type: int, flags: int = 0) -> None:
    """Attaches a program, as create(). The stack detaches it, also where a child of fork still holds the link."""
    stack.callback(_end, create(program_fd, target, attach_type, flags), os.getpid())


def _end(fd: int, process: int) -> None:
    """Closes a link. process: the one that made it; a child that closes its copy leaves the program attached."""
    _, lib = binding.load()
    if os.getpid() == process:
        lib.bpf_link_detach(fd)  # before Linux 5.9 the program stays until the last copy is closed
    os.close(fd)
