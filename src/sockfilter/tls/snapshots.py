"""The copies of connections' objects, and what in them may be a secret, a random or a record number.

No library's layout is known here. What looks random may be a secret, and a small number may be that of a record; the
tag of a record decides. Where something was found is remembered, and is tried first on other objects.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.tls.suites import suite_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model.snapshot import Snapshot
    from sockfilter.tls.suites import Suite

# Copies that are kept, the oldest dropped first: one has up to 104 KiB. One that has opened a connection is dropped too.
SNAPSHOTS_MAX = 256
# How long a copy is kept: bytes that it opens have passed some milliseconds before or after it was made.
KEPT_NS = 10 * 1_000_000_000
# Layouts that are remembered: of each library and version of TLS, two directions.
LAYOUTS_MAX = 16
# the place of what lies in the object itself
OBJECT = -1
# Secrets and randoms are aligned to words of 4 bytes, as the fields around them are.
STEP = 4
# Different bytes among 32, 48 and 64 random ones: 30, 44 and 57 on the average. Fewer than these come once in 3 000.
DIFFERENT = {32: 24, 48: 36, 64: 46}
RANDOM_BYTES, MASTER_BYTES = 32, 48
# what is behind a secret in an array that is longer
BEHIND = bytes(8)
# Record numbers are 64 bits wide, in network order. A connection with more records than this is not joined.
NUMBER_MAX = 1 << 32
# Numbers that are tried of one object: OpenSSL's has 8.
NUMBERS_MAX = 48
# Places of randoms that are tried. OpenSSL's object has 5 that look so.
RANDOMS_MAX = 16
# the upper half of a suite's number in OpenSSL's and BoringSSL's sessions
SUITE_PREFIX = 0x0300


class Place(NamedTuple):
    """Where something is: the block, by the offset of the word that points to it, or OBJECT; and the offset in it."""

    block: int
    at: int


class Part(NamedTuple):
    """Bytes at a place."""

    place: Place
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

    def __repr__(self) -> str:
        """Shows none of its bytes."""
        return f"<Contents of {self._snapshot!r}>"

    def at(self, place: Place, size: int) -> bytes:
        """The bytes at a place; fewer if there are not so many."""
        return self._memory(place.block)[place.at : place.at + size]

    def number_at(self, place: Place) -> int | None:
        """The record number at a place; None if there is none."""
        found = self.at(place, 8)
        number = int.from_bytes(found, "big")
        return number if len(found) == 8 and number < NUMBER_MAX else None

    @cached_property
    def secrets(self) -> list[Part]:
        """What may be a traffic secret, the likely ones first: in an array that is longer than the secret."""
        found = [part for block in self._blocks for part in self._random_in(block, MASTER_BYTES, True)]
        ends = {(part.place.block, part.place.at + MASTER_BYTES) for part in found}
        for block in self._blocks:
            for part in self._random_in(block, RANDOM_BYTES, True):
                if (part.place.block, part.place.at + RANDOM_BYTES) not in ends:
                    found.append(part)
        return sorted(found, key=lambda part: part.place.block != OBJECT)

    @cached_property
    def masters(self) -> list[Part]:
        """What may be a master secret of TLS 1.2, in the blocks before the object."""
        blocks = chain(self._snapshot.blocks, [OBJECT])
        found = [part for block in blocks for part in self._random_in(block, MASTER_BYTES, True)]
        seen: dict[bytes, Part] = {}
        for part in found:
            seen.setdefault(part.content, part)
        return list(seen.values())

    @cached_property
    def randoms(self) -> list[Part]:
        """What may be the randoms of both ends, one behind the other, those in the object first."""
        found = (part for block in self._blocks for part in self._random_in(block, 2 * RANDOM_BYTES, False))
        return list(islice(found, RANDOMS_MAX))

    @cached_property
    def suites(self) -> list[Suite]:
        """The suites whose numbers are in the memory: a session has that of its own."""
        found: dict[int, Suite] = {}
        for block in chain(self._snapshot.blocks, [OBJECT]):
            memory = self._memory(block)
            for word in memoryview(memory[: len(memory) // 4 * 4]).cast("I"):
                if word >> 16 == SUITE_PREFIX:
                    suite = suite_of(word & 0xFFFF)
                    if suite is not None:
                        found.setdefault(suite.number, suite)
        return list(found.values())

    @cached_property
    def numbers(self) -> list[tuple[Place, int]]:
        """What may be the number of the next record, those in the object first."""
        found: list[tuple[Place, int]] = []
        for block in self._blocks:
            memory = self._memory(block)
            for at in range(0, len(memory) - 7, STEP):
                if memory[at : at + 4] == b"\0\0\0\0":
                    number = int.from_bytes(memory[at + 4 : at + 8], "big")
                    if 0 < number < 1 << 24:
                        found.append((Place(block, at), number))
            if len(found) >= NUMBERS_MAX:
                break
        return found[:NUMBERS_MAX]

    @property
    def _blocks(self) -> Iterator[int]:
        return chain([OBJECT], self._snapshot.blocks)

    def _memory(self, block: int) -> bytes:
        return self._snapshot.memory if block == OBJECT else self._snapshot.blocks.get(block, b"")

    def _random_in(self, block: int, size: int, is_padded: bool) -> Iterator[Part]:
        """What looks random in a block. is_padded: zeros are behind it, or it begins the block."""
        memory, different = self._memory(block), DIFFERENT[size]
        for at in range(0, len(memory) - size - len(BEHIND) + 1, STEP):
            if is_padded and memory[at + size : at + size + len(BEHIND)] != BEHIND and (at or block == OBJECT):
                continue
            content = memory[at : at + size]
            if len(set(content)) >= different:
                yield Part(Place(block, at), content)


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
    secret: Place
    randoms: Place | None
    is_client_first: bool
    is_client: bool | None
    number: Place | None


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

    def use(self, contents: Contents, layout: Layout) -> None:
        """Notes that a copy has opened a connection, and where the secret was."""
        if contents in self._kept:
            self._kept.remove(contents)
        if layout in self.layouts:
            self.layouts.remove(layout)
        self.layouts.insert(0, layout)
        del self.layouts[LAYOUTS_MAX:]
