"""The copies of connections' objects, and what in them may be a secret, a random or a record number.

No library's layout is known here. What looks random may be a secret, and a small number may be that of a record; the
tag of a record decides. Where something was found is remembered, and is tried first on other objects.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.tls.suites import suite_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sockfilter.model.snapshot import Snapshot
    from sockfilter.tls.suites import Suite

# Copies that are kept, the oldest dropped first: one has up to 40 KiB. One that has opened a connection is dropped.
SNAPSHOTS_MAX = 512
# How long a copy is kept: bytes that it opens have passed some milliseconds before or after it was made.
KEPT_NS = 10 * 1_000_000_000
# Layouts that are remembered: of each library and version of TLS, two directions.
LAYOUTS_MAX = 16
# the place of what lies in the object itself
OBJECT = -1
# Secrets and randoms are aligned to words, as the fields around them are.
WORD = 4
# A random word is less than this once in 65 536 times. Lengths, flags and the upper halves of addresses always are.
RANDOM_WORD = 1 << 16
RANDOM_BYTES, MASTER_BYTES = 32, 48
# Different bytes among 32, 48 and 64 random ones: 30, 44 and 57 on the average. Fewer than these come once in 3 000.
DIFFERENT = {32: 24, 48: 36, 64: 46}
# Record numbers are 64 bits wide, in network order. A number that was found in another object's place may be larger
# than one that is looked for: small integers in the machine's own order look like large ones.
NUMBER_MAX, SMALL_NUMBER = 1 << 32, 1 << 24
# Numbers that are tried, of the object and of the blocks. OpenSSL's object has 4 that are less than 65 536.
NUMBERS_MAX = 8
# Places of randoms, and of master secrets, that are tried. OpenSSL's object has one of each.
RANDOMS_MAX, MASTERS_MAX = 16, 24
# words at the beginning of what describes a suite, among which its number is
SUITE_WORDS = 16
# the upper half of a suite's number, as OpenSSL and BoringSSL keep it
SUITE_PREFIX = 0x0300


class MemoryPlace(NamedTuple):
    """Where something is: the block, by the offset of the word that points to it, or OBJECT; and the offset in it."""

    block: int
    at: int


class MemoryPart(NamedTuple):
    """Bytes at a place."""

    place: MemoryPlace
    content: bytes


class Contents:
    """What an object contains.

    Args:
        snapshot: the copy of the object.
        serial: the number of the copy.

    Attributes:
        time_ns: when the copy was made, in the clock of the packets.
        serial: the number of the copy.
    """

    def __init__(self, snapshot: Snapshot, serial: int) -> None:
        self.time_ns = snapshot.time_ns
        self.serial = serial
        self._snapshot = snapshot
        self._secrets: dict[bool, list[MemoryPart]] = {}
        self._masters: dict[bool, list[MemoryPart]] = {}

    def __contains__(self, content: bytes) -> bool:
        """Whether bytes are in the copy."""
        return any(content in memory for memory in (self._snapshot.memory, *self._snapshot.blocks.values()))

    def __repr__(self) -> str:
        """Shows none of its bytes."""
        return f"<Contents of {self._snapshot!r}>"

    def at(self, place: MemoryPlace, size: int) -> bytes:
        """The bytes at a place; fewer if there are not so many."""
        return self._memory(place.block)[place.at : place.at + size]

    def number_at(self, place: MemoryPlace) -> int | None:
        """The record number at a place; None if there is none."""
        found = self.at(place, 8)
        number = int.from_bytes(found, "big")
        return number if len(found) == 8 and number < NUMBER_MAX else None

    def secrets(self, is_likely: bool) -> list[MemoryPart]:
        """What may be a traffic secret, in the object before the blocks.

        Args:
            is_likely: what stands alone, in an array that is longer than the secret. False: everything else.
        """
        if is_likely not in self._secrets:
            runs = [*self._runs_of(MASTER_BYTES, is_likely), *self._runs_of(RANDOM_BYTES, is_likely)]
            self._secrets[is_likely] = sorted(runs, key=lambda part: part.place.block != OBJECT)
        return self._secrets[is_likely]

    def masters(self, is_likely: bool) -> list[MemoryPart]:
        """What may be a master secret of TLS 1.2, in the blocks before the object. is_likely: see secrets()."""
        if is_likely not in self._masters:
            found: dict[bytes, MemoryPart] = {}
            for part in sorted(self._runs_of(MASTER_BYTES, is_likely), key=lambda part: part.place.block == OBJECT):
                found.setdefault(part.content, part)
            self._masters[is_likely] = list(found.values())[:MASTERS_MAX]
        return self._masters[is_likely]

    @cached_property
    def randoms(self) -> list[MemoryPart]:
        """What may be the randoms of both ends, one behind the other, those in the object first."""
        size = 2 * RANDOM_BYTES
        found = []
        for block, at, length in self._runs:
            for start in range(at, at + length - size + 1, WORD):
                part = self._part(block, start, size)
                if part is not None:
                    found.append(part)
        return found[:RANDOMS_MAX]

    @cached_property
    def suites(self) -> list[Suite]:
        """The suites whose numbers are at the beginning of blocks: an object points to what describes its own."""
        found: dict[int, Suite] = {}
        for block in self._snapshot.blocks:
            for word in self._words(block)[:SUITE_WORDS]:
                suite = suite_of(word & 0xFFFF) if word >> 16 == SUITE_PREFIX else None
                if suite is not None:
                    found.setdefault(suite.number, suite)
                    break
        return list(found.values())

    @cached_property
    def numbers(self) -> dict[int, MemoryPlace]:
        """What may be the number of the next record, in the object."""
        return self._numbers_in([OBJECT])

    @cached_property
    def other_numbers(self) -> dict[int, MemoryPlace]:
        """The same in the blocks."""
        return self._numbers_in(self._snapshot.blocks)

    def _numbers_in(self, blocks: Iterable[int]) -> dict[int, MemoryPlace]:
        """The small ones first."""
        found: dict[int, MemoryPlace] = {}
        for block in blocks:
            memory = self._memory(block)
            for at, word in enumerate(self._words(block)[:-1]):
                if not word:
                    number = int.from_bytes(memory[(at + 1) * WORD : (at + 2) * WORD], "big")
                    if 0 < number < SMALL_NUMBER:
                        found.setdefault(number, MemoryPlace(block, at * WORD))
        return {number: found[number] for number in sorted(found)[:NUMBERS_MAX]}

    @cached_property
    def _runs(self) -> list[tuple[int, int, int]]:
        """Words in a row that are no lengths, addresses or zeros: the block, the offset, and the bytes."""
        found = []
        for block in (OBJECT, *self._snapshot.blocks):
            begin = None
            for at, word in enumerate((*self._words(block), 0)):
                if word >= RANDOM_WORD:
                    begin = at if begin is None else begin
                elif begin is not None:
                    if (at - begin) * WORD >= RANDOM_BYTES:
                        found.append((block, begin * WORD, (at - begin) * WORD))
                    begin = None
        return found

    def _runs_of(self, size: int, is_likely: bool) -> Iterator[MemoryPart]:
        """What may be a secret of a size: whole runs if it is likely, else the beginnings and ends of others."""
        for block, at, length in self._runs:
            if length < size or (length == size) is not is_likely:
                continue
            for start in dict.fromkeys((at, at + length - size)):
                part = self._part(block, start, size)
                if part is not None:
                    yield part

    def _part(self, block: int, at: int, size: int) -> MemoryPart | None:
        """The bytes at a place, if they look random."""
        content = self._memory(block)[at : at + size]
        return MemoryPart(MemoryPlace(block, at), content) if len(set(content)) >= DIFFERENT[size] else None

    def _words(self, block: int) -> Sequence[int]:
        memory = self._memory(block)
        return memoryview(memory[: len(memory) // WORD * WORD]).cast("I").tolist()

    def _memory(self, block: int) -> bytes:
        return self._snapshot.memory if block == OBJECT else self._snapshot.blocks.get(block, b"")


class Layout(NamedTuple):
    """Where the secret, the randoms and the record number of one direction were.

    Attributes:
        version: of TLS.
        secret: the traffic secret, or the master secret.
        randoms: those of both ends; None in TLS 1.3.
        is_client_first: whether the client's random is the first.
        is_client: whether the client's records were opened; None in TLS 1.3, where that is not known.
        number: the record number; None: it was found without one.
    """

    version: int
    secret: MemoryPlace
    randoms: MemoryPlace | None
    is_client_first: bool
    is_client: bool | None
    number: MemoryPlace | None


class Snapshots:
    """The copies that have opened nothing yet, and where secrets were in others."""

    def __init__(self) -> None:
        self._kept: deque[Contents] = deque(maxlen=SNAPSHOTS_MAX)
        self._serial = 0
        self.layouts: list[Layout] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, snapshot: Snapshot) -> None:
        """Takes a copy."""
        self._serial += 1
        while self._kept and snapshot.time_ns - self._kept[0].time_ns > KEPT_NS:
            self._kept.popleft()
        self._kept.append(Contents(snapshot, self._serial))

    def since(self, serial: int, time_ns: int) -> list[Contents]:
        """The copies after a number, those first that were made when a record passed."""
        found = [contents for contents in self._kept if contents.serial > serial]
        return sorted(found, key=lambda contents: abs(contents.time_ns - time_ns))

    @property
    def serial(self) -> int:
        """The number of the last copy."""
        return self._serial

    def use(self, layout: Layout, own: bytes) -> None:
        """Notes that a copy has opened a connection.

        Args:
            layout: where the secret was.
            own: bytes that only this connection has. The copy goes, and that of its other end.
        """
        for contents in [contents for contents in self._kept if own in contents]:
            self._kept.remove(contents)
        if layout in self.layouts:
            self.layouts.remove(layout)
        self.layouts.insert(0, layout)
        del self.layouts[LAYOUTS_MAX:]
