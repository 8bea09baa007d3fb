"""The counters of a network namespace's TCP, as nstat shows them."""

from __future__ import annotations

import os

from sockfilter.closing import Closing
from sockfilter.errors import refused

FILES = ("/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat")
# bytes of one of the files: names and values of some hundreds of counters
FILE_BYTES_MAX = 1 << 16


class Netstat(Closing):
    """The counters of the network namespace that this thread is in at construction.

    Raises KernelUnsupported and TooManyOpenFiles if they cannot be read.
    """

    def __init__(self) -> None:
        self._fds: list[int] = []
        try:
            for path in FILES:
                self._fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.close()
            remedy = "mount procfs: mount -t proc proc /proc"
            raise refused(f"reading {path}", error.errno, error.strerror, remedy) from error

    def close(self) -> None:
        """Closes the files."""
        while self._fds:
            os.close(self._fds.pop())

    def read(self) -> dict[str, int]:
        """Returns the counters by nstat's names: TcpActiveOpens, TcpExtListenOverflows."""
        made: dict[str, int] = {}
        for fd in self._fds:
            # each protocol has a line of names and a line of values
            lines = os.pread(fd, FILE_BYTES_MAX, 0).decode("ascii", "replace").splitlines()
            for names, values in zip(lines[::2], lines[1::2], strict=False):
                prefix, _, rest = names.partition(":")
                if prefix in ("Tcp", "TcpExt"):
                    numbers = values.partition(":")[2].split()
                    made.update(
                        (f"{prefix}{name}", int(number)) for name, number in zip(rest.split(), numbers, strict=False)
                    )
        return made
