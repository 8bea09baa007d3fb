"""Messages without a response of their own: messages on a stream, and messages of protocols other than HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.moment import wall_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.model.connection import Connection, Endpoint
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.problem import Problem


class StreamMessage:
    """One message of a WebSocket, a gRPC call, or server-sent events, or of a protocol such as MQTT or AMQP.

    Args:
        connection: the connection that carried it.
        protocol: the protocol's name: "websocket", "grpc", "sse".
        end: the end of the connection that sent it.
        kind: its type, as the protocol names it: "text", "ping", "publish".
        time_ns: when its first byte passed, in the source's clock.
        body: its content.
        exchange: the exchange that opened its stream; None if there is none, or if it was not seen.

    Attributes:
        channel: the number of its channel; None if the protocol has no channels.
        number: its place on the stream, from 1; 0 if not known.
        fields: its other properties, by the protocol's names.
        problems: the problems of the message.
        clock_offset_ns: nanoseconds to add to the source's clock for the wall clock.
    """

    __slots__ = (
        "body",
        "channel",
        "clock_offset_ns",
        "connection",
        "end",
        "exchange",
        "fields",
        "kind",
        "number",
        "problems",
        "protocol",
        "time_ns",
    )

    def __init__(
        self,
        connection: Connection,
        protocol: str,
        end: int,
        kind: str,
        time_ns: int,
        body: Body = NO_BODY,
        exchange: Exchange | None = None,
    ) -> None:
        self.connection = connection
        self.protocol = protocol
        self.end = end
        self.kind = kind
        self.time_ns = time_ns
        self.body = body
        self.exchange = exchange
        self.channel: int | None = None
        self.number = 0
        self.fields: Mapping[str, object] = {}
        self.problems: tuple[Problem, ...] = ()
        self.clock_offset_ns = 0

    def __repr__(self) -> str:
        return f"<StreamMessage {self.protocol} {self.kind} {self.source} > {self.destination}>"

    @property
    def is_from_client(self) -> bool:
        """Whether the client sent it."""
        return self.end == (self.connection.client_end or 0)

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
