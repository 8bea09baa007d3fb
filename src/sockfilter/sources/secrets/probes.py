"""Probes on the functions that get the secrets of TLS handshakes: it attaches them, for all processes."""

from __future__ import annotations

import os
import platform
from contextlib import ExitStack, suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability, refused
from sockfilter.libbpf import binding
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.system import rights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.sources.secrets.finding import SearchResult

OBJECT = f"{OBJECTS}/secrets.bpf.o"
PROGRAMS = {
    "x86_64": ("secret_x86_64", "secret_go_x86_64", "object_x86_64"),
    "aarch64": ("secret_aarch64", "secret_go_aarch64", "object_aarch64"),
}
# the last of them
OBJECT_PROGRAM = 2
# Labels by distance that the program's map takes.
DISTANCES_MAX = 4096
# Probes that are detached at the same time. For each the kernel waits until no program runs any more, some 25 ms; those
# that wait together wait once.
DETACHERS = 64


class Scope(NamedTuple):
    """Scope secrets are taken: of one process by its PID, of one user by number. None: of all."""

    pid: int | None = None
    uid: int | None = None


EVERYBODY = Scope()


def check() -> None:
    """Raises MissingCapability or KernelUnsupported if this process cannot attach probes."""
    machine = platform.machine()
    if machine not in PROGRAMS:
        raise KernelUnsupported(f"probes for TLS are not possible on {machine}; a key log is: --keylog FILE")
    lacks = rights.missing_for_processes()
    if lacks:
        raise MissingCapability(
            f"probes for TLS: {' and '.join(lacks)} missing; they require CAP_BPF and CAP_PERFMON, or sudo;"
            " a key log requires neither: --keylog FILE"
        )


class Probes(Closing):
    """The program, and its links to functions. Closing it, or the end of this process, detaches all of them.

    Args:
        whose: whose secrets are taken.

    Attributes:
        copies_objects: whether the kernel can copy the objects of connections that are open.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no such probes, or this machine's registers are not known.
        ObjectError: the object is missing or damaged.
    """

    def __init__(self, whose: Scope = EVERYBODY) -> None:
        check()
        self._ffi, self._lib = binding.load()
        self._distances: dict[int, int] = {}
        # perf events take CAP_SYS_ADMIN, and such links do not
        self._has_links = bool(self._lib.sf_uprobe_multi_supported())
        self._names = PROGRAMS[platform.machine()]
        self.copies_objects = bool(self._lib.sf_loop_supported())
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT))
            self._configure(whose)
            for names in PROGRAMS.values():
                for name in names:
                    program = self._object.program(name)
                    is_left_out = name == self._names[OBJECT_PROGRAM] and not self.copies_objects
                    self._lib.bpf_program__set_autoload(program, name in self._names and not is_left_out)
                    if self._has_links:
                        self._lib.sf_uprobe_multi_expect(program)
            self._object.load()
            size = self._ffi.sizeof("struct sf_secret_counts")
            self._counts = stack.enter_context(self._object.mapped(".bss", size))
            self._links: list[Callable[[], object]] = []  # what detaches each
            self._object_links: list[Callable[[], object]] = []
            stack.callback(_detach, self._links)
            stack.callback(_detach, self._object_links)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Detaches the probes, and closes the program. The ring stays with those who have its descriptor."""
        self._stack.close()

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """The descriptors of the ring of secrets, of the counters, and of the ring of copies. They are valid as long as
        this."""
        return self._object.map_fd("secrets"), self._object.map_fd(".bss"), self._object.map_fd("memories")

    @property
    def needs_admin(self) -> bool:
        """Whether attaching takes CAP_SYS_ADMIN, as it does before Linux 6.6."""
        return not self._has_links

    def copies(self) -> tuple[int, int]:
        """The calls that send or receive, while they are probed, and of how many of them an object was new."""
        with self._ffi.from_buffer("struct sf_secret_counts *", self._counts) as counts:
            return counts.calls, counts.copied + counts.uncopied

    def attach(self, fd: int, found: SearchResult) -> None:
        """Attaches to the functions of a file, in all processes that use it.

        Args:
            fd: the file, opened for reading.
            found: its functions.

        Raises:
            MissingCapability: this kernel's probes require CAP_SYS_ADMIN, which is missing.
            KernelUnsupported: the kernel refuses.
        """
        name = self._names[found.is_go]
        for function in found.functions:
            self._note(function.distances)
            self._link(name, f"/proc/self/fd/{fd}", (function.offset,), self._links)

    def attach_calls(self, fd: int, found: SearchResult) -> None:
        """Attaches to what sends and receives on connections, in all processes that use a file, until detach_calls().

        Raises the errors of attach().

        Args:
            fd: the file, opened for reading.
            found: its functions.
        """
        self._link(self._names[OBJECT_PROGRAM], f"/proc/self/fd/{fd}", found.calls, self._object_links)

    def detach_calls(self) -> None:
        """Ends attach_calls(), for all files."""
        _detach(self._object_links)

    def _configure(self, whose: Scope) -> None:
        config = self._ffi.new("struct sf_secrets_config *")
        here = os.stat("/proc/self/ns/pid")
        config.pidns_dev, config.pidns_ino = here.st_dev, here.st_ino
        config.tgid = whose.pid or 0
        if whose.uid is not None:
            config.has_uid, config.uid = 1, whose.uid
        self._object.configure(bytes(self._ffi.buffer(config)))

    def _note(self, distances: tuple[tuple[int, int], ...]) -> None:
        for distance, label in distances:
            if len(self._distances) >= DISTANCES_MAX:
                return
            known = self._distances.setdefault(distance, label)
            # two files that disagree: such a label has to be read
            value = label if known == label else 0
            key = self._ffi.new("__u64 *", distance & (1 << 64) - 1)
            self._object.put("distances", key, self._ffi.new("__u32 *", value))

    def _link(self, name: str, path: str, offsets: Sequence[int], links: list[Callable[[], object]]) -> None:
        program = self._object.program(name)
        if self._has_links:
            places = self._ffi.new("__u64[]", list(offsets))
            link = self._lib.sf_uprobe_multi(self._lib.bpf_program__fd(program), path.encode(), places, len(offsets))
            if link >= 0:
                links.append(partial(os.close, link))
                return
            raise refused("attaching a probe", self._ffi.errno, os.strerror(self._ffi.errno))
        for offset in offsets:
            self._link_by_event(program, path, offset, links)

    def _link_by_event(self, program: Any, path: str, offset: int, links: list[Callable[[], object]]) -> None:
        made: Any = self._lib.bpf_program__attach_uprobe(program, False, -1, path.encode(), offset)
        if made:
            links.append(partial(self._lib.bpf_link__destroy, made))
            return
        number = self._ffi.errno
        if not rights.effective() >> rights.CAP_SYS_ADMIN & 1:
            raise MissingCapability("attaching a probe: before Linux 6.6 it requires CAP_SYS_ADMIN; use sudo")
        raise refused("attaching a probe", number, binding.error_text(self._ffi, self._lib, number))


def _detach(links: list[Callable[[], object]]) -> None:
    """Detaches probes, many at the same time."""

    def detach_some() -> None:
        while links:
            with suppress(IndexError):  # another thread has taken the last one
                links.pop()()

    started = []
    with suppress(RuntimeError):  # there is no room for so many threads
        for _ in range(min(len(links), DETACHERS) - 1):
            thread = Thread(target=detach_some)
            thread.start()
            started.append(thread)
    detach_some()
    for thread in started:
        thread.join()
