"""An exchange: a request, its response, and how long each part took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter import presentation
from sockfilter.model.moment import elapsed_ns, wall_ns
from sockfilter.model.problem import Problem
from sockfilter.model.process import NOBODY
from sockfilter.model.sequence import distance
from sockfilter.model.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Collection

    from sockfilter.model.connection import Connection, Endpoint
    from sockfilter.model.culprit import Culprit
    from sockfilter.model.grpc import GrpcCall
    from sockfilter.model.message import Request, Response
    from sockfilter.model.path import Step
    from sockfilter.model.process import Process
    from sockfilter.model.stream_message import StreamMessage
    from sockfilter.model.streams import WebSocket
    from sockfilter.model.tcp import ExchangeTcp
    from sockfilter.model.tls import Tls


# informational responses that an exchange keeps; servers send only a few before the final response
INFORMATIONAL_MAX = 64


class StreamReset(NamedTuple):
    """How an end reset a stream.

    Attributes:
        code: the error code.
        name: its name; empty if it has none.
        end: the end of the connection that reset the stream.
    """

    code: int
    name: str
    end: int


class Parent(NamedTuple):
    """The exchange that a process served while it made another.

    Attributes:
        exchange: the exchange.
        why: "trace" if both have the same trace id, and the server of one is the client of the other; "process" if it
            is the only exchange that the process served all the time, which other work of the process can make wrong.
    """

    exchange: Exchange
    why: str


class Exchange:
    """A request and its final response. Either may be None; problems then says why.

    Attributes:
        id: counts from 1 in the order in which exchanges ended; 0 until then. An exchange that opened a stream gets it
            with the first message on the stream, if that comes earlier.
        connection: the connection that carried it.
        conn_seq: its place on the connection, from 1.
        request, response: the halves.
        informational: the informational responses that were kept: the first ones and the last.
        informational_count: the number of informational responses, whether kept or not.
        retransmissions: retransmitted segments with bytes of it; counted from the end of a head until it ends. In
            HTTP/2: those on its connection from its first bytes until it ends, because each delays all streams.
        processes: the processes at the connection's ends, in the order of connection.ends.
        stream: the number of its stream, in a protocol that has streams; otherwise None.
        reset: how one end reset its stream; None if none did.
        is_pushed: whether the server promised the request and sent the response without being asked.
        messages: the messages on the stream that it has opened, such as a WebSocket, if a capture keeps them.
        tcp: what the kernel's TCP knows of it; None if that is not known.
        parent: the exchange that its client served meanwhile, and why; None until link() has found one.
    """

    __slots__ = (
        "__weakref__",
        "_problems",
        "clock_offset_ns",
        "conn_seq",
        "connection",
        "id",
        "informational",
        "informational_count",
        "is_pushed",
        "messages",
        "parent",
        "processes",
        "request",
        "reset",
        "response",
        "retransmissions",
        "stream",
        "tcp",
    )

    def __init__(
        self, connection: Connection, conn_seq: int, request: Request | None, response: Response | None
    ) -> None:
        self.id = 0
        self.connection = connection
        self.conn_seq = conn_seq
        self.request = request
        self.response = response
        self.informational: tuple[Response, ...] = ()
        self.informational_count = 0
        self.clock_offset_ns = 0
        self.retransmissions = 0
        self.processes = NOBODY
        self.stream: int | None = None
        self.reset: StreamReset | None = None
        self.is_pushed = False
        self.messages: Collection[StreamMessage] = ()
        self.tcp: ExchangeTcp | None = None
        self.parent: Parent | None = None
        self._problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        """Route, method, target and status, with secrets masked."""
        from sockfilter.escape import printable_target  # imported late: only needed to show it
        from sockfilter.masking import mask_target

        request = "no request"
        if self.request:
            request = f"{self.request.method} {printable_target(mask_target(self.request.target))}"
        response = str(self.response.status) if self.response else "no response"
        return f"<Exchange {self.id} {self.connection.route} {request} {response}>"

    def __str__(self) -> str:
        """The transcript: its line, heads and bodies, with secrets masked."""
        return presentation.transcript(self)

    def to_dict(self, *, bodies: bool = True, show_secrets: bool = True) -> dict[str, Any]:
        """The exchange in the form of the JSON lines.

        Args:
            bodies: include the kept bytes of the bodies.
            show_secrets: do not mask secrets.
        """
        return presentation.to_dict(self, bodies=bodies, show_secrets=show_secrets)

    def as_curl(self) -> str:
        """The command line of curl that makes the same request, its secrets included; for gRPC, that of grpcurl.

        Raises:
            NotSeen: the request was not seen.
            BodyError: its body was not kept whole.
        """
        return presentation.as_curl(self)

    def as_pytest(self) -> str:
        """The source of a test that makes the same request, its secrets included, and asserts the same response.

        Raises:
            NotSeen: a half of the exchange was not seen.
            BodyError: the request's body was not kept whole.
        """
        return presentation.as_pytest(self)

    @property
    def tls(self) -> Tls | None:
        """How TLS protected it; None if it did not, or if TLS was not opened."""
        return self.connection.tls

    @property
    def path(self) -> tuple[Step, ...]:
        """The interfaces that it crossed, in the order of its request; empty if it was seen on one only."""
        if not self.connection.hops:
            return ()
        from sockfilter.model.losses import Messages  # imported late: most connections have no hops
        from sockfilter.model.path import path_of

        has_numbers = self.stream is None and self.tls is None
        client = self.connection.client_end or 0
        messages = Messages(self.request, self.response, client, has_numbers, self.clock_offset_ns)
        return path_of(self.connection, messages, self.start_ns)

    @property
    def grpc(self) -> GrpcCall | None:
        """The exchange as a gRPC call; None if it is not one."""
        from sockfilter.model.grpc import call_of  # imported late: most captures have no gRPC

        return call_of(self)

    @property
    def websocket(self) -> WebSocket:
        """The WebSocket that it has opened; without messages if it has opened none."""
        from sockfilter.model.streams import WebSocket  # imported late: few exchanges open one

        return WebSocket(list(self.messages))

    @property
    def events(self) -> list[StreamMessage]:
        """The server-sent events of its response, in the order in which they passed."""
        return [message for message in list(self.messages) if message.protocol == "sse"]

    @property
    def client(self) -> Endpoint:
        """The end that sent the request."""
        return self.connection.client

    @property
    def server(self) -> Endpoint:
        """The end that sent the response."""
        return self.connection.server

    @property
    def client_process(self) -> Process | None:
        """The process that sent the request; None if not known."""
        return self.processes[self.connection.client_end or 0]

    @property
    def server_process(self) -> Process | None:
        """The process that sent the response; None if not known."""
        return self.processes[1 - (self.connection.client_end or 0)]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems of the exchange and of its messages, each once."""
        found = self._problems
        for half in (self.request, *self.informational, self.response):
            if half is not None and half.problems:
                found = (*found, *half.problems)
        return tuple(dict.fromkeys(found)) if found else found

    @property
    def reason(self) -> Problem:
        """Why a half is missing: the cause if known, else that it is missing. Only defined if a half is missing."""
        return self._problems[-1]

    def add_informational(self, response: Response) -> None:
        """Adds an informational response. Once INFORMATIONAL_MAX are kept, it replaces the last."""
        self.count_informational(1)
        self.informational = (*self.informational[: INFORMATIONAL_MAX - 1], response)

    def count_informational(self, count: int) -> None:
        """Counts informational responses, whether they are kept or not."""
        self.informational_count += count
        if self.informational_count > INFORMATIONAL_MAX and Problem.INTERIM_LIMIT not in self._problems:
            self.add_problems(Problem.INTERIM_LIMIT)

    def replace_problems(self, *problems: Problem) -> None:
        """Replaces the problems of the exchange itself; its messages keep theirs."""
        self._problems = problems

    def add_problems(self, *problems: Problem) -> None:
        """Adds problems to the exchange."""
        self._problems = (*self._problems, *problems)

    @property
    def complete(self) -> bool:
        """Whether both halves are there and have all their bytes."""
        request, response = self.request, self.response
        return request is not None and response is not None and request.complete and response.complete

    @property
    def began_ns(self) -> int:
        """When its first byte passed, in nanoseconds of the source's clock; exchanges are ordered by it."""
        first = self.request or next(iter(self.informational), self.response)
        assert first is not None  # there is no exchange without a message
        return first.start_ns

    @property
    def start_ns(self) -> int | None:
        """When its first byte passed, in nanoseconds since 1970 by the wall clock; None if the packet has no time."""
        return wall_ns(self.began_ns, self.clock_offset_ns)

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from the first byte of the request to the last of the exchange; None if not known."""
        request, response = self.request, self.response
        if request is None or response is None or response.end_ns is None or self.connection.clocks_differ:
            return None
        asked_ns = request.start_ns if request.end_ns is None else request.end_ns
        # if time runs backwards, the clock was set, or each direction has its own clock
        if asked_ns < request.start_ns or not request.start_ns <= response.start_ns <= response.end_ns:
            return None
        end_ns = response.end_ns if response.end_ns > asked_ns else asked_ns
        return elapsed_ns(request.start_ns, end_ns)

    @property
    def timing(self) -> Timing:
        """How long each part took."""
        request, response, duration_ns = self.request, self.response, self.duration_ns
        wait_ns = None
        if request and response and not self.connection.clocks_differ:
            wait_ns = elapsed_ns(request.end_ns, response.start_ns)
        tcp = self.tcp
        return Timing(
            connect=_seconds(self.connection.connect_ns if self.conn_seq == 1 else None),
            send=_seconds(elapsed_ns(request.start_ns, request.end_ns) if request else None),
            wait=_seconds(wait_ns),
            receive=_seconds(elapsed_ns(response.start_ns, response.end_ns) if response else None),
            total=_seconds(duration_ns),
            queued=None if tcp is None else tcp.queued,
            think=None if tcp is None else tcp.think,
            accept=None if tcp is None else tcp.accept,
        )

    @property
    def culprit(self) -> Culprit | None:
        """What made it slow, by evidence alone; None if it was not slow, or if that is not known."""
        from sockfilter.model.culprit import culprit_of  # imported late: only needed if somebody asks

        return culprit_of(self.timing, self.tcp, 0 if self.response is None else self.response.body.wire_len)

    def compare_clocks(self) -> None:
        """Notes the times of this exchange on its connection, which detects directions with different clocks."""
        connection, request, response = self.connection, self.request, self.response
        if (
            request is not None
            and response is not None
            and connection.note_in_order(request.start_ns, response.start_ns, response.place[0])
        ):
            return
        if request is not None:
            if self.conn_seq == 1:
                connection.note_opening(request.start_ns)
            connection.note_request(request.start_ns, request.ack)
            # the times can be compared only if the server had received some of the request
            if response is not None and distance(request.seq, response.ack) > 0:
                connection.note_order(request.start_ns, response.start_ns)
        if response is not None:
            connection.note_response(response.start_ns, response.seq)


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9
