"""Finds the next record after missing bytes, and tells how much of the plaintext is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.secret import (
    CLIENT_TRAFFIC,
    SERVER_TRAFFIC,
)
from sockfilter.model.sequence import MASK
from sockfilter.tls.opening import traffic_opener
from sockfilter.tls.reading import Record
from sockfilter.tls.records import (
    BODY_BYTES_MAX,
    HEADER_BYTES,
)
from sockfilter.tls.schedule import next_secret

if TYPE_CHECKING:
    from sockfilter.tls.opening import Opener
from sockfilter.tls.state import SideState

# key updates that are tried after missing bytes: each may have been among them
UPDATES_MAX = 2


class Gaps(SideState):
    """What a direction does about bytes that did not come."""

    __slots__ = ()

    @property
    def has_gap(self) -> bool:
        """Whether bytes are missing of which the receiver has not been told."""
        return self._reader.lost > self._told_lost

    def tell_gap(self) -> None:
        """Tells of missing bytes although their number is not known, because the other end may answer them now.

        The places after them are counted from the number that is told.
        """
        opener, receiver, reader = self._opener, self._owner.receiver(self._end), self._reader
        if opener is None or receiver is None or self.is_closed:
            return
        lost = reader.lost
        size = max(1, lost - self._told_lost - (0 if self._told_lost else opener.overhead))
        self._told_lost = lost
        self._told += size
        self.plain += size
        self._marks.append(((self._seq_base + reader.gap_from + lost) & MASK, self.plain))
        receiver.missing(size, self._problem)

    def _account_gap(self, size: int) -> None:
        """Notes that bytes of the plaintext are missing: at most as many as this."""
        size -= self._told
        self._told = self._told_lost = 0
        if size <= 0:
            return
        receiver = self._owner.receiver(self._end)
        self.plain += size
        if receiver is not None:
            receiver.missing(size, self._problem)

    def _account_rest(self) -> None:
        """Notes that bytes are missing at the end, before any record could be found again."""
        if self._labels[-1:] == (self._label,) and self._label:
            self._account_gap(max(1, self._reader.position - self._reader.gap_from))

    def miss_rest(self) -> None:
        """Notes that nothing more of the plaintext will come, if the direction is closed and the plaintext is read."""
        if self.is_closed and self._owner.session.is_proven:
            self._account_gap(1)

    def _search(self, record: Record) -> bytes | None:
        """Tries other record numbers and secrets: records are missing, or a secret is. Sets what opens the record."""
        session, reader = self._owner.session, self._reader
        lost = record.position - reader.gap_from if reader.is_lost else 0
        if self._opener is not None and reader.is_lost:
            least = self._number + -(-lost // (HEADER_BYTES + BODY_BYTES_MAX))
            most = self._number + lost // self._opener.overhead
            found = self._try(self._opener, record, least, most)
            if found is not None:
                number, content = found
                self._account_gap(lost - (number - self._number) * self._opener.overhead)
                self._number = number
                return content
        for count, label in enumerate(self._labels[1:], 1):
            opener = session.opener(label, self._end)
            if opener is None:
                continue
            found = self._try(opener, record, 0, lost // opener.overhead)
            if found is not None:
                number, content = found
                self._labels = self._labels[count:]
                self._use(label)
                self._opener, self._secret, self._number = opener, session.secret(label) or b"", number
                if number:
                    self._account_gap(lost - number * opener.overhead)
                return content
        return self._search_update(record, lost) if reader.is_lost else None

    def _search_update(self, record: Record, lost: int) -> bytes | None:
        """Tries the secrets after a key update that may be among the missing records."""
        suite, secret = self._owner.session.suite, self._secret
        if suite is None or not secret or self._label not in (CLIENT_TRAFFIC, SERVER_TRAFFIC):
            return None
        for _ in range(UPDATES_MAX):
            secret = next_secret(suite.hash, secret)
            opener = traffic_opener(suite, secret)
            found = self._try(opener, record, 0, lost // opener.overhead)
            if found is not None:
                self._opener, self._secret = opener, secret
                self._number, content = found
                self._account_gap(lost - (self._number + 1) * opener.overhead)
                return content
        return None

    def _try(self, opener: Opener, record: Record, least: int, most: int) -> tuple[int, bytes] | None:
        """Tries the record numbers from least to most. Returns the one that opens the record, and its content."""
        for number in range(least, min(most, least + self._tries) + 1):
            self._tries -= 1
            content = opener.open(record.header, record.body, number)
            if content is not None:
                return number, content
        return None
