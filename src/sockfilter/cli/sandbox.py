"""A second wall, behind the loss of rights: what a process that was taken over by what it reads could still do.

Landlock (landlock(7), Linux 5.13 and newer) keeps it from files, programs, TCP and, later, other processes; a seccomp
filter from system calls that a sniffer never makes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.cli import privileges
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterable

# include/uapi/linux/landlock.h: LANDLOCK_ACCESS_FS_*
WRITE_FILE, READ_FILE, READ_DIR, MAKE_REG, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 8, 1 << 14
# how many of these a version (ABI) has, and of LANDLOCK_ACCESS_NET_* and LANDLOCK_SCOPE_*
FS_RIGHTS = ((5, 16), (3, 15), (2, 14), (1, 13))
NET_SINCE, SCOPE_SINCE = 4, 6
NET_RIGHTS = 0b11  # TCP: bind, connect
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 0b01, 0b10
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | MAKE_REG | TRUNCATE
FILE_RIGHTS = WRITE_FILE | READ_FILE | TRUNCATE

# names of processes; of hosts, users and groups; times, which the C library reads anew when they change
READABLE = (
    *("/proc", "/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group"),
    *("/etc/localtime", "/usr/share/zoneinfo"),
)
# shared libraries of modules that are imported late
LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
# of interfaces, for hints
DEVICES = ("/sys/class/net", "/sys/devices")


def enter(folders: Iterable[str], *, has_command: bool, reads_code: bool, hints: bool) -> None:
    """Confines this thread, for good, as far as the kernel can: it has given up its rights before.

    Args:
        folders: where files are still to be written.
        has_command: it is to pass signals on to a command that it has started.
        reads_code: what has not been imported so far may be.
        hints: interfaces may be looked at.
    """
    _, lib = binding.load()
    readable = [*READABLE, *(DEVICES if hints else ())]
    if reads_code:
        readable += [*LIBRARIES, *privileges.code()]
    with suppress(OSError):
        _enter_landlock(readable, folders, SCOPE_ABSTRACT_UNIX | (0 if has_command else SCOPE_SIGNAL))
    lib.sf_seccomp_enter()


def abi() -> int:
    """Which Landlock the kernel has; 0: none."""
    return max(0, int(binding.load()[1].sf_landlock_abi()))


def words() -> str:
    """What of it there is, for people."""
    version = abi()
    return f"Landlock ABI {version}" if version else "no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=landlock)"


def _enter_landlock(readable: Iterable[str], folders: Iterable[str], scope: int) -> None:
    ffi, lib = binding.load()
    version = abi()
    count = next((count for since, count in FS_RIGHTS if version >= since), 0)
    if not count:
        return
    known = (1 << count) - 1
    net = NET_RIGHTS if version >= NET_SINCE else 0
    rules = lib.sf_landlock_rules(known, net, scope if version >= SCOPE_SINCE else 0)
    if rules < 0:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    try:
        for path in readable:
            _allow(rules, path, READ)
        for path in folders:
            _allow(rules, path, WRITE & known)
        # in the place of standard output, where that has failed
        _allow(rules, os.devnull, WRITE_FILE)
        if lib.sf_landlock_enter(rules):
            raise OSError(ffi.errno, os.strerror(ffi.errno))
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    """What is not there needs no rule."""
    with suppress(OSError):
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            binding.load()[1].sf_landlock_allow(rules, fd, rights if os.path.isdir(path) else rights & FILE_RIGHTS)
        finally:
            os.close(fd)
