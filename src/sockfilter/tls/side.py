"""One direction of a TLS connection: opens its records, and passes on what they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.model.secret import (
    CLIENT_EARLY,
    CLIENT_HANDSHAKE,
    CLIENT_RANDOM,
    CLIENT_TRAFFIC,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
)
from sockfilter.model.sequence import MASK
from sockfilter.tls import hellos
from sockfilter.tls.gaps import Gaps
from sockfilter.tls.opening import traffic_opener
from sockfilter.tls.reading import Record, RecordReader
from sockfilter.tls.records import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEADER_BYTES,
    sized,
)
from sockfilter.tls.schedule import next_secret
from sockfilter.tls.state import Wait

if TYPE_CHECKING:
    from sockfilter.tls.opening import Opener

# Records in a row that do not open, after which a direction is given up.
FAILURES_MAX = 16
# Bytes of content that must be left out before records are passed over: opening one of this size costs as much.
UNREAD_BYTES_MIN = 4096
# the messages after which the next secret is used
LAST_OF_SECRET = {
    (hellos.END_OF_EARLY_DATA, CLIENT_EARLY),
    (hellos.FINISHED, CLIENT_HANDSHAKE),
    (hellos.FINISHED, SERVER_HANDSHAKE),
}


class Side(Gaps):
    """Takes the records of one end."""

    __slots__ = ()

    peer: Side

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        self._now = time_ns
        reader = self._reader
        base = self._seq_base = (seq - reader.position) & MASK
        opener = self._opener
        if opener is not None and reader.is_empty:
            if opener.is_sized and (passed := self._pass_over(opener, data, base + reader.position)):
                reader.position += passed
                if passed == len(data):
                    return
                data = data[passed:]
            content, records, taken, kind = opener.open_run(data, self._number)
            if taken:
                reader.position += taken
                self._note_opened(records)
                self._take_run(kind, content, base + reader.position, ack)
                if taken == len(data):
                    return
                data = data[taken:]
        reader.add(data, ack)
        if not reader.is_short:
            self.go_on()

    def _pass_over(self, opener: Opener, data: bytes, start: int) -> int:
        """Passes over records of which nobody needs the content, and whose headers tell how much of it there is. The
        tag of the next record that is opened proves their number.

        Args:
            opener: the opener.
            data: bytes that begin with a record.
            start: the sequence number of the first.

        Returns the bytes of the records.
        """
        receiver = self._owner.receiver(self._end)
        if receiver is None or receiver.ignoring < UNREAD_BYTES_MIN or self.peer._reader.is_lost:
            return 0
        size, count, content = sized(data, opener.overhead, receiver.ignoring)
        if count:
            self._owner.counts.seen += count
            self._owner.counts.left_out += count
            self._number += count
            self.plain += content
            self._marks.append(((start + size) & MASK, self.plain))
            receiver.skip(content, self._now)
        return size

    def _take_run(self, kind: int, content: bytes, end: int, ack: int) -> None:
        """Takes the content of some records that have opened in their order.

        Args:
            kind: their type.
            content: their content.
            end: the sequence number after them.
            ack: the acknowledgement number of the segment of the first.
        """
        if self._told_lost:
            self._told = self._told_lost = 0
        if kind == APPLICATION_DATA:
            self._pass_on(content, ack)
        self._marks.append((end & MASK, self.plain))
        if kind == HANDSHAKE:
            self._read_messages(content)

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

    def go_on(self) -> None:
        """Takes all records that are complete, until one must wait."""
        reader = self._reader
        while not self.is_closed:
            opener = self._opener
            if opener is not None and reader.has_record:
                if opener.is_sized and (
                    passed := self._pass_over(opener, reader.rest(), self._seq_base + reader.taken)
                ):
                    reader.pass_by(passed)
                    continue
                content, records, taken, kind = opener.open_run(reader.rest(), self._number)
                if taken:
                    ack = reader.pass_by(taken)
                    self._note_opened(records)
                    self._take_run(kind, content, self._seq_base + reader.taken, ack)
                    continue
            record = reader.next()
            if record is None:
                return
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
        if self._opener is None and self._owner.find_secrets(self._end, self._label, record):
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
        if self._owner.guess(self._end, record, self._now):
            return self._take_protected(record)
        if (not self._reader.is_lost or self._reader.is_followed(record)) and self._owner.awaits_copies():
            self.waits_for = Wait.SECRET
            return False
        if self._reader.is_lost and not self._reader.is_followed(record):
            self._reader.pass_over()
        else:
            self._fail(record)
        return True

    def join(self, label: str, number: int, opener: Opener | None = None, secret: bytes = b"") -> None:
        """Goes on in the middle of the records that a secret protects.

        Args:
            label: the label of the secret.
            number: the number of the next record.
            opener: opens the records. None: the session's.
            secret: the secret, if there is an opener.
        """
        self._protect((label,))
        self._opener = opener or self._owner.session.opener(label, self._end)
        self._secret = secret or self._owner.session.secret(label) or b""
        self._number = number

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

    def _pass_on(self, content: bytes, ack: int) -> None:
        """Passes on plaintext, with the acknowledgement number of its records."""
        receiver = self._owner.receiver(self._end)
        peer = self.peer
        if peer._reader.is_lost and peer.has_gap and self._owner.is_ordered:
            peer.tell_gap()
        place, size = self.plain, len(content)
        if not size:
            return
        self.plain = place + size
        if receiver is None:
            return
        if receiver.ignoring >= size:
            receiver.skip(size, self._now)
        else:
            receiver.data(content, self._now, place & MASK, peer.place_at(ack) & MASK)

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
        session, self._labels = self._owner.session, self._labels[1:]
        self._use(self._labels[0])
        self._opener = session.opener(self._label, self._end)
        self._secret = session.secret(self._label) or b""

    def _update_key(self) -> None:
        suite = self._owner.session.suite
        if suite is not None and self._secret:
            self._secret = next_secret(suite.hash, self._secret)
            self._opener, self._number = traffic_opener(suite, self._secret), 0

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
