"""Joins a connection that was open before the capture began: looks for its secrets in copies of its object.

Nothing but the tag of a record proves that a secret belongs to the connection, and which number the record has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.secret import CLIENT_RANDOM
from sockfilter.tls.opening import can_open, openers_of_master, traffic_opener
from sockfilter.tls.schedule import TLS12, TLS13
from sockfilter.tls.snapshots import MASTER_BYTES, RANDOM_BYTES, Layout, MemoryPart
from sockfilter.tls.suites import Cipher, suite_of, tls13_suites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.tls.opening import Opener
    from sockfilter.tls.reading import Record
    from sockfilter.tls.snapshots import Contents, MemoryPlace, Snapshots
    from sockfilter.tls.suites import Suite

# Tries for one connection, and for one copy; each takes 3 us. A copy of OpenSSL 3.0 takes 1 000.
TRIES_MAX = 65536
TRIES_OF_COPY = 4096
# Copies in which everything is tried for one record: those that were made when the record passed.
COPIES_MAX = 8
# Making keys takes as long as so many tries.
TRIES_OF_KEYS = 10
# places of randoms that are tried with a likely master secret
RANDOMS_LIKELY = 2
# A record may be some before or behind the one whose number is in the copy: what was on its way, or came together.
AROUND = (0, 1, -1, 2, 3, 4, -2)
# Record numbers that are tried without one in the copy, from 0 on.
FROM_START = 128
# One suite of TLS 1.2 for each way of protecting records: what else its name says does not matter for that.
WAYS = (0xC02F, 0xC030, 0xCCA8, 0xC013, 0xC014, 0xC027, 0xC028, 0x003D, 0xC09C, 0xC09D, 0x0041, 0x0084, 0x000A)


class JoinedKeys(NamedTuple):
    """What opens the records of one end from here on.

    Attributes:
        version: of TLS.
        suite: the suite.
        is_named: whether it is this suite, and not another one that protects records in the same way.
        label: the label of the secret.
        secret: the secret.
        opener: opens the records.
        number: the number of the record.
        is_client: whether the end is the client; None if not known.
    """

    version: int
    suite: Suite
    is_named: bool
    label: str
    secret: bytes
    opener: Opener
    number: int
    is_client: bool | None


class Keys(NamedTuple):
    """What may open the records of an end, and where it was found."""

    layout: Layout
    joined: JoinedKeys


class Joiner:
    """Looks for the secrets of one connection.

    Args:
        snapshots: the copies.

    Attributes:
        tries: the tries that were made.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._contents: Contents | None = None  # the copy that has opened a record
        self._used: Keys | None = None
        self._tried: tuple[int, int, int] | None = None  # end and position of the record, and the last copy
        self._searched: set[tuple[int, int]] = set()  # ends, and copies in which everything was tried for them
        self.tries = 0

    @property
    def is_joined(self) -> bool:
        """Whether a copy has opened a record."""
        return self._contents is not None

    def find(self, end: int, record: Record, time_ns: int, is_last: bool) -> JoinedKeys | None:
        """Looks for what opens a record.

        Args:
            end: the end that sent it.
            record: the record.
            time_ns: when it passed.
            is_last: whether no further copies are awaited, so that it is worth while to try all there are.
        """
        if self.tries >= TRIES_MAX:
            return None
        if self._contents is not None:
            return self._try_rest(self._contents, record)
        serial = 0
        if self._tried is not None and self._tried[:2] == (end, record.position) and not is_last:
            serial = self._tried[2]
        self._tried = end, record.position, self._snapshots.serial
        copies = self._snapshots.since(serial, time_ns)
        knew = list(self._snapshots.layouts)
        for contents in copies:
            for layout in knew:
                found = self._try_layout(contents, layout, record)
                if found is not None:
                    return found
        new = [contents for contents in copies if (end, contents.serial) not in self._searched]
        for contents in new[:COPIES_MAX] if is_last or not knew else []:
            self._searched.add((end, contents.serial))
            found = self._search(contents, record)
            if found is not None:
                return found
        return None

    def _try_layout(self, contents: Contents, layout: Layout, record: Record) -> JoinedKeys | None:
        """Tries what is where it was in another object."""
        number = None if layout.number is None else contents.number_at(layout.number)
        numbers = range(FROM_START) if number is None else [number + far for far in AROUND if number + far >= 0]
        for keys in _keys_at(contents, layout):
            self.tries += TRIES_OF_KEYS
            found = self._try(keys, numbers, record)
            if found is not None:
                return self._use(contents, keys._replace(joined=found))
        return None

    def _search(self, contents: Contents, record: Record) -> JoinedKeys | None:
        """Tries everything in a copy that may be a secret, the likely combinations first."""
        most = self.tries + TRIES_OF_COPY
        near = _near(contents.numbers)
        far = [number for number in (*_near(contents.other_numbers), *range(FROM_START)) if number not in near]
        for is_likely, numbers in ((True, near), (True, far), (False, near), (False, far)):
            for keys in _all_keys(contents, is_likely):
                self.tries += TRIES_OF_KEYS
                found = self._try(keys, numbers, record)
                if found is not None:
                    return self._use(contents, Keys(keys.layout._replace(number=_place(contents, found.number)), found))
                if self.tries > most:
                    return None
        return None

    def _try_rest(self, contents: Contents, record: Record) -> JoinedKeys | None:
        """Tries what opens the other end's records."""
        used = self._used
        assert used is not None  # it is set with _contents
        for layout in list(self._snapshots.layouts):
            if layout.version == used.joined.version and layout != used.layout:
                found = self._try_layout(contents, layout, record)
                if found is not None:
                    return found
        return self._search(contents, record)

    def _try(self, keys: Keys, numbers: range | list[int], record: Record) -> JoinedKeys | None:
        opener = keys.joined.opener
        for number in numbers:
            self.tries += 1
            if opener.open(record.header, record.body, number) is not None:
                return keys.joined._replace(number=number)
        return None

    def _use(self, contents: Contents, keys: Keys) -> JoinedKeys:
        randoms = keys.layout.randoms
        # a session that is resumed has the same master secret, and other randoms
        own = keys.joined.secret if randoms is None else contents.at(randoms, 2 * RANDOM_BYTES)
        self._snapshots.use(keys.layout, own)
        self._contents, self._used = contents, keys
        return keys.joined


