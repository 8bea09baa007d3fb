"""A second barrier after giving up rights: it limits a process that malicious input has taken over.

Landlock (landlock(7), Linux 5.13 and newer) denies access to files, programs and TCP, and in newer versions to other
processes. A seccomp filter denies system calls that a sniffer never makes.
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
REMOVE_FILE, MAKE_DIR = 1 << 5, 1 << 7
# The number of these rights in each version (ABI), and the versions that add LANDLOCK_ACCESS_NET_* and
# LANDLOCK_SCOPE_*.
FS_RIGHTS = ((5, 16), (3, 15), (2, 14), (1, 13))
NET_SINCE, SCOPE_SINCE = 4, 6
NET_RIGHTS = 0b11  # TCP: bind, connect
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 0b01, 0b10
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | MAKE_REG | TRUNCATE
# In a dataset, files get their names when they are whole, and dates are directories.
WRITE_DATASET = WRITE | READ | REMOVE_FILE | MAKE_DIR
FILE_RIGHTS = WRITE_FILE | READ_FILE | TRUNCATE

# Names of processes; of hosts, users and groups; time zones, which the C library reads again when they change.
READABLE = (
    *("/proc", "/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group"),
    *("/etc/localtime", "/usr/share/zoneinfo"),
)
# Shared libraries of modules that are imported late.
LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
# Files about interfaces, for hints.
DEVICES = ("/sys/class/net", "/sys/devices")


def enter(
    folders: Iterable[str],
    *,
    has_command: bool,
    reads_code: bool,
    hints: bool,
    followed: Iterable[str] = (),
    datasets: Iterable[str] = (),
    serves: bool = False,
    connects: bool = False,
) -> None:
    """Confines this thread for good, as far as the kernel supports it. Call it after giving up rights.

    Args:
        folders: the folders in which files will be written later.
        has_command: the process must pass signals on to a command that it has started.
        reads_code: modules may still be imported.
        hints: the process may look at interfaces.
        followed: the folders of files that are followed, and may be replaced.
        datasets: the folders in which datasets are written.
        serves: the process accepts connections on a socket that listens already.
        connects: the process opens connections; only its access to files and to other processes is confined.
    """
    _, lib = binding.load()
    readable = [*READABLE, *(DEVICES if hints else ()), *followed]
    if reads_code:
        readable += [*LIBRARIES, *privileges.code()]
    with suppress(OSError):
        scope = SCOPE_ABSTRACT_UNIX | (0 if has_command else SCOPE_SIGNAL)
        _enter_landlock(readable, folders, datasets, scope, 0 if connects else NET_RIGHTS)
    if not connects:
        lib.sf_seccomp_enter(serves)


def abi() -> int:
    """Returns the kernel's Landlock version (ABI). 0: no Landlock."""
    return max(0, int(binding.load()[1].sf_landlock_abi()))


def words() -> str:
    """Describes the kernel's support for people."""
    version = abi()
    return f"Landlock ABI {version}" if version else "no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=landlock)"


def _enter_landlock(
    readable: Iterable[str], folders: Iterable[str], datasets: Iterable[str], scope: int, denied_net: int
) -> None:
    ffi, lib = binding.load()
    version = abi()
    count = next((count for since, count in FS_RIGHTS if version >= since), 0)
    if not count:
        return
    known = (1 << count) - 1
    net = denied_net if version >= NET_SINCE else 0
    rules = lib.sf_landlock_rules(known, net, scope if version >= SCOPE_SINCE else 0)
    if rules < 0:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    try:
        for path in readable:
            _allow(rules, path, READ)
        for path in folders:
            _allow(rules, path, WRITE & known)
        for path in datasets:
            _allow(rules, path, WRITE_DATASET & known)
        # /dev/null replaces standard output after it has failed.
        _allow(rules, os.devnull, WRITE_FILE)
        if lib.sf_landlock_enter(rules):
            raise OSError(ffi.errno, os.strerror(ffi.errno))
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    """Adds a rule for a path. A path that does not exist needs no rule."""
    with suppress(OSError):
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            binding.load()[1].sf_landlock_allow(rules, fd, rights if os.path.isdir(path) else rights & FILE_RIGHTS)
        finally:
            os.close(fd)
