"""A request and its response, and how long each part took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.model.process import NOBODY

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection, Endpoint
    from sockfilter.model.message import Request, Response
    from sockfilter.model.problem import Problem
    from sockfilter.model.process import Process


class Timing(NamedTuple):
    """Seconds that the parts of an exchange took, by the packets' times; None where that is not known.

    connect: from the SYN to its answer, on a connection's first exchange.
    send: from the request's first byte to its last.
    wait: from there to the response's first byte; None where the response was earlier.
    receive: from there to its last.
    total: from the request's first byte to the last of the exchange.
    """

    connect: float | None
    send: float | None
    wait: float | None
    receive: float | None
    total: float | None


class Exchange:
    """A request and its final response; either may be None, and problems says why.

    Attributes:
        id: counts from 1 in the order in which exchanges ended; 0 until then.
        connection: where it took place.
        conn_seq: its place on the connection, from 1.
        request, response: the halves.
        informational: the 1xx responses before the final one.
        retransmissions: segments with bytes of it that came again while it was open, from its heads' ends on.
        processes: those at the connection's ends, in their order.
    """

    __slots__ = (
        "_problems",
        "clock_offset_ns",
        "conn_seq",
        "connection",
        "id",
        "informational",
        "processes",
        "request",
        "response",
        "retransmissions",
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
        self.clock_offset_ns = 0
        self.retransmissions = 0
        self.processes = NOBODY
        self._problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        """Who asked whom for what, and the status, with secrets masked."""
        from sockfilter.outputs.escape import printable  # what is shown of an exchange is where outputs are
        from sockfilter.outputs.secrets import mask_target

        request = "no request"
        if self.request:
            request = f"{self.request.method} {printable(mask_target(self.request.target))}"
        response = str(self.response.status) if self.response else "no response"
        return f"<Exchange {self.id} {self.connection.route} {request} {response}>"

    def __str__(self) -> str:
        """Its line, heads and bodies for people, with secrets masked."""
        from sockfilter.outputs.transcript import transcript  # the forms of an exchange are where outputs are

        return transcript(self)

    def to_dict(self, *, bodies: bool = True, show_secrets: bool = True) -> dict[str, Any]:
        """The exchange in the form of the JSON lines.

        Args:
            bodies: with what was kept of the bodies.
            show_secrets: nothing is masked.
        """
        from sockfilter.outputs.jsonl import to_dict

        return to_dict(self, bodies=bodies, show_secrets=show_secrets)

    def as_curl(self) -> str:
        """The command line of curl that makes the same request, its secrets included.

        Raises:
            NotSeen: the request was not seen.
            BodyError: its body was not kept whole.
        """
        from sockfilter.outputs.curl import as_curl

        return as_curl(self)

    def as_pytest(self) -> str:
        """The source of a test that makes the same request, its secrets included, and asserts the same answer.

        Raises:
            NotSeen: a half of the exchange was not seen.
            BodyError: the request's body was not kept whole.
        """
        from sockfilter.outputs.pytest_source import as_pytest

        return as_pytest(self)

    @property
    def client(self) -> Endpoint:
        """The end that asked."""
        return self.connection.client

    @property
    def server(self) -> Endpoint:
        """The end that answered."""
        return self.connection.server

    @property
    def client_process(self) -> Process | None:
        """The process that asked; None: not known."""
        return self.processes[self.connection.client_end or 0]

    @property
    def server_process(self) -> Process | None:
        """The process that answered; None: not known."""
        return self.processes[1 - (self.connection.client_end or 0)]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is odd about the exchange and its messages, each once."""
        found = self._problems
        for half in (self.request, *self.informational, self.response):
            if half is not None and half.problems:
                found = (*found, *half.problems)
        return tuple(dict.fromkeys(found)) if found else found

    @property
    def reason(self) -> Problem:
        """Why a half is missing: the cause where it is known, else that it is. There is one where one is missing."""
        return self._problems[-1]

    def replace_problems(self, *problems: Problem) -> None:
        """Notes what is odd, in place of what was thought to be; its messages keep their own."""
        self._problems = problems

    def add_problems(self, *problems: Problem) -> None:
        """Notes what is odd."""
        self._problems = (*self._problems, *problems)

    @property
    def complete(self) -> bool:
        """Whether both halves are there and ended as their framing says."""
        request, response = self.request, self.response
        return request is not None and response is not None and request.complete and response.complete

    @property
    def began_ns(self) -> int:
        """When its first byte passed, in nanoseconds by the source's clock."""
        first = self.request or next(iter(self.informational), self.response)
        assert first is not None  # there is no exchange without a message
        return first.start_ns

    @property
    def start_ns(self) -> int:
        """When its first byte passed, in nanoseconds since 1970 by the wall clock."""
        return self.began_ns + self.clock_offset_ns

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from the request's first byte to the last of the exchange; None without a response."""
        request, response = self.request, self.response
        if request is None or response is None or response.end_ns is None:
            return None
        return max(request.end_ns or 0, response.end_ns) - request.start_ns

    @property
    def timing(self) -> Timing:
        """How long each part took."""
        request, response, duration_ns = self.request, self.response, self.duration_ns
        connect_ns = self.connection.connect_ns if self.conn_seq == 1 else None
        return Timing(
            connect=None if connect_ns is None else connect_ns / 1e9,
            send=_between(request.start_ns, request.end_ns) if request else None,
            wait=_between(request.end_ns, response.start_ns) if request and response else None,
            receive=_between(response.start_ns, response.end_ns) if response else None,
            total=None if duration_ns is None else duration_ns / 1e9,
        )


def _between(start_ns: int | None, end_ns: int | None) -> float | None:
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    return (end_ns - start_ns) / 1e9
