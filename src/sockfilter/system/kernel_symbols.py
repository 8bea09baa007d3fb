"""Names of functions in the kernel's code, from /proc/kallsyms."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right

from sockfilter.closing import Closing

PATH = "/proc/kallsyms"
# bytes of the file that are kept: a kernel with all its modules has 10 MB
FILE_BYTES_MAX = 32 << 20
READ_BYTES = 1 << 20
# kinds of symbols that are code (nm(1))
CODE = b"tTwW"
# bytes of code after its beginning that still belong to the last function
FUNCTION_BYTES_MAX = 1 << 20


class KernelSymbols(Closing):
    """Finds functions by addresses.

    The file is opened at once, because opening it later shows no addresses if rights were given up, and is read when
    the first address is asked for: this takes a third of a second.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._addresses: array[int] | None = None
        self._names: list[bytes] = []
        try:
            self._fd = os.open(PATH, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._addresses = array("Q")

    def close(self) -> None:
        """Closes the file. Names that were read remain."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    @property
    def are_hidden(self) -> bool:
        """Whether the kernel shows no addresses to this process: it lacks CAP_SYSLOG (kptr_restrict)."""
        if self._addresses is not None:
            return not self._addresses
        try:
            first = os.pread(self._fd, 4096, 0).splitlines()
        except OSError:
            return True
        return not any(int(line.split()[0], 16) for line in first[:16] if line.strip())

    def name(self, address: int) -> str:
        """Returns the function that has an address in it, with its offset; the address if that is not known."""
        if self._addresses is None:
            self._read()
        assert self._addresses is not None  # set by _read()
        at = bisect_right(self._addresses, address) - 1
        if at < 0 or address - self._addresses[at] > FUNCTION_BYTES_MAX:
            return f"{address:#x}"
        return self._names[at].decode("ascii", "replace")

    def _read(self) -> None:
        content = bytearray()
        at = 0
        try:
            while len(content) < FILE_BYTES_MAX and (piece := os.pread(self._fd, READ_BYTES, at)):
                content += piece
                at += len(piece)
        except OSError:
            content.clear()
        found = []
        for line in content.splitlines():
            address, kind, name = line.split(b"\t", 1)[0].split(b" ", 2)
            if kind in CODE and address.strip(b"0"):
                found.append((int(address, 16), name))
        found.sort()
        self._addresses = array("Q", (address for address, _ in found))
        self._names = [name for _, name in found]
