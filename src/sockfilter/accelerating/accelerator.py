"""Moves bytes between sockets of a control group past TCP, or only counts the connections that would qualify."""

from __future__ import annotations

import os
from contextlib import ExitStack
from struct import Struct
from typing import NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError
from sockfilter.libbpf import binding, links, tracepoints, tracing
from sockfilter.libbpf.object import OBJECTS, BpfObject

OBJECT = f"{OBJECTS}/accelerate.bpf.o"
PROGRAMS = NOTE, REDIRECT, TAKEN = "accelerate_note", "accelerate_redirect", "accelerate_taken"
# says how many bytes a process has taken from a socket; Linux 6.3
READS = "sock_recv_length"
PURPOSE = "accelerating local connections"


class AccelerateCounts(NamedTuple):
    """What has been counted.

    Attributes:
        connections: both ends are in the control group.
        tcp_bytes: bytes that ends of these received by TCP, of those that are closed.
        messages: calls whose bytes went past TCP.
        redirected_bytes: bytes that went past TCP.
        left: directions that went back to TCP.
    """

    connections: int
    tcp_bytes: int
    messages: int
    redirected_bytes: int
    left: int


class Accelerator(Closing):
    """Accelerates connections that are opened from now on, until it is closed or the process ends in any way.

    Args:
        group: the folder of the control group. Both ends of a connection must be sockets of its processes.
        dry_run: only count the connections that would qualify, and touch no socket.

    Raises:
        MissingCapability: CAP_BPF, CAP_NET_ADMIN or CAP_PERFMON is missing.
        KernelUnsupported: the kernel cannot do it.
    """

    def __init__(self, group: str, *, dry_run: bool = False) -> None:
        self._ffi, self._lib = binding.load()
        self._layout = Struct(f"={self._lib.SF_ACCELERATE_COUNTERS}Q")
        chosen = [NOTE] if dry_run else [NOTE, REDIRECT]
        if not dry_run and tracepoints.find([READS], PURPOSE)[READS]:
            chosen.append(TAKEN)
        with ExitStack() as stack:
            opened = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            opened.choose(PROGRAMS, *chosen)
            opened.configure(bytes(self._ffi.buffer(self._ffi.new("struct sf_accelerate_config *", [dry_run]))))
            try:
                tracing.load(opened, PURPOSE)
            except ObjectError as error:
                raise KernelUnsupported(f"{PURPOSE}: {error}") from error
            self._counters = stack.enter_context(opened.mapped("counters", self._layout.size))
            if TAKEN in chosen:
                tracepoints.attach(opened, [TAKEN], stack)
            self._attach(opened, group, dry_run, stack)
            self._stack = stack.pop_all()

    @property
    def counts(self) -> AccelerateCounts:
        """What has been counted so far. Reading it takes no system call."""
        return AccelerateCounts(*self._layout.unpack_from(self._counters))

    def close(self) -> None:
        """Ends it. New connections are TCP's; those that are open stay as they are while their sockets live."""
        self._stack.close()

    def _attach(self, opened: BpfObject, group: str, dry_run: bool, stack: ExitStack) -> None:
        folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not dry_run:
                program, sockets = opened.program_fd(REDIRECT), opened.map_fd("sockets")
                number = self._lib.bpf_prog_attach(program, sockets, links.SK_MSG_VERDICT, 0)
                if number:
                    raise OSError(-number, os.strerror(-number))
            link = links.create(opened.program_fd(NOTE), folder, links.CGROUP_SOCK_OPS)
        except PermissionError as error:
            raise MissingCapability(f"{PURPOSE}: {error.strerror}: it requires CAP_NET_ADMIN, or sudo") from error
        except OSError as error:
            raise KernelUnsupported(f"{PURPOSE} in {group}: {error.strerror}") from error
        finally:
            os.close(folder)
        stack.callback(os.close, link)
