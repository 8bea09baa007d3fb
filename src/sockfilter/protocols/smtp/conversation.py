"""The conversation of SMTP or LMTP: a connection of a client and a server of mail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.protocols.interface import Handover
from sockfilter.protocols.smtp.client import OPENING_VERBS, VERB, ClientReader
from sockfilter.protocols.smtp.server import ServerReader
from sockfilter.protocols.smtp.session import MailSession
from sockfilter.protocols.without_exchanges import WithoutExchanges

if TYPE_CHECKING:
    from sockfilter.protocols.interface import Context, Receiver, Transport
    from sockfilter.protocols.reading import Reader

# how a server begins
GREETING = re.compile(rb"\d")
# bytes of a server's greeting that are kept until the client speaks
GREETING_BYTES_MAX = 4 << 10
# what the field Upgrade calls that which follows STARTTLS (RFC 2817)
TLS = "tls/1.0"


class FirstReader:
    """Takes the first bytes of an end, and passes everything on when it is known which end is the client."""

    __slots__ = ("_conversation", "_end", "ignoring", "waiting")

    def __init__(self, conversation: SmtpConversation, end: int) -> None:
        self._conversation = conversation
        self._end = end
        self.ignoring = 0
        self.waiting: list[tuple[bytes, int, int, int]] = []

    @property
    def _reader(self) -> Receiver | None:
        return self._conversation.reader(self._end)

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        if self._reader is not None:
            self._reader.data(data, time_ns, seq, ack)
            return
        self.waiting.append((data, time_ns, seq, ack))
        self._conversation.learn(self._end, b"".join(part[0] for part in self.waiting))

    def skip(self, size: int, time_ns: int) -> None:
        """Counts bytes that passed and are not needed."""
        if self._reader is not None:
            self._reader.skip(size, time_ns)

    def repeat(self, seq: int) -> None:
        """Ignores a retransmission."""

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes."""
        if self._reader is not None:
            return self._reader.missing(size, problem)
        self.waiting.clear()
        return size

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow."""
        if self._reader is not None:
            self._reader.end(problem)


class SmtpConversation(WithoutExchanges):
    """Both directions of a connection of SMTP.

    A server of FTP greets as a server of SMTP does. So the client's first command decides.

    Args:
        transport: the connection.
        context: what it needs from its capture.
        before: what was read on the connection before, in another protocol; None if nothing.
    """

    __slots__ = ("_context", "_ends", "_first", "_session", "_transport")

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        super().__init__(before)
        self._transport = transport
        self._context = context
        self._first = FirstReader(self, 0), FirstReader(self, 1)
        self._session: MailSession | None = None
        self._ends: tuple[Reader, Reader] | None = None

    @property
    def receivers(self) -> tuple[Receiver, Receiver]:
        """One receiver for each end."""
        return self._first if self._ends is None else self._ends

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        if self._session is None or self._ends is None:
            return sum(len(part[0]) for first in self._first for part in first.waiting)
        return self._session.weight + sum(reader.weight for reader in self._ends)

    @property
    def is_idle(self) -> bool:
        """Whether no mail is being handed over."""
        return self._session is not None and self._session.is_idle

    def close(self, problem: Problem) -> None:
        """Reports the mails that have not been reported. Both readers have ended before."""
        if self._session is not None:
            self._session.close(problem)

    def reader(self, end: int) -> Receiver | None:
        """The reader of an end, if it is known which end is the client."""
        return None if self._ends is None else self._ends[end]

    def learn(self, end: int, data: bytes) -> None:
        """Learns from the first bytes of an end which end is the client, and whether this is SMTP."""
        if GREETING.match(data):
            if len(data) <= GREETING_BYTES_MAX:
                return
        elif b"\n" not in data and len(data) <= GREETING_BYTES_MAX:
            return
        found = VERB.match(data)
        if found is None or found[0].decode().upper() not in OPENING_VERBS:
            self._context.counts.rejected += 1
            self._transport.reject()
            return
        self._begin(end)

    def _begin(self, client_end: int) -> None:
        transport, context = self._transport, self._context
        transport.model.client_end = client_end
        self._session = session = MailSession(transport, context, client_end)
        client = ClientReader(transport, context, client_end, session, self._begin_tls)

        def answer(code: int, text: str | None, ack: int) -> None:
            client.replied(code, text, ack, session.answer(code, text))

        server = ServerReader(transport, context, 1 - client_end, answer, session.lose_replies)
        self._ends = (server, client) if client_end else (client, server)
        transport.replace(self)
        # the server's greeting came before the client's command
        for end in (1 - client_end, client_end):
            waiting, self._first[end].waiting = self._first[end].waiting, []
            for data, time_ns, seq, ack in waiting:
                self._ends[end].data(data, time_ns, seq, ack)

    def _begin_tls(self) -> None:
        """Hands over to the protocol that follows STARTTLS."""
        assert self._ends is not None  # a client has asked for it
        assert self._session is not None
        self._session.close(Problem.CLOSED)
        make = self._context.choose.by_upgrade(TLS)
        successor = make(self._transport, self._context, Handover(self.count))
        self._transport.replace(successor)
        for mine, its in zip(self._ends, successor.receivers, strict=True):
            mine.hand_over(its)
