"""The conversation of TLS: two directions of records, and the conversation in their plaintext."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.problem import Problem
from sockfilter.model.secret import CLIENT_RANDOM, CLIENT_TRAFFIC, SERVER_TRAFFIC
from sockfilter.protocols.interface import ENDLESS
from sockfilter.tls import linking
from sockfilter.tls.joining import Joiner
from sockfilter.tls.schedule import TLS13
from sockfilter.tls.session import TlsSession
from sockfilter.tls.side import Side
from sockfilter.tls.state import Wait
from sockfilter.tls.store import WAITING_NS
from sockfilter.tls.tunnel import TlsTunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import TlsCounts
    from sockfilter.model.exchange import Exchange
    from sockfilter.protocols.interface import Context, Handover, Receiver, Transport
    from sockfilter.tls.reading import Record
    from sockfilter.tls.store import Handshake, SecretStore

# Bytes of a connection that wait for a secret.
WAITING_BYTES_MAX = 128 << 10
# measured: what a segment that waits takes in addition to its bytes
QUEUED_BYTES = 800
# why a connection ends whose bytes may go on waiting
ENDS = (Problem.CLOSED, Problem.RESET)
# Segments that wait: as many as WAITING_BYTES_MAX has in segments of 128 bytes. Looking through them takes time.
WAITING_SEGMENTS_MAX = 1024
# the protocol that is looked for if ALPN has not named one: HTTP/1, which gives way to others by their first bytes
DEFAULT_ALPN = "http/1.1"


class Waiting(NamedTuple):
    """Something that waits for a secret. size: the bytes that it takes."""

    end: int
    do: Callable[[], None]
    size: int


class CipherReceiver:
    """Takes the bytes of one end for the conversation.

    Args:
        conversation: the conversation.
        end: the end that sends them.
    """

    __slots__ = ("_conversation", "_end", "ignoring")

    def __init__(self, conversation: TlsConversation, end: int) -> None:
        self._conversation = conversation
        self._end = end
        self.ignoring = 0

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """See Receiver."""
        self._conversation.data(self._end, data, time_ns, seq, ack)

    def skip(self, size: int, time_ns: int) -> None:
        """See Receiver."""
        self._conversation.pass_by(size)

    def repeat(self, seq: int) -> None:
        """See Receiver."""
        self._conversation.repeat(self._end, seq)

    def missing(self, size: int, problem: Problem) -> int:
        """See Receiver."""
        if self.ignoring:
            return 0
        self._conversation.missing(self._end, size, problem)
        return size

    def end(self, problem: Problem) -> None:
        """See Receiver."""
        self._conversation.end(self._end, problem)


class TlsConversation:
    """Both directions of a TLS connection.

    Bytes that wait for a secret wait in one queue, so that both directions go on in the order in which their bytes
    passed.

    Args:
        transport: carries the conversation.
        context: what it needs from its capture.
        before: what was read on the connection before, in another protocol; None if nothing.
        store: the secrets.
        counts: the counters of records.

    Attributes:
        session: what both directions share.
        counts: the counters of records.
        receivers: one for each end.
    """

    has_lane = False

    def __init__(
        self, transport: Transport, context: Context, before: Handover | None, store: SecretStore, counts: TlsCounts
    ) -> None:
        self._transport = transport
        self._context = context
        self._before = before
        self._store = store
        self.counts = counts
        counts.connections += 1
        self.session = TlsSession()
        self.receivers = CipherReceiver(self, 0), CipherReceiver(self, 1)
        first, second = self._sides = Side(self, 0), Side(self, 1)
        first.peer, second.peer = second, first
        self._queue: deque[Waiting] = deque()
        self._queued = 0  # bytes
        self._since_ns: int | None = None  # since when something waits
        self._is_listening = False  # the store tells it of further secrets
        self._fresh: tuple[Handshake | None, str] = (None, "")  # the secret that has come now
        self._has_given_up = False  # waiting for secrets
        self._is_looking = False  # it looks for a secret itself, so that it need not be told of one
        self._came = False  # secrets came meanwhile
        self._is_over = False
        self._ending: Problem | None = None  # why it has ended, while its bytes still wait
        self._guesses = linking.GUESSES_MAX
        self._guessed: tuple[int, int] | None = None  # end and position of the record that was guessed last
        self._joiner: Joiner | None = None
        self._held: list[Side] = []  # each takes a record, and must not take those that follow yet
        self._tunnel: TlsTunnel | None = None

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        inner = 0 if self._tunnel is None else self._tunnel.conversation.weight
        waiting = self._queued + len(self._queue) * QUEUED_BYTES
        return waiting + sum(side.weight for side in self._sides) + inner

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""
        return [] if self._tunnel is None else self._tunnel.conversation.open

    @property
    def count(self) -> int:
        """The number of exchanges that have begun on the connection, including those in earlier protocols."""
        if self._tunnel is not None:
            return self._tunnel.conversation.count
        return 0 if self._before is None else self._before.number

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is open, and both ends may begin a new message."""
        return not self._queue and self._tunnel is not None and self._tunnel.conversation.is_idle

    def abandon(self, end: int) -> None:
        """Notes that an end has closed, and that the response it waited for has not come in time."""
        if self._tunnel is not None:
            self._tunnel.conversation.abandon(end)

    def close(self, problem: Problem) -> None:
        """Notes that the connection has ended. Both receivers have ended before."""
        if self._is_listening and problem in ENDS:
            self._store.refresh()
        if self._is_listening and problem in ENDS and self._waits_for_secret:
            self._ending = problem
            self._store.linger(self._take_secret, self.weight)
        else:
            self._end(problem)

    def _end(self, problem: Problem) -> None:
        self._ending = None
        self._give_up()
        if self._tunnel is not None:
            self._tunnel.conversation.close(problem)
        self._finish()

    def data(self, end: int, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes bytes of an end."""
        side = self._sides[end]
        if self._is_listening:
            self._store.refresh()
        if side.waits_for is side.peer.waits_for is None and not self._queue and not self._is_over:  # the usual case
            side.data(data, time_ns, seq, ack)
            if side.peer.waits_for is not None:
                self._go_on()
        elif self._is_over:
            self.pass_by(len(data))
        elif self._is_blocked(side):
            since_ns = self._since_ns = time_ns if self._since_ns is None else self._since_ns
            self._defer(end, lambda: side.data(data, time_ns, seq, ack), len(data))
            if time_ns - since_ns > WAITING_NS:
                self._give_up()
        else:
            side.data(data, time_ns, seq, ack)
            if self._queue or side.peer.waits_for is not None:
                self._go_on()

    def pass_by(self, size: int) -> None:
        """Counts bytes that are not read, on a connection of another protocol."""
        if self._before is not None:
            self._context.counts.opaque_bytes += size

    def missing(self, end: int, size: int, problem: Problem) -> None:
        """Notes that bytes of an end are missing."""
        side = self._sides[end]
        if self._is_blocked(side):
            self._defer(end, lambda: side.missing(size, problem), 0)
        elif not self._is_over:
            side.missing(size, problem)

    def end(self, end: int, problem: Problem) -> None:
        """Notes the end of a direction."""
        side = self._sides[end]
        if self._is_blocked(side):
            self._defer(end, lambda: side.end(problem), 0)
        else:
            side.end(problem)

    def repeat(self, end: int, seq: int) -> None:
        """Notes a retransmission."""
        if self._tunnel is not None:
            self._tunnel.conversation.receivers[end].repeat(self._sides[end].place_at(seq))

    def _go_on_with_other(self, end: int) -> None:
        """Takes what the other end has sent before a record that is being taken. What follows the record waits."""
        self._held.append(self._sides[end])
        self._go_on()
        self._held.pop()

    # what the directions need

    def find_secrets(self, end: int, label: str, record: Record) -> bool:
        """Looks for secrets if there are none yet. Returns whether the record of an end must wait for them."""
        session, store = self.session, self._store
        if not self._has_given_up and (session.handshake is None or session.secret(label) is None):
            self._is_looking = True
            self._came = False
            store.refresh()
            self._is_looking = False
        known = session.handshake or linking.by_random(session, store)
        # Where a probe came in the middle of the handshake, its end names a part; the other end may have reported all.
        if known is None or (known.client_random and label not in known.secrets):
            known = linking.by_trial(session, self._candidates(label), label, end, record) or known
        if known is None and label == CLIENT_RANDOM and session.resumed:
            # Go writes no line for a resumed session of TLS 1.2, which has the master secret of the first
            known = linking.by_trial(session, store.masters(), label, end, record)
        if known is not session.handshake:
            session.handshake = known
            self._link()
        if session.secret(label) is not None or self._has_given_up or store.is_complete:
            return False
        self._listen()
        return True

    def _candidates(self, label: str) -> list[Handshake]:
        """The secrets to try: all of them once, and then each that comes."""
        if not self._is_listening or self._came:
            # without the ClientHello, secrets with a client random may be those of the connection too
            return self._store.all() if self.session.client is None else self._store.candidates()
        handshake, known = self._fresh
        return [handshake] if handshake is not None and known == label else []

    def guess(self, end: int, record: Record, time_ns: int) -> bool:
        """Looks for what opens a record of an end without its hellos. Returns whether something does."""
        if self._joiner is None or not self._joiner.is_joined:
            knew, self._guessed = self._guessed, (end, record.position)
            if knew != self._guessed and self._guess_known(end, record):
                return True
        return self._join(end, record, time_ns)

    def awaits_copies(self) -> bool:
        """Whether a record without hellos must wait: copies of the connection's object may come."""
        if self._has_given_up or self._store.join is None or (self._joiner is not None and self._joiner.is_joined):
            return False
        if not self._store.join():
            return False
        self._listen()
        return True

    def _join(self, end: int, record: Record, time_ns: int) -> bool:
        """Looks for what opens a record in copies of the connection's object."""
        session, store = self.session, self._store
        if store.join is None or store.guesses <= 0:
            return False
        joiner = self._joiner = self._joiner or Joiner(store.snapshots)
        self._is_looking = True
        store.refresh()
        self._is_looking = False
        knew = joiner.tries
        found = joiner.find(end, record, time_ns, self._has_given_up)
        if found is None:
            store.guesses -= joiner.tries - knew
            return False
        label = found.label or (SERVER_TRAFFIC if end else CLIENT_TRAFFIC)
        if session.handshake is None:
            session.handshake = store.joined(label, found.secret)
        elif label not in session.handshake.secrets:
            store.joined(label, found.secret, session.handshake)
        session.join(found.version, found.suite, found.is_named)
        if found.is_client is not None:
            session.client_end = end if found.is_client else 1 - end
        self._sides[end].join(label, found.number, found.opener, found.secret)
        return True

    def _guess_known(self, end: int, record: Record) -> bool:
        """Looks for what opens a record among the secrets of handshakes."""
        session = self.session
        if self._guesses <= 0 or self._store.guesses <= 0:
            return False
        known = session.handshake or linking.by_random(session, self._store)
        handshakes = self._store.all() if known is None else [known]
        found, tries = linking.guess(handshakes, session.suite, record, self._guesses)
        self._guesses -= tries
        self._store.guesses -= tries
        if found is None:
            return False
        session.handshake = found.handshake
        session.join(TLS13, found.suite, is_named=True)
        session.client_end = end if found.label.startswith("CLIENT") else 1 - end
        self._sides[end].join(found.label, found.number)
        self._go_on_with_other(end)
        return True

    def prove(self) -> None:
        """Notes that a record has opened."""
        session = self.session
        if not session.is_proven:
            session.is_proven = True
            self.counts.connections_opened += 1
            self._link()

    def _link(self) -> None:
        """Notes whose secrets open the connection, if a record has proven it."""
        session = self.session
        if session.is_proven and session.handshake is not None:
            self._store.link(session.handshake, b"" if session.client is None else session.client.random)

    def note_message(self, end: int, kind: int, content: bytes) -> None:
        """Takes a handshake message of an end."""
        before = self.session.client
        self.session.note(end, kind, content)
        now = self.session.client
        if before is None and now is not None:
            self._store.expect(now.random)
        elif before is not None and now is not None and before.random != now.random:
            self._store.close(before.random)

    @property
    def is_ordered(self) -> bool:
        """Whether the order of the bytes of both ends tells what answers what: in HTTP/1, which the lane reads too."""
        return self._tunnel is not None and self._tunnel.conversation.has_lane

    def receiver(self, end: int) -> Receiver | None:
        """The receiver of the plaintext of an end; None if the connection carries no known protocol."""
        if self._tunnel is None:
            if self._is_over or not self.session.is_proven:
                return None
            self._begin_inner()
        return None if self._tunnel is None else self._tunnel.conversation.receivers[end]

    def end_side(self, end: int, problem: Problem) -> None:
        """Notes that a direction has ended, and why."""
        if self._tunnel is not None:
            self._tunnel.conversation.receivers[end].end(problem)

    def close_side(self) -> None:
        """Notes that no more of a direction can be opened."""
        for end, side in enumerate(self._sides):
            if side.is_closed:
                self._ignore(end)
        if not self.session.is_proven and all(side.is_closed for side in self._sides):
            self._reject()

    def _begin_inner(self) -> None:
        session, transport, before = self.session, self._transport, self._before
        make = self._context.choose.by_alpn(session.alpn or DEFAULT_ALPN)
        if make is None:
            self._reject()
            return
        model = transport.model if before is None else transport.model.copy()
        model.tls = session.tls()
        if model.client_end is None:
            model.client_end = session.client_end
        self._tunnel = TlsTunnel(transport, model, session.client is not None, self._reject)
        self._tunnel.begin(make, self._context, before)
        for side in self._sides:
            side.miss_rest()  # one may have been closed before the other was opened

    # waiting

    def _is_blocked(self, side: Side) -> bool:
        """Whether what comes of a direction must wait."""
        if self._is_over:
            return False
        return side.waits_for is not None or side.peer.waits_for is Wait.SECRET or side in self._held

    def _defer(self, end: int, do: Callable[[], None], size: int) -> None:
        self._queue.append(Waiting(end, do, size))
        self._queued += size
        if self._queued > WAITING_BYTES_MAX or len(self._queue) > WAITING_SEGMENTS_MAX:
            self._give_up()

    def _listen(self) -> None:
        if not self._is_listening:
            self._is_listening = True
            random = b"" if self.session.client is None else self.session.client.random
            self._store.wait(self._take_secret, random, self._transport.last_ns, self._wait_no_longer)

    def _take_secret(self, handshake: Handshake | None, label: str) -> None:
        """Goes on, because the store has a further secret."""
        if self._is_looking:
            self._came = True
            return
        self._fresh = handshake, label
        for side in self._sides:
            if side.waits_for is Wait.SECRET:
                side.waits_for = None
                side.go_on()
        self._go_on()
        self._fresh = None, ""
        if not self._waits_for_secret:
            self._stop_listening()
            if self._ending is not None:
                self._end(self._ending)

    @property
    def _waits_for_secret(self) -> bool:
        return any(side.waits_for is Wait.SECRET for side in self._sides)

    def _wait_no_longer(self) -> None:
        """Gives up because the time is over."""
        if self._ending is None:
            self._give_up()
        else:
            self._end(self._ending)

    def _give_up(self) -> None:
        """Stops waiting for secrets."""
        self._has_given_up = True
        self._stop_listening()
        for side in self._sides:
            if side.waits_for is Wait.SECRET:
                side.waits_for = None
                side.go_on()
        self._go_on()
        for side in self._sides:
            if side.waits_for is Wait.HELLO:
                side.close(Problem.NO_SECRET)
        self._go_on()

    def _go_on(self) -> None:
        """Takes what has waited, in its order."""
        while True:
            for side in self._sides:
                if side.waits_for is Wait.HELLO and self.session.is_early_taken is not None:
                    side.waits_for = None
                    side.go_on()
            if not self._queue:
                self._since_ns = None
                return
            item = next((item for item in self._queue if not self._is_blocked(self._sides[item.end])), None)
            if item is None:
                return
            self._queue.remove(item)
            self._queued -= item.size
            item.do()

    def _stop_listening(self) -> None:
        if self._is_listening:
            self._is_listening = False
            self._store.leave(self._take_secret)

    def _reject(self) -> None:
        """Asks for no more bytes: nothing of them can be opened, or they are no known protocol."""
        if self._is_over:
            return
        for end in (0, 1):
            self._ignore(end)
        self._finish()
        if self._before is None:
            self._transport.reject()

    def _ignore(self, end: int) -> None:
        receiver = self.receivers[end]
        if not receiver.ignoring:
            receiver.ignoring = ENDLESS
            self._transport.announce(end, ENDLESS)

    def _finish(self) -> None:
        if not self._is_over:
            self._is_over = True
            if self.session.client is not None:
                self._store.close(self.session.client.random)
            self._queue.clear()
            self._queued = 0
            self._stop_listening()
            if not self.session.is_proven:
                self.counts.connections_closed += 1
                if self.session.client is None and self.session.server is None:
                    was_open = None in self._transport.isn
                    self.counts.mid_stream += was_open
                    self.counts.hellos_missing += not was_open
