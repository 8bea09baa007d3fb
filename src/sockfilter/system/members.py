"""The members of a process tree, in the maps of the programs that follow it (bpf/lib/members.bpf.h)."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.libbpf.object import BpfObject

NAMESPACE = "/proc/self/ns/pid"
# the initial PID namespace, PROC_PID_INIT_INO of include/linux/proc_ns.h
FIRST_NAMESPACE = 0xEFFFFFFC
# walks of the tree at the start; a process forked during a walk is found in the next walk, or by the program
WALKS_MAX = 10


class Members:
    """Processes and their descendants.

    Args:
        opened: the object of a program that follows processes. It must not be loaded yet.
    """

    def __init__(self, opened: BpfObject) -> None:
        self._object = opened
        # in another PID namespace, the program must translate the kernel's PIDs into those of the namespace
        self.are_renumbered = os.stat(NAMESPACE).st_ino != FIRST_NAMESPACE
        self._where = "named" if self.are_renumbered else "members"
        found = os.stat(NAMESPACE)
        # the kernel's internal dev_t, which differs from the st_dev of stat(2)
        device = os.major(found.st_dev) << 20 | os.minor(found.st_dev)
        self._ffi, _ = binding.load()
        config = self._ffi.new("struct sf_members_config *", {"pidns_dev": device, "pidns_ino": found.st_ino})
        opened.configure(bytes(self._ffi.buffer(config)), ".rodata.members")

    def add(self, roots: Iterable[int]) -> set[int]:
        """Adds processes and their descendants. Returns all of them.

        The programs must be attached already, so that they see later forks.
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
    """Returns a process and its running descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # the name, in parentheses, may contain any character; the state and the parent's PID follow it
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