def _keys_at(contents: Contents, layout: Layout) -> Iterator[Keys]:
    """What may open records, where it was in another object."""
    if layout.randoms is None:
        for size in (MASTER_BYTES, RANDOM_BYTES):
            secret = contents.at(layout.secret, size)
            if len(secret) == size:
                yield from _traffic_keys(MemoryPart(layout.secret, secret))
        return
    master, randoms = contents.at(layout.secret, MASTER_BYTES), contents.at(layout.randoms, 2 * RANDOM_BYTES)
    if len(master) == MASTER_BYTES and len(randoms) == 2 * RANDOM_BYTES:
        for keys in _master_keys(contents, MemoryPart(layout.secret, master), MemoryPart(layout.randoms, randoms)):
            if keys.layout._replace(number=layout.number) == layout:
                yield keys


def _near(numbers: Iterable[int]) -> list[int]:
    """The record numbers to try where some are in a copy, and 0: it is in most places."""
    return list(dict.fromkeys(number + far for number in (*numbers, 0) for far in AROUND if number + far >= 0))


def _place(contents: Contents, number: int) -> MemoryPlace | None:
    """The place of the record number that has led to another one; None if there is none."""
    for places in (contents.numbers, contents.other_numbers):
        for far in AROUND:
            if number - far in places:
                return places[number - far]
    return None


def _all_keys(contents: Contents, is_likely: bool) -> Iterator[Keys]:
    """Everything in a copy that may open records. is_likely: what stands alone; False: everything else."""
    for part in contents.secrets(is_likely):
        yield from _traffic_keys(part)
    for master in contents.masters(is_likely):
        behind = master.place._replace(at=master.place.at + MASTER_BYTES)  # where GnuTLS has them
        there = sorted(contents.randoms, key=lambda part: part.place != behind)
        for randoms in there[:RANDOMS_LIKELY] if is_likely else there:
            yield from _master_keys(contents, master, randoms)


def _traffic_keys(part: MemoryPart) -> Iterator[Keys]:
    """The keys of a traffic secret of TLS 1.3. Which end's it is, it does not tell."""
    for suite in tls13_suites(len(part.content)):
        layout = Layout(TLS13, part.place, None, False, None, None)
        opener = traffic_opener(suite, part.content)
        yield Keys(layout, JoinedKeys(TLS13, suite, True, "", part.content, opener, 0, None))


def _master_keys(contents: Contents, master: MemoryPart, randoms: MemoryPart) -> Iterator[Keys]:
    """The keys of a master secret and two randoms, of both ends."""
    halves = randoms.content[:RANDOM_BYTES], randoms.content[RANDOM_BYTES:]
    for suite, is_named in _suites(contents):
        for is_client_first in (False, True):
            pair = halves if is_client_first else (halves[1], halves[0])
            for is_mac_last in (False, True) if suite.cipher is Cipher.CBC else (False,):
                made = openers_of_master(suite, TLS12, master.content, pair, is_mac_last)
                for opener, is_client in zip(made, (True, False), strict=True):
                    layout = Layout(TLS12, master.place, randoms.place, is_client_first, is_client, None)
                    joined = JoinedKeys(TLS12, suite, is_named, CLIENT_RANDOM, master.content, opener, 0, is_client)
                    yield Keys(layout, joined)


def _suites(contents: Contents) -> list[tuple[Suite, bool]]:
    """The suites of TLS 1.2 to try, one for each way of protecting records; and whether it can be no other one.

    If there is none in the copy, all ways are tried.
    """
    there = [suite for suite in contents.suites if not suite.is_tls13 and can_open(suite)]
    by_way: dict[tuple[object, ...], list[Suite]] = {}
    for suite in there or filter(None, map(suite_of, WAYS)):
        way = suite.cipher, suite.block, suite.key_bytes, suite.hash, suite.mac, suite.tag_bytes
        by_way.setdefault(way, []).append(suite)
    return [(suites[0], bool(there) and len(suites) == 1) for suites in by_way.values()]
