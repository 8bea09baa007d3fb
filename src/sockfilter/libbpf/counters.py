"""Reads the counters of a BPF object: one row per CPU, in memory that programs may write at the same time."""

from __future__ import annotations

import time
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import refused
from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from sockfilter.libbpf.object import BpfObject

MAP = "counters"
# the possible CPUs, as a list of ranges: "0-3", "0,2-7"
POSSIBLE_CPUS = "/sys/devices/system/cpu/possible"
# How often one CPU's row is read until its sums agree: a program runs for less than a microsecond, or for some
# milliseconds after a call that moved megabytes. After LOOKS_AT_ONCE reads there is a pause, in seconds, between reads.
LOOKS, LOOKS_AT_ONCE = 200, 50
PAUSE_S = 0.0001


class Sum(NamedTuple):
    """A counter that is the sum of others. A program increments it first, and one of the others at its end."""

    total: int
    first: int
    last: int


class Counters:
    """The counters of an object.

    Args:
        opened: the object. It must not be loaded yet. The constructor sets the size of the map.
        count: the number of counters in a row.
        sums: the sums that each row satisfies while no program runs.

    Raises:
        KernelUnsupported: the number of CPUs is unknown.
    """

    def __init__(self, opened: BpfObject, count: int, sums: tuple[Sum, ...]) -> None:
        _, lib = binding.load()
        self._object = opened
        self._sums = sums
        self._cpus = possible_cpus()
        self._row = Struct(f"={count}Q")
        self._row_bytes = lib.SF_COUNTER_ROW * 8
        self._memory: Any = None
        opened.set_max_entries(MAP, self._cpus * lib.SF_COUNTER_ROW)

    def open(self) -> Counters:
        """Maps the counters, after the load. Raises KernelUnsupported."""
        self._memory = self._object.mapped(MAP, self._cpus * self._row_bytes)
        return self

    def __enter__(self) -> Counters:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()

    def read(self) -> list[int]:
        """Returns each counter's total over all CPUs. The sums agree unless the programs count wrongly."""
        return [sum(column) for column in zip(*map(self._settled_row, range(self._cpus)), strict=True)]

    def _settled_row(self, cpu: int) -> tuple[int, ...]:
        """Returns a CPU's counters as they are between two runs of a program."""
        at = cpu * self._row_bytes
        for look in range(LOOKS):
            # copy the row at once and unpack the copy, to keep the time between the first and the last read short
            row: tuple[int, ...] = self._row.unpack(self._memory[at : at + self._row.size])
            if all(row[total] == sum(row[first : last + 1]) for total, first, last in self._sums):
                break
            if look >= LOOKS_AT_ONCE:
                time.sleep(PAUSE_S)
        return row


def possible_cpus() -> int:
    """Returns the highest possible CPU number plus one."""
    try:
        with open(POSSIBLE_CPUS) as file:
            return int(file.read().replace("-", ",").split(",")[-1]) + 1
    except OSError as error:
        raise refused(f"reading {POSSIBLE_CPUS}", error.errno, error.strerror, "mount sysfs on /sys") from error
