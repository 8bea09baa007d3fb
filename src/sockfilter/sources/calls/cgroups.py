"""Finds a control group (cgroup v2) and its number."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument, KernelUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

# hexadecimal digits at the start of a container's id; container tools show this many
ID_DIGITS_MIN = 12


def root() -> str:
    """Returns the mount point of cgroup v2. Raises KernelUnsupported if it is not mounted."""
    with suppress(OSError), open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            # device, mount point, type
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    raise KernelUnsupported(
        "looking for the control groups: cgroup v2 is not mounted here; run sockfilter outside of ip netns exec, which"
        " hides it (system calls are seen in every namespace), or mount it: mount -t cgroup2 none /sys/fs/cgroup"
    )


def number_and_level(name: str) -> tuple[int, int]:
    """Returns the inode number of a cgroup, and its depth below the root.

    Args:
        name: a path, absolute or relative to the mount point; or a container's id or the start of one.

    Raises:
        InvalidArgument: no cgroup matches, or several do.
        KernelUnsupported: cgroup v2 is not mounted.
    """
    top = root()
    inside = name[len(top) :] if name.startswith(f"{top}/") else name
    path = os.path.join(top, inside.strip("/"))
    if not os.path.isdir(path):
        path = _container(top, name)
    relative = os.path.relpath(path, top)
    return os.stat(path).st_ino, 0 if relative == "." else relative.count("/") + 1


def _container(top: str, name: str) -> str:
    digits = name.lower()
    found = []
    if len(digits) >= ID_DIGITS_MIN and not digits.strip("0123456789abcdef"):
        found = [path for path in _folders(top) if digits in os.path.basename(path)]
    if len(found) == 1:
        return found[0]
    several = f"{len(found)} cgroups have this in their names" if found else "there is no such cgroup or container"
    raise InvalidArgument(
        f"{name!r}: {several}; give a path below {top}, or {ID_DIGITS_MIN} digits or more of a container's id"
    )


def _folders(top: str) -> Iterator[str]:
    for path, _, _ in os.walk(top):
        yield path
