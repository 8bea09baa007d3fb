"""Cuts the bytes of one direction into records, and finds the next record after missing bytes."""

from __future__ import annotations

from typing import NamedTuple

from sockfilter.tls.records import BODY_BYTES_MAX, HEADER_BYTES, body_bytes, is_header, next_header


class Record(NamedTuple):
    """A record as it passed.

    Attributes:
        kind: the type in its header.
        header: its header.
        body: what follows the header.
        position: the number of bytes of the direction before it.
        ack: the acknowledgement number of its first byte's segment.
    """

    kind: int
    header: bytes
    body: bytes
    position: int
    ack: int


class RecordReader:
    """Gathers bytes until records are complete.

    Attributes:
        is_lost: whether the place of the next record is not known: bytes are missing, or are no record.
        gap_from: if it is lost: the position of the first record that was not taken.
        position: the number of bytes of the direction that came or are missing.
    """

    __slots__ = (
        "_ack",
        "_at",
        "_base",
        "_buffer",
        "_drop",
        "_have",
        "_needed",
        "_newest",
        "_parts",
        "gap_from",
        "is_lost",
        "position",
    )

    def __init__(self) -> None:
        self._buffer, self._at = b"", 0
        self._base = 0  # the position of the buffer
        self._parts: list[bytes] = []  # what came after the buffer
        self._have, self._needed = 0, HEADER_BYTES  # bytes after _at, and how many the next step needs
        self._drop = 0  # bytes to leave out, the rest of a damaged record
        self._ack = self._newest = 0
        self.is_lost = False
        self.gap_from = self.position = 0

    @property
    def weight(self) -> int:
        """The number of bytes that are kept."""
        return self._have

    @property
    def is_short(self) -> bool:
        """Whether the next record is not complete."""
        return self._have < self._needed

    @property
    def is_empty(self) -> bool:
        """Whether the next byte begins a record."""
        return not (self._have or self._drop or self.is_lost)

    @property
    def lost(self) -> int:
        """If it is lost: the bytes from the first record that was not taken to those that are kept."""
        return self.position - self._have - self.gap_from if self.is_lost else 0

    def add(self, data: bytes, ack: int) -> None:
        """Takes the next bytes, and the acknowledgement number of their segment."""
        self.position += len(data)
        if self._drop:
            dropped = min(self._drop, len(data))
            self._drop -= dropped
            data = data[dropped:]
        if not data:
            return
        if not self._have:
            self._buffer, self._at, self._base = b"", 0, self.position - len(data)
            self._needed = HEADER_BYTES
            self._ack = ack
        self._newest = ack
        self._parts.append(data)
        self._have += len(data)

    def miss(self, size: int) -> None:
        """Notes that the next bytes are missing."""
        self._join()
        start = self.position - self._have
        if not self.is_lost:
            self.is_lost, self.gap_from = True, start
            if self._have >= HEADER_BYTES:  # the length of the damaged record is known
                self._drop = HEADER_BYTES + body_bytes(self._buffer, self._at) - self._have
        self._drop = max(0, self._drop - size)
        self._have, self._parts = 0, []
        self.position += size

    def next(self) -> Record | None:
        """The next record, which stays the next until take() or pass_over(). None if it is not complete.

        If the reader is lost, these are bytes that may be a record.
        """
        if self._parts:
            if self._have < self._needed:
                return None
            self._join()
        buffer = self._buffer
        while True:
            if self.is_lost:
                self._go_to(next_header(buffer, self._at))
            at = self._at
            if self._have < HEADER_BYTES:
                self._await(HEADER_BYTES)
                return None
            size = HEADER_BYTES + body_bytes(buffer, at)
            if is_header(buffer, at) and size <= HEADER_BYTES + BODY_BYTES_MAX:
                break
            self._lose()
        if size > self._have:
            self._await(size)
            return None
        start = at + HEADER_BYTES
        ack = self._newest if at else self._ack
        return Record(buffer[at], buffer[at:start], buffer[start : at + size], self._base + at, ack)

    @property
    def has_record(self) -> bool:
        """Whether the next byte begins a record that is complete, and that came with all bytes behind it."""
        is_complete = self._have >= self._needed and self._have > HEADER_BYTES
        return is_complete and not self.is_lost and bool(self._at or self._ack == self._newest)

    @property
    def taken(self) -> int:
        """The number of bytes of the direction before those that are kept."""
        return self.position - self._have

    def rest(self) -> bytes:
        """The bytes that are kept."""
        self._join()
        return self._buffer[self._at :] if self._at else self._buffer

    def pass_by(self, size: int) -> int:
        """Goes on after records that were taken from rest(). Returns the acknowledgement number of the first."""
        ack = self._newest if self._at else self._ack
        self._go_to(self._at + size)
        return ack

    def take(self, record: Record) -> None:
        """Goes on after a record."""
        self.is_lost = False
        self._go_to(self._at + HEADER_BYTES + len(record.body))

    def pass_over(self) -> None:
        """Notes that the bytes of next() are not a record, and looks further."""
        self._lose()

    def is_followed(self, record: Record) -> bool:
        """Whether the bytes after a record may be another one, as far as they have come."""
        return is_header(self._buffer, self._at + HEADER_BYTES + len(record.body))

    def _lose(self) -> None:
        if not self.is_lost:
            self.is_lost, self.gap_from = True, self._base + self._at
        self._go_to(self._at + 1)

    def _go_to(self, at: int) -> None:
        self._have -= at - self._at
        self._at = at

    def _await(self, needed: int) -> None:
        """Keeps what is left until so many bytes are there."""
        if self._at:
            self._ack = self._newest
            self._buffer = self._buffer[self._at :]
            self._base += self._at
            self._at = 0
        self._needed = needed

    def _join(self) -> None:
        if self._parts:
            self._buffer = b"".join((self._buffer, *self._parts))
            self._parts = []
