"""Names of the kernel's functions by their addresses."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import BinaryIO

KALLSYMS = "/proc/kallsyms"
# functions that are remembered; a kernel drops packets in a few hundred places
NAMES_MAX = 8192
# symbols that are looked at to see whether addresses are hidden: the first of all may be at address 0
FIRST_LINES = 16


class Symbols(Closing):
    """The kernel's functions. The file is opened now, as long as the rights are there, and read on demand: it has
    120 000 lines, which take a third of a second.
    """

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._names: dict[int, str] = {}
        with suppress(OSError):
            self._file = open(KALLSYMS, "rb")  # noqa: SIM115 -- closed by close()

    def close(self) -> None:
        """Closes the file. Names that are known stay known."""
        if self._file is not None:
            self._file.close()
        self._file = None

    @property
    def are_hidden(self) -> bool:
        """Whether the kernel shows no addresses: CAP_SYSLOG is missing (kptr_restrict, proc(5))."""
        if self._file is None:
            return True
        self._file.seek(0)
        return not any(int(line[:16], 16) for line in islice(self._file, FIRST_LINES))

    def name(self, address: int) -> str:
        """Returns the function at an address; the address in hexadecimal if names may not be read."""
        if not address:
            return ""
        if address not in self._names:
            self.learn([address])
        return self._names[address]

    def learn(self, addresses: Collection[int]) -> None:
        """Finds the functions at several addresses at once, which takes as long as one."""
        if len(self._names) + len(addresses) > NAMES_MAX:
            self._names.clear()
        wanted = sorted({address for address in addresses if address not in self._names})
        if not wanted:
            return
        nearest = [(0, "")] * len(wanted)
        if self._file is not None:
            self._file.seek(0)
            for line in self._file:
                at = int(line[:16], 16)
                i = bisect_left(wanted, at)
                # an address is that of the instruction after the call, so that a function's own is none of it
                if i < len(wanted) and at > nearest[i][0]:
                    nearest[i] = at, line.split(None, 3)[2].decode("ascii", "replace")
        best = (0, "")
        for address, found in zip(wanted, nearest, strict=True):
            best = max(best, found)
            self._names[address] = best[1] or hex(address)
