"""Which connections belong to a process and all that it starts."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError
from sockfilter.libbpf import binding
from sockfilter.libbpf.object import BpfObject
from sockfilter.sources import namespace, sockets

if TYPE_CHECKING:
    from types import TracebackType

    from sockfilter.model import Connection, Endpoint

OBJECT = Path(__file__).resolve().parent.parent / "objects/tree.bpf.o"
PROGRAMS = ("tree_fork", "tree_free", "tree_state")
# connections whose answer is remembered here; as many as the program remembers
ANSWERS_MAX = 65536
# times that the tree is walked at the start: what forks meanwhile is found the next time, or by the program
WALKS_MAX = 10


class Tree:
    """The TCP connections that a process, or one that it or they started, opened or accepted.

    Args:
        root: the process, by the number that this process knows it by.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is not there.
        KernelUnsupported: the kernel has no BTF, or refuses raw tracepoints.
        ObjectError: the object is missing or damaged.
    """

    def __init__(self, root: int) -> None:
        self._ffi, self._lib = binding.load()
        self._answers: dict[Connection, bool] = {}
        with ExitStack() as stack:
            self._object = stack.enter_context(BpfObject(OBJECT))
            self._object.configure(self._config())
            try:
                self._object.load()
            except MissingCapability as error:
                raise MissingCapability(f"{error}: it takes CAP_BPF and CAP_PERFMON, or sudo") from error
            except ObjectError as error:
                if not os.path.exists("/sys/kernel/btf/vmlinux"):
                    raise KernelUnsupported(
                        "following a process tree: the kernel has no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)"
                    ) from error
                raise
            for name in PROGRAMS:
                stack.callback(self._lib.bpf_link__destroy, self._attached(name))
            self._stack = stack.pop_all()
        try:
            self._find_members(root)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the programs back to the kernel; what owns() has answered stays so."""
        self._stack.close()

    def owns(self, connection: Connection) -> bool:
        """Whether a connection is one of the tree's. To be asked once its exchange has ended."""
        known = self._answers.get(connection)
        if known is None:
            known = self._look_up(connection.ends) or self._look_up(connection.ends[::-1])
            if len(self._answers) >= ANSWERS_MAX:
                self._answers.clear()
            self._answers[connection] = known
        return known

    def _config(self) -> bytes:
        config = self._ffi.new("struct sf_tree_config *")
        found = os.stat("/proc/self/ns/pid")
        # as the kernel has it, dev_t; stat(2) gives another form
        config.pidns_dev = os.major(found.st_dev) << 20 | os.minor(found.st_dev)
        config.pidns_ino = found.st_ino
        return bytes(self._ffi.buffer(config))

    def _attached(self, name: str) -> Any:
        link = self._lib.bpf_program__attach(self._object.program(name))
        if not link:
            words = binding.error_text(self._ffi, self._lib, self._ffi.errno)
            raise KernelUnsupported(f"attaching {name}: {words}; the kernel must know raw tracepoints: Linux 4.17")
        return link

    def _find_members(self, root: int) -> None:
        """Names those that are there. The program is attached already: what they fork from now on, it sees."""
        known: set[int] = set()
        for _ in range(WALKS_MAX):
            found = descendants(root) - known
            if not found:
                break
            for number in found:
                self._update("named", self._ffi.new("__u32 *", number), self._ffi.new("__u8 *", 1))
            known |= found
        netns = namespace.number()
        for here, there in sockets.of(known):
            if there is None:
                listener = self._ffi.new("struct sf_listener *", {"netns": netns, "port": here.port})
                self._update("listeners", listener, self._ffi.new("__u32 *", 1))
            else:
                self._update("pairs", self._pair(here, there), self._ffi.new("__u8 *", 1))

    def _update(self, name: str, key: Any, value: Any) -> None:
        self._lib.bpf_map_update_elem(self._object.map_fd(name), key, value, 0)

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
    """IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)."""
    return socket.inet_pton(socket.AF_INET6, ip if ":" in ip else f"::ffff:{ip}")


def descendants(root: int) -> set[int]:
    """A process and all that come from it, of those that are there now."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # the name, in parentheses, may hold anything; behind it come the state and the parent
                parent = int(Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))
    found, left = {root}, [root]
    while left:
        for child in children.get(left.pop(), ()):
            if child not in found:
                found.add(child)
                left.append(child)
    return found
