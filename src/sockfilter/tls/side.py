"""One direction of a TLS connection: opens its records, and passes on what they carry."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from sockfilter.model.problem import Problem
from sockfilter.model.secret import (
    CLIENT_EARLY,
    CLIENT_HANDSHAKE,
    CLIENT_RANDOM,
    CLIENT_TRAFFIC,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
)
from sockfilter.model.sequence import MASK, distance
from sockfilter.tls import hellos
from sockfilter.tls.hellos import MessageReader
from sockfilter.tls.openers import Tls13Opener
from sockfilter.tls.reading import Record, RecordReader
from sockfilter.tls.records import (
    APPLICATION_DATA,
    BODY_BYTES_MAX,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEADER_BYTES,
)
from sockfilter.tls.schedule import next_secret

if TYPE_CHECKING:
    from sockfilter.ledger import TlsCounts
    from sockfilter.protocols.interface import Receiver
    from sockfilter.tls.openers import Opener
    from sockfilter.tls.session import TlsSession

# application data: type and version
USUAL_HEADER = b"\x17\x03\x03"
# Records in a row that do not open, after which a direction is given up.
FAILURES_MAX = 16
# Tries after missing bytes, until a record opens; one takes 5 us. Of the smallest records, 90 KB have as many.
TRIES_MAX = 4096
# Places of records that are remembered, to translate acknowledgement numbers and retransmissions.
MARKS_MAX = 64
# key updates that are tried after missing bytes: each may have been among them
UPDATES_MAX = 2
# the messages after which the next secret is used
LAST_OF_SECRET = {
    (hellos.END_OF_EARLY_DATA, CLIENT_EARLY),
    (hellos.FINISHED, CLIENT_HANDSHAKE),
    (hellos.FINISHED, SERVER_HANDSHAKE),
}


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

    def find_secrets(self, side: Side, label: str, record: Record) -> bool:
        """Looks for secrets if there are none yet. Returns whether the record must wait for them."""

    def guess(self, side: Side, record: Record) -> bool:
        """Looks for what opens a record although the hellos were not seen. Returns whether something does."""

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


class Side:
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

    peer: Side

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

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        self._now = time_ns
        reader = self._reader
        self._seq_base = (seq - reader.position) & MASK
        if self._opener is not None and reader.is_empty:
            taken = self._take_data(data, ack)
            if taken == len(data):
                return
            data = data[taken:]
        reader.add(data, ack)
        if not reader.is_short:
            self.go_on()

    def _take_data(self, data: bytes, ack: int) -> int:
        """Takes the records of application data at the beginning of bytes, in the usual case. Returns their size."""
        opener, number, first = self._opener, self._number, self._number
        assert opener is not None  # checked by the only caller
        at, size, is_tls13 = 0, len(data), self._owner.session.is_tls13
        parts = []
        while data[at : at + 3] == USUAL_HEADER and at + HEADER_BYTES <= size:
            start = at + HEADER_BYTES
            end = start + (data[at + 3] << 8 | data[at + 4])
            if end > size:
                break
            content = opener.open(data[at:start], data[start:end], number)
            if content is None:
                break
            if is_tls13:
                if content[-1:] != b"\x17":
                    break  # it opens again in the usual way, which knows all types and padding
                content = content[:-1]
            parts.append(content)
            number, at = number + 1, end
        if at:
            self._reader.pass_by(at)
            self._note_opened(number - first)
            self._pass_on(parts[0] if len(parts) == 1 else b"".join(parts), ack)
            self._marks.append(((self._seq_base + self._reader.position) & MASK, self.plain))
        return at

    def missing(self, size: int, problem: Problem) -> None:
        """Notes that the next bytes are missing, and why."""
        self._reader.miss(size)
        self._messages.lose()
        self._problem = problem

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow, and why."""
        if self._reader.is_lost and not self.is_closed:
            self._account_rest()
        self._owner.end_side(self._end, problem)

    @property
    def label(self) -> str:
        """The label of the secret that protects its records now."""
        return self._label

    def place_at(self, seq: int) -> int:
        """The place in the plaintext that belongs to a sequence number: after all records that end before it."""
        for end, place in reversed(self._marks):
            if distance(end, seq) >= 0:
                return place
        return self._marks[0][1] if self._marks else 0

    def go_on(self) -> None:
        """Takes all records that are complete, until one must wait."""
        reader = self._reader
        while not self.is_closed and (record := reader.next()) is not None:
            if self._is_plain and not self._is_protected(record):
                self._take_plain(record)
            elif not self._take_protected(record):
                return

    def _is_protected(self, record: Record) -> bool:
        """Whether a record is the first that is protected."""
        return record.kind == APPLICATION_DATA

    def _take_plain(self, record: Record) -> None:
        reader, session = self._reader, self._owner.session
        if reader.is_lost and not reader.is_followed(record):
            reader.pass_over()
            return
        reader.take(record)
        if record.kind == HANDSHAKE:
            self._read_messages(record.body)
        elif record.kind == CHANGE_CIPHER_SPEC and session.server is not None and not session.is_tls13:
            self._protect((CLIENT_RANDOM,))

    def _protect(self, labels: tuple[str, ...]) -> None:
        """Notes that records are protected from here on, by the secrets with these labels one after the other."""
        self._is_plain = False
        self._labels = labels
        self._use(labels[0] if labels else "")

    def _use(self, label: str) -> None:
        self._label, self._opener, self._number = label, None, 0

    def _choose_labels(self) -> bool:
        """Chooses the secrets of TLS 1.3. Returns False if the other end's answer must be seen before."""
        session = self._owner.session
        if self._end != session.client_end:
            self._protect((SERVER_HANDSHAKE, SERVER_TRAFFIC))
        elif not session.has_early_data:
            self._protect((CLIENT_HANDSHAKE, CLIENT_TRAFFIC))
        elif session.is_early_taken is None:
            return False
        elif session.is_early_taken:
            self._protect((CLIENT_EARLY, CLIENT_HANDSHAKE, CLIENT_TRAFFIC))
        else:
            self._is_skipping = True
            self._protect((CLIENT_HANDSHAKE, CLIENT_TRAFFIC))
        return True

    def _take_protected(self, record: Record) -> bool:
        """Takes a record that is protected. Returns False if it must wait."""
        reader, session = self._reader, self._owner.session
        if not self._labels:
            is_clients = session.client is not None and session.client_end == self._end
            if session.version is None and is_clients and not reader.is_lost:
                self.waits_for = Wait.HELLO
                return False
            if session.server is None:
                return self._take_unknown(record)
            if not self._choose_labels():
                self.waits_for = Wait.HELLO
                return False
        if session.is_tls13 and record.kind != APPLICATION_DATA:
            # never protected (RFC 8446, 5.1): change_cipher_spec, and the second ClientHello after early data
            if reader.is_lost and not reader.is_followed(record):
                reader.pass_over()
                return True
            reader.take(record)
            if record.kind == HANDSHAKE:
                self._read_messages(record.body)
            return True
        if self._opener is None and self._owner.find_secrets(self, self._label, record):
            self.waits_for = Wait.SECRET
            return False
        if self._opener is None:
            self._opener = session.opener(self._label, self._end)
            self._secret = session.secret(self._label) or b""
        content = None
        if self._opener is not None and not reader.is_lost:
            content = self._opener.open(record.header, record.body, self._number)
        if content is None:
            content = self._search(record)
        if content is None:
            self._fail(record)
        else:
            self._take_content(record, content)
        return True

    def _take_unknown(self, record: Record) -> bool:
        """Takes a record of a connection whose hellos were not seen."""
        if self._owner.guess(self, record):
            return self._take_protected(record)
        if self._reader.is_lost and not self._reader.is_followed(record):
            self._reader.pass_over()
        else:
            self._fail(record)
        return True

    def join(self, label: str, number: int) -> None:
        """Goes on in the middle of the records that a secret protects. number: that of the next record."""
        self._protect((label,))
        self._opener = self._owner.session.opener(label, self._end)
        self._secret = self._owner.session.secret(label) or b""
        self._number = number

    def _note_opened(self, count: int) -> None:
        """Counts records that have opened."""
        owner = self._owner
        owner.counts.seen += count
        owner.counts.opened += count
        self._number += count
        self._failures = 0
        self._tries = TRIES_MAX
        self._is_skipping = False
        if not owner.session.is_proven:
            owner.prove()

    def _take_content(self, record: Record, content: bytes) -> None:
        """Takes the content of a record that has opened; _number is its number."""
        owner, reader = self._owner, self._reader
        self._note_opened(1)
        reader.take(record)
        if self._told_lost:
            self._told = self._told_lost = 0
        kind = record.kind
        if owner.session.is_tls13:
            if not content or not content[-1]:
                content = content.rstrip(b"\0")
                if not content:
                    return
            kind, content = content[-1], content[:-1]
        if kind == APPLICATION_DATA:
            if content:
                self._pass_on(content, record.ack)
                self._mark(record)
        elif kind == HANDSHAKE:
            self._mark(record)
            self._read_messages(content)
        elif kind == CHANGE_CIPHER_SPEC and not owner.session.is_tls13:
            self._use(CLIENT_RANDOM)  # renegotiation (RFC 5246, 7.1)

    def _mark(self, record: Record) -> None:
        """Notes the place in the plaintext behind a record."""
        end = self._seq_base + record.position + HEADER_BYTES + len(record.body)
        self._marks.append((end & MASK, self.plain))

    def _pass_on(self, content: bytes, ack: int) -> None:
        """Passes on plaintext, with the acknowledgement number of its records."""
        receiver = self._owner.receiver(self._end)
        if self.peer.has_gap and self._owner.is_ordered:
            self.peer.tell_gap()
        place, size = self.plain, len(content)
        if not size:
            return
        self.plain = place + size
        if receiver is None:
            return
        if receiver.ignoring >= size:
            receiver.skip(size, self._now)
        else:
            receiver.data(content, self._now, place & MASK, self.peer.place_at(ack) & MASK)

    def _read_messages(self, content: bytes) -> None:
        """Takes handshake messages. Those that end the use of a secret are the last of their record."""
        session = self._owner.session
        for kind, message in self._messages.messages(content):
            if kind == hellos.KEY_UPDATE and self._label in (CLIENT_TRAFFIC, SERVER_TRAFFIC):
                self._update_key()
            elif (kind, self._label) in LAST_OF_SECRET:
                self._use_next()
            self._owner.note_message(self._end, kind, message)
            if kind == hellos.SERVER_HELLO and session.is_tls13 and self._is_plain:
                self._choose_labels()

    def _use_next(self) -> None:
        self._labels = self._labels[1:]
        self._use(self._labels[0])

    def _update_key(self) -> None:
        suite = self._owner.session.suite
        if suite is not None and self._secret:
            self._secret = next_secret(suite.hash, self._secret)
            self._opener, self._number = Tls13Opener(suite, self._secret), 0

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
            opener = Tls13Opener(suite, secret)
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

    def _fail(self, record: Record) -> None:
        """Notes that nothing opens a record."""
        reader, counts = self._reader, self._owner.counts
        if reader.is_lost and self._opener is not None:
            if self._tries > 0:
                reader.pass_over()
            else:
                self.close(self._problem)
            return
        reader.take(record)
        counts.seen += 1
        if self._is_skipping:
            counts.left_out += 1
            return
        problem = Problem.NO_SECRET if self._opener is None else Problem.UNDECRYPTABLE
        if self._opener is None:
            counts.no_secret += 1
        else:
            counts.failed += 1
        self._number += 1
        self._failures += 1
        self._problem = problem
        overhead = HEADER_BYTES if self._opener is None else self._opener.overhead
        is_content = record.kind == APPLICATION_DATA and self._label not in (CLIENT_HANDSHAKE, SERVER_HANDSHAKE)
        if is_content and self._owner.session.is_proven:
            self._account_gap(HEADER_BYTES + len(record.body) - overhead)
            self._mark(record)
        if self._failures >= FAILURES_MAX or not self._may_open():
            self.close(problem)

    def _may_open(self) -> bool:
        """Whether a secret of this direction is known, or was not needed so far."""
        session = self._owner.session
        return not self._labels or any(session.secret(label) is not None for label in self._labels)

    def close(self, problem: Problem) -> None:
        """Gives up: nothing more of it can be opened."""
        if self.is_closed:
            return
        self.is_closed = True
        self.waits_for = None
        self._reader = RecordReader()
        self._problem = problem
        self.miss_rest()
        self._owner.close_side()

    def miss_rest(self) -> None:
        """Notes that nothing more of the plaintext will come, if the direction is closed and the plaintext is read."""
        if self.is_closed and self._owner.session.is_proven:
            self._account_gap(1)
