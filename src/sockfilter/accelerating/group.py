"""A control group of this process's own, which is removed when the process has ended, however it ends."""

from __future__ import annotations

import os
import resource
import signal
import time
from contextlib import suppress
from itertools import count

from sockfilter.closing import Closing
from sockfilter.errors import KernelUnsupported, MissingCapability
from sockfilter.sources.calls.cgroups import root

# A group cannot be removed while a process in it is ending: this many attempts, with seconds between them.
REMOVALS_MAX, BETWEEN_S = 50, 0.02

_numbers = count(1)


class OwnGroup(Closing):
    """A control group below the root of cgroup v2.

    A process that was forked before removes it when this process closes it or ends. Processes that are left in the
    group then go back to the root group.

    Attributes:
        path: its folder.

    Raises:
        KernelUnsupported: cgroup v2 is not mounted, or gives no group.
        MissingCapability: this process may not make a group.
    """

    def __init__(self) -> None:
        top = root()
        self.path = os.path.join(top, f"sockfilter-{os.getpid()}-{next(_numbers)}")
        try:
            os.mkdir(self.path)
        except PermissionError as error:
            raise MissingCapability(f"making a control group below {top}: {error.strerror}; use sudo") from error
        except OSError as error:
            raise KernelUnsupported(f"making a control group below {top}: {error.strerror}") from error
        read, self._held = os.pipe()
        self._keeper = os.fork()
        if not self._keeper:
            try:
                _keep(self.path, top, read)
            finally:
                os._exit(0)
        os.close(read)

    def add(self, pid: int) -> None:
        """Moves a process into the group. Raises KernelUnsupported."""
        try:
            _move(pid, self.path)
        except OSError as error:
            raise KernelUnsupported(f"moving a process into {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Removes the group. May be called again."""
        if self._keeper:
            os.close(self._held)
            with suppress(ChildProcessError):
                os.waitpid(self._keeper, 0)
        self._keeper = 0


def _move(pid: int, path: str) -> None:
    with open(os.path.join(path, "cgroup.procs"), "w") as file:
        file.write(str(pid))


def _keep(path: str, top: str, held: int) -> None:
    """Waits for the end of the process that has the other end of the pipe, and removes the group."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    os.closerange(0, held)
    os.closerange(held + 1, min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20))
    os.read(held, 1)
    for _ in range(REMOVALS_MAX):
        with suppress(OSError):
            with open(os.path.join(path, "cgroup.procs")) as file:
                left = file.read().split()
            for pid in left:
                with suppress(OSError):
                    _move(int(pid), top)
            os.rmdir(path)
            return
        time.sleep(BETWEEN_S)
