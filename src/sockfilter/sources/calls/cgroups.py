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
    raise KernelUnsupported(f"looking for the control groups: cgroup v2 is not mounted; {_remedy()}")


def _remedy() -> str:
    """What to do where cgroup v2 is not mounted."""
    with suppress(OSError), open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            device, point, kind = line.split()[:3]
            # ip-netns(8) mounts another sysfs, without what is mounted below it, and calls it like the namespace
            if (point, kind) == ("/sys", "sysfs") and device not in ("sysfs", "none"):
                return (
                    f"ip netns exec {device} hides it: run sockfilter outside of it, where control groups"
                    " and system calls of all network namespaces can be seen"
                )
    return "mount it: mount -t cgroup2 none DIRECTORY"


def number_and_level(name: str) -> tuple[int, int]:
    """Returns the inode number of a cgroup, and its depth below the root.

    Args:
        name: a path, absolute or relative to the mount point; or a container's id or the start of one.

    Raises:
        InvalidArgument: no cgroup matches, or several do.
        KernelUnsupported: cgroup v2 is not mounted.
    """
    path = folder_of(name)
    relative = os.path.relpath(path, root())
    return os.stat(path).st_ino, 0 if relative == "." else relative.count("/") + 1


def folder_of(name: str) -> str:
    """Returns the path of a cgroup. Arguments and errors: see number_and_level()."""
    top = root()
    inside = name[len(top) :] if name.startswith(f"{top}/") else name
    path = os.path.join(top, inside.strip("/"))
    if os.path.isdir(path):
        return path
    if _is_of_version_1(name):
        raise InvalidArgument(
            f"{name!r} is a control group of version 1, which BPF does not know; give a path below {top}"
        )
    return _container(top, name)


def numbers_below(name: str) -> set[int]:
    """Returns the inode numbers of a cgroup and of all below it. name and exceptions: as for number_and_level()."""
    made = set()
    for path in _folders(folder_of(name)):
        with suppress(OSError):  # it has gone
            made.add(os.stat(path).st_ino)
    return made


def _is_of_version_1(name: str) -> bool:
    return os.path.isabs(name) and os.path.isdir(name) and os.path.exists(os.path.join(name, "cgroup.clone_children"))


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
