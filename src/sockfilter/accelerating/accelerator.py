"""Moves bytes between sockets of a control group past TCP, or only counts the connections that would qualify."""

from __future__ import annotations

import os
from contextlib import ExitStack
from struct import Struct
from typing import NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError, refused
from sockfilter.libbpf import binding, links, tracepoints, tracing
from sockfilter.libbpf.object import OBJECTS, BpfObject

OBJECT = f"{OBJECTS}/accelerate.bpf.o"
PROGRAMS = NOTE, REDIRECT, TAKEN, SPLICE = (
    *("accelerate_note", "accelerate_redirect"),
    *("accelerate_taken", "accelerate_splice"),
)
# says how many bytes a process has taken from a socket; Linux 6.3
READS = "sock_recv_length"
# each system call, when it begins
CALLS = "sys_enter"
PURPOSE = "accelerating local connections"


class AccelerateCounts(NamedTuple):
    """What has been counted.

    Attributes:
        connections: both ends are in the control group.
        tcp_bytes: bytes that ends of these received by TCP, of those that are closed.
        messages: calls whose bytes went past TCP.
        redirected_bytes: bytes that went past TCP.
        left: directions that went back to TCP.
        splices: calls of splice(2) that read from a TCP socket, by processes of the control group.
    """

    connections: int
    tcp_bytes: int
    messages: int
    redirected_bytes: int
    left: int
    splices: int


class Splicer(NamedTuple):
    """A process that read from TCP sockets by splice(2).

    Attributes:
        pid: its number.
        name: its name, which the kernel cuts at 15 bytes.
        calls: how many calls it made.
    """

    pid: int
    name: str
    calls: int


class Accelerator(Closing):
    """Accelerates connections that are opened from now on, until it is closed or the process ends in any way.

    Args:
        group: the folder of the control group. Both ends of a connection must be sockets of its processes.
        dry_run: only count the connections that would qualify, and touch no socket.
        splices_fall_back: whether a call of splice(2) on a socket by the group sends all directions back to TCP.

    Raises:
        MissingCapability: CAP_BPF, CAP_NET_ADMIN or CAP_PERFMON is missing.
        KernelUnsupported: the kernel cannot do it.
    """

    def __init__(self, group: str, *, dry_run: bool = False, splices_fall_back: bool = True) -> None:
        self._ffi, self._lib = binding.load()
        self._layout = Struct(f"={self._lib.SF_ACCELERATE_COUNTERS}Q")
        chosen = [NOTE] if dry_run else [NOTE, REDIRECT]
        if splices_fall_back:
            chosen.append(SPLICE)
        found = tracepoints.find([READS, CALLS], PURPOSE)
        if not dry_run and found[READS]:
            chosen.append(TAKEN)
        with ExitStack() as stack:
            opened = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            opened.choose(PROGRAMS, *chosen)
            config = self._ffi.new("struct sf_accelerate_config *", [os.stat(group).st_ino, dry_run])
            opened.configure(bytes(self._ffi.buffer(config)))
            try:
                tracing.load(opened, PURPOSE)
            except ObjectError as error:
                raise KernelUnsupported(f"{PURPOSE}: {error}") from error
            self._counters = stack.enter_context(opened.mapped("counters", self._layout.size))
            self._splicers_fd = opened.map_fd("splicers")
            tracepoints.attach(opened, [name for name in (TAKEN, SPLICE) if name in chosen], stack)
            self._attach(opened, group, dry_run, stack)
            self._stack = stack.pop_all()

    @property
    def counts(self) -> AccelerateCounts:
        """What has been counted so far. Reading it takes no system call."""
        return AccelerateCounts(*self._layout.unpack_from(self._counters))

    @property
    def splicers(self) -> list[Splicer]:
        """The processes of the control group that read from TCP sockets by splice(2); before close()."""
        ffi, lib = self._ffi, self._lib
        key, value, before = ffi.new("__u32 *"), ffi.new("struct sf_splicer *"), ffi.NULL
        found: list[Splicer] = []
        while len(found) < lib.SF_ACCELERATE_SPLICERS and not lib.bpf_map_get_next_key(self._splicers_fd, before, key):
            if not lib.bpf_map_lookup_elem(self._splicers_fd, key, value):
                name = ffi.string(value.comm).decode("utf-8", "replace")
                found.append(Splicer(key[0], name, value.calls))
            before = key
        return found

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
            links.attach(stack, opened.program_fd(NOTE), folder, links.CGROUP_SOCK_OPS)
        except PermissionError as error:
            raise MissingCapability(f"{PURPOSE}: {error.strerror}: it requires CAP_NET_ADMIN, or sudo") from error
        except OSError as error:
            raise refused(f"{PURPOSE} in {group}", error.errno, error.strerror) from error
        finally:
            os.close(folder)
