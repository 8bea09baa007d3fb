"""The members of a tree of processes, as the programs that follow one know them (bpf/lib/members.bpf.h)."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.libbpf.object import BpfObject

NAMESPACE = "/proc/self/ns/pid"
# the machine's own, PROC_PID_INIT_INO of include/linux/proc_ns.h
FIRST_NAMESPACE = 0xEFFFFFFC
# times that the tree is walked at the start: what forks meanwhile is found the next time, or by the program
WALKS_MAX = 10


class Members:
    """Processes, and all that they start.

    Args:
        opened: the object of a program that follows them, not yet loaded.
    """

    def __init__(self, opened: BpfObject) -> None:
        self._object = opened
        # only where the kernel numbers processes otherwise, it must be asked who somebody is here
        self.are_renumbered = os.stat(NAMESPACE).st_ino != FIRST_NAMESPACE
        self._where = "named" if self.are_renumbered else "members"
        found = os.stat(NAMESPACE)
        # as the kernel has it, dev_t; stat(2) gives another form
        device = os.major(found.st_dev) << 20 | os.minor(found.st_dev)
        self._ffi, _ = binding.load()
        config = self._ffi.new("struct sf_members_config *", {"pidns_dev": device, "pidns_ino": found.st_ino})
        opened.configure(bytes(self._ffi.buffer(config)), ".rodata.members")

    def add(self, roots: Iterable[int]) -> set[int]:
        """Names processes and what has come from them. Returns all of them.

        The programs are attached already: what these fork from now on, they see.
        """
        known: set[int] = set()
        for _ in range(WALKS_MAX):
            found = {number for root in roots for number in descendants(root)} - known
            if not found:
                break
            for number in found:
                self._object.put(self._where, self._ffi.new("__u32 *", number), self._ffi.new("__u8 *", 1))
            known |= found
        return known


def descendants(root: int) -> set[int]:
    """A process and all that come from it, of those that are there now."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # the name, in parentheses, may hold anything; behind it come the state and the parent
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))
    found, left = {root}, [root]
    while left:
        for child in children.get(left.pop(), ()):
            if child not in found:
                found.add(child)
                left.append(child)
    return found
