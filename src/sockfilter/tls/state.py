"""The state of one direction of a TLS connection: its records, its secret, and the places in its plaintext."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.tls.hellos import MessageReader
from sockfilter.tls.reading import Record, RecordReader
from sockfilter.tls.records import (
    HEADER_BYTES,
)

if TYPE_CHECKING:
    from sockfilter.ledger import TlsCounts
    from sockfilter.protocols.interface import Receiver
    from sockfilter.tls.opening import Opener
    from sockfilter.tls.session import TlsSession

# Tries after missing bytes, until a record opens; one takes 5 us. Of the smallest records, 90 KB have as many.
TRIES_MAX = 4096
# Places of records that are remembered, to translate acknowledgement numbers and retransmissions.
MARKS_MAX = 64


class Wait(Enum):
    """What a direction waits for."""

    HELLO = auto()  # the other end must say whether it takes the early data
    SECRET = auto()


class SideOwner(Protocol):
    """What a direction needs of its conversation.

    Attributes:
        session: what both directions share.
        counts: the counters.
    """

    session: TlsSession
    counts: TlsCounts

    def find_secrets(self, end: int, label: str, record: Record) -> bool:
        """Looks for secrets if there are none yet. Returns whether the record of an end must wait for them."""

    def guess(self, end: int, record: Record, time_ns: int) -> bool:
        """Looks for what opens a record of an end without its hellos. Returns whether something does."""

    def awaits_copies(self) -> bool:
        """Whether a record without hellos must wait: copies of the connection's object may come."""

    def prove(self) -> None:
        """Notes that a record has opened."""

    def note_message(self, end: int, kind: int, content: bytes) -> None:
        """Takes a handshake message of an end."""

    @property
    def is_ordered(self) -> bool:
        """Whether the order of the bytes of both ends tells what answers what."""

    def receiver(self, end: int) -> Receiver | None:
        """The receiver of the plaintext of an end; None if the connection carries no known protocol."""

    def end_side(self, end: int, problem: Problem) -> None:
        """Notes that a direction has ended, and why."""

    def close_side(self) -> None:
        """Notes that no more of a direction can be opened."""


class SideState:
    """The records of one end.

    Args:
        owner: the conversation.
        end: the end that sends them.

    Attributes:
        peer: the other direction.
        waits_for: why it does not go on; None: it does.
        is_closed: whether no more of it can be opened.
        plain: the bytes of plaintext that it has passed on, or that are missing.
    """

    __slots__ = (
        "_end",
        "_failures",
        "_is_plain",
        "_is_skipping",
        "_label",
        "_labels",
        "_marks",
        "_messages",
        "_now",
        "_number",
        "_opener",
        "_owner",
        "_problem",
        "_reader",
        "_secret",
        "_seq_base",
        "_told",
        "_told_lost",
        "_tries",
        "is_closed",
        "peer",
        "plain",
        "waits_for",
    )

    peer: SideState

    def __init__(self, owner: SideOwner, end: int) -> None:
        self._owner = owner
        self._end = end
        self._reader = RecordReader()
        self._messages = MessageReader()
        self._is_plain = True  # the records are not protected yet
        self._labels: tuple[str, ...] = ()  # of the secrets that protect them, one after the other; of _label on
        self._label = ""
        self._secret = b""
        self._opener: Opener | None = None
        self._number = 0
        self._is_skipping = False  # early data that the server has refused may come
        self._failures = 0
        self._tries = TRIES_MAX
        self._problem = Problem.GAP
        self._now = 0
        self._seq_base = 0  # the sequence number of the first byte
        # missing bytes that the receiver was told of before their number was known, of the plaintext and as they passed
        self._told = self._told_lost = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=MARKS_MAX)
        self.waits_for: Wait | None = None
        self.is_closed = False
        self.plain = 0

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return self._reader.weight + self._messages.weight

    @property
    def label(self) -> str:
        """The label of the secret that protects its records now."""
        return self._label

    def place_at(self, seq: int) -> int:
        """The place in the plaintext that belongs to a sequence number: after all records that end before it."""
        if self._marks and self._marks[-1][0] == seq:  # the usual case
            return self._marks[-1][1]
        for end, place in reversed(self._marks):
            if distance(end, seq) >= 0:
                return place
        return self._marks[0][1] if self._marks else 0

    def _note_opened(self, count: int) -> None:
        """Counts records that have opened."""
        owner = self._owner
        counts = owner.counts
        counts.seen += count
        counts.opened += count
        self._number += count
        self._failures = 0
        self._tries = TRIES_MAX
        self._is_skipping = False
        if not owner.session.is_proven:
            owner.prove()

    def _mark(self, record: Record) -> None:
        """Notes the place in the plaintext behind a record."""
        end = self._seq_base + record.position + HEADER_BYTES + len(record.body)
        self._marks.append((end & MASK, self.plain))

    def _use(self, label: str) -> None:
        self._label, self._opener, self._number = label, None, 0
