"""Messages without a response of their own: messages on a stream, and messages of protocols other than HTTP."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter import presentation
from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.json_content import parsed
from sockfilter.model.moment import wall_ns
from sockfilter.model.process import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.model.connection import Connection, Endpoint
    from sockfilter.model.problem import Problem
    from sockfilter.model.process import Process

# shared by all messages without other properties
NO_FIELDS: Mapping[str, object] = MappingProxyType({})


class Close(NamedTuple):
    """Why a stream was closed, as its sender says.

    Attributes:
        code: the code; None if there is none, or if it is not known.
        reason: the reason; may be empty. None if it is not known.
    """

    code: int | None
    reason: str | None = ""


class StreamMessage:
    """One message of a WebSocket, a gRPC call, or server-sent events, or of a protocol such as MQTT or AMQP.

    Args:
        connection: the connection that carried it.
        protocol: the protocol's name: "websocket", "grpc", "sse".
        end: the end of the connection that sent it.
        kind: its type, as the protocol names it: "text", "ping", "publish".
        time_ns: when its first byte passed, in the source's clock.
        body: its content.
        exchange: the Exchange that opened its stream; None if there is none, or if it was not seen.

    Attributes:
        number: its place on the stream, from 1; 0 if not known.
        frames: the number of frames that carried it; 0 in a protocol without frames.
        compressed: whether its content was compressed; None in a protocol in which it cannot be.
        event_id: the last id that was set on the stream; None if there is none.
        channel: the channel that carried it; None in a protocol without channels.
        close: why the stream was closed; None if the message does not close it.
        fields: its other properties, by the protocol's names.
        problems: the problems of the message.
        clock_offset_ns: nanoseconds to add to the source's clock for the wall clock.
    """

    # class attributes, because most messages have most of these values
    number = 0
    frames = 0
    compressed: bool | None = None
    event_id: str | None = None
    channel: int | None = None
    close: Close | None = None
    fields: Mapping[str, object] = NO_FIELDS
    problems: tuple[Problem, ...] = ()
    clock_offset_ns = 0

    def __init__(
        self,
        connection: Connection,
        protocol: str,
        end: int,
        kind: str,
        time_ns: int,
        body: Body = NO_BODY,
        exchange: Any = None,  # Any, because the module of exchanges imports this module
    ) -> None:
        self.connection = connection
        self.protocol = protocol
        self.end = end
        self.kind = kind
        self.time_ns = time_ns
        self.body = body
        self.exchange = exchange

    def __repr__(self) -> str:
        return f"<StreamMessage {self.protocol} {self.kind} {self.source} > {self.destination}>"

    def to_dict(self, *, bodies: bool = True, show_secrets: bool = True) -> dict[str, Any]:
        """The message in the form of the JSON lines.

        Args:
            bodies: include the kept bytes of the content.
            show_secrets: do not mask secrets.
        """
        return presentation.message_dict(self, bodies=bodies, show_secrets=show_secrets)

    @property
    def is_from_client(self) -> bool:
        """Whether the client sent it."""
        return self.end == (self.connection.client_end or 0)

    @property
    def sender(self) -> str:
        """The end that sent it: "client" or "server"."""
        return "client" if self.is_from_client else "server"

    @property
    def client(self) -> Endpoint:
        """The client of the connection."""
        return self.connection.client

    @property
    def server(self) -> Endpoint:
        """The server of the connection."""
        return self.connection.server

    @property
    def processes(self) -> tuple[Process | None, Process | None]:
        """The processes at the connection's ends, as its exchange knows them, in the order of connection.ends."""
        return NOBODY if self.exchange is None else self.exchange.processes

    @property
    def client_process(self) -> Process | None:
        """The process at the client's end, as its exchange knows it; None if not known."""
        process: Process | None = None if self.exchange is None else self.exchange.client_process
        return process

    @property
    def server_process(self) -> Process | None:
        """The process at the server's end, as its exchange knows it; None if not known."""
        process: Process | None = None if self.exchange is None else self.exchange.server_process
        return process

    @property
    def text(self) -> str:
        """The kept content as text in UTF-8; invalid bytes become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content, parsed as JSON.

        Raises:
            BodyError: the content was not kept whole, or is not JSON.
        """
        return parsed(self.body, self)

    @property
    def source(self) -> Endpoint:
        """The end that sent it."""
        return self.connection.ends[self.end]

    @property
    def destination(self) -> Endpoint:
        """The end that it was sent to."""
        return self.connection.ends[1 - self.end]

    @property
    def start_ns(self) -> int | None:
        """When its first byte passed, in nanoseconds since 1970 by the wall clock; None if the packet has no time."""
        return wall_ns(self.time_ns, self.clock_offset_ns)

    def add_problem(self, problem: Problem) -> None:
        """Adds a problem, unless the message has it already."""
        if problem not in self.problems:
            self.problems = (*self.problems, problem)
