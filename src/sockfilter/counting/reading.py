"""Reads the counters of one place from the maps of bpf/count.bpf.c."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from sockfilter.counting.counts import NOTHING, V4, V6, Counted, DirectionCounts, StationCounts, summed
from sockfilter.libbpf import binding
from sockfilter.libbpf.counters import possible_cpus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.libbpf.object import BpfObject

COUNTED = Struct("=QQQ")
KEY = Struct("=BBHHH")
# protocol numbers of IPv6 extension headers, by enum sf_count_place of bpf/count.h
EXTENSIONS = {4: 0, 5: 43, 6: 44, 7: 51, 8: 60, 9: 135, 10: 139, 11: 140}
WORDS = 3


class CounterReading:
    """The counters of an object.

    Args:
        opened: the object. It must not be loaded yet. The constructor sets the size of the map.
    """

    def __init__(self, opened: BpfObject) -> None:
        self._ffi, self._lib = binding.load()
        self._object = opened
        self._cpus = possible_cpus()
        self._memory: Any = None
        opened.set_max_entries("counts", self._cpus * self._lib.SF_COUNT_ROW)

    def __enter__(self) -> CounterReading:
        """Maps the counters, after the load. Raises KernelUnsupported."""
        self._memory = self._object.mapped("counts", self._cpus * self._lib.SF_COUNT_ROW * COUNTED.size)
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()

    def read(self) -> StationCounts:
        """Returns everything that has been counted."""
        words = memoryview(self._memory[:]).cast("Q")
        row = self._lib.SF_COUNT_ROW
        rows = [words[cpu * row * WORDS : (cpu + 1) * row * WORDS] for cpu in range(self._cpus)]
        places = {
            at // WORDS: summed(Counted(*row[at : at + WORDS]) for row in rows)
            for at in range(0, row * WORDS, WORDS)
            if any(row[at] for row in rows)
        }
        kinds = list(self._kinds())
        return StationCounts(*(self._direction(is_out, places, kinds) for is_out in (0, 1)))

    def _direction(
        self, is_out: int, places: dict[int, Counted], kinds: list[tuple[tuple[int, ...], Counted]]
    ) -> DirectionCounts:
        lib = self._lib
        first = is_out * lib.SF_COUNT_DIRECTION
        others = {place - first - lib.SF_COUNT_OTHERS: count for place, count in places.items()}
        return DirectionCounts(
            protocols={
                (V6 if at >= lib.SF_COUNT_PROTOCOLS else V4, at % lib.SF_COUNT_PROTOCOLS): places[first + at]
                for at in range(lib.SF_COUNT_OTHERS)
                if first + at in places
            },
            ether_types={key[2]: count for key, count in kinds if key[:2] == (lib.SF_COUNT_ETHER_TYPE, is_out)},
            malformed={
                version: others[place]
                for version, place in ((V4, lib.SF_COUNT_MALFORMED_V4), (V6, lib.SF_COUNT_MALFORMED_V6))
                if place in others
            },
            unlisted=others.get(lib.SF_COUNT_UNLISTED_TYPE, NOTHING),
            extensions={number: others[place] for place, number in EXTENSIONS.items() if place in others},
            vlans={(key[3], key[4])[: key[2]]: count for key, count in kinds if key[:2] == (lib.SF_COUNT_VLAN, is_out)},
            unlisted_vlans=others.get(lib.SF_COUNT_UNLISTED_VLAN, NOTHING),
        )

    def _kinds(self) -> Iterator[tuple[tuple[int, ...], Counted]]:
        """Yields the entries of the map kinds, each the sum of all CPUs."""
        fd = self._object.map_fd("kinds")
        key, following = self._ffi.NULL, self._ffi.new("struct sf_count_key *")
        values = self._ffi.new("char[]", self._cpus * COUNTED.size)
        while not self._lib.bpf_map_get_next_key(fd, key, following):
            key = self._ffi.new("struct sf_count_key *", following[0])
            if not self._lib.bpf_map_lookup_elem(fd, key, values):
                counts = COUNTED.iter_unpack(self._ffi.buffer(values)[:])
                yield KEY.unpack(self._ffi.buffer(key)), summed(Counted(*each) for each in counts)
