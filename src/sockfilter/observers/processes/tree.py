"""Finds the connections of a process and its descendants."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.libbpf import binding, tracing
from sockfilter.libbpf.object import OBJECTS, BpfObject
from sockfilter.system import sockets
from sockfilter.system.members import Members

if TYPE_CHECKING:
    from sockfilter.model import Connection, Endpoint

OBJECT = f"{OBJECTS}/tree.bpf.o"
PROGRAMS = ("tree_fork", "tree_gone", "tree_state")
# connections in the cache, as many as in the BPF program's map
ANSWERS_MAX = 65536


class Tree(Closing):
    """The TCP connections that a process or one of its descendants opened or accepted.

    Args:
        root: the PID of the process, in the PID namespace of this process.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF, or refuses raw tracepoints.
        ObjectError: the object is missing or damaged.
    """

    def __init__(self, root: int) -> None:
        self._ffi, self._lib = binding.load()
        self._answers: dict[Connection, bool] = {}
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT, reads_kernel=True))
            self._members = Members(self._object)
            tracing.load(self._object, "following a process tree")
            tracing.attach(self._object, PROGRAMS, stack)
            self._stack = stack.pop_all()
        try:
            self._find_members(root)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the programs. Answers that owns() has given stay valid."""
        self._stack.close()

    def owns(self, connection: Connection) -> bool:
        """Whether a connection belongs to the tree. Call it after the exchange has ended."""
        known = self._answers.get(connection)
        if known is None:
            known = self._look_up(connection.ends) or self._look_up(connection.ends[::-1])
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            self._answers[connection] = known
        return known

    def _find_members(self, root: int) -> None:
        """Adds the running members and their sockets. The program is attached already, and sees later forks."""
        known = self._members.add([root])
        for netns, here, there in sockets.of(known):
            if there is None:
                listener = self._ffi.new("struct sf_listener *", {"netns": netns, "port": here.port})
                self._object.put("listeners", listener, self._ffi.new("__u32 *", 1))
            else:
                self._object.put("pairs", self._pair(here, there), self._ffi.new("__u8 *", 1))

    def _look_up(self, ends: tuple[Endpoint, ...]) -> bool:
        here, there = ends
        fd = self._object.map_fd("pairs")
        return not self._lib.bpf_map_lookup_elem(fd, self._pair(here, there), self._ffi.new("__u8 *"))

    def _pair(self, here: Endpoint, there: Endpoint) -> Any:
        pair = self._ffi.new("struct sf_pair *")
        pair.local_addr, pair.peer_addr = _packed(here.ip), _packed(there.ip)
        pair.local_port, pair.peer_port = here.port, there.port
        return pair


def _packed(ip: str) -> bytes:
    """Packs an address into 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)."""
    return socket.inet_pton(socket.AF_INET6, ip if ":" in ip else f"::ffff:{ip}")
