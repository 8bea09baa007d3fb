"""Another protocol in a stream, after an extended CONNECT (RFC 8441), such as a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.protocols.interface import Handover

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.flow import LeftOut
    from sockfilter.protocols.interface import Context, Conversation, Receiver, Transport


class StreamTunnel:
    """Carries a conversation in the content of a stream.

    Args:
        transport: carries the stream.
        context: chooses the protocol, and has what its conversation needs.
        exchange: the exchange that opened the tunnel.
        protocol: the protocol that its request names.
    """

    __slots__ = ("_conversation", "_transport")

    # a stream has no sequence numbers: its first byte is known
    isn = (0, 0)

    def __init__(self, transport: Transport, context: Context, exchange: Exchange, protocol: str) -> None:
        self._transport = transport
        make = context.choose.by_upgrade(protocol)
        self._conversation: Conversation = make(self, context, Handover(exchange.conn_seq, exchange))

    @property
    def model(self) -> Connection:
        """The connection, as exchanges refer to it."""
        return self._transport.model

    @property
    def last_ns(self) -> int:
        """When its last segment passed, in the source's clock."""
        return self._transport.last_ns

    def announce(self, end: int, size: int) -> None:
        """Does nothing: other streams need the bytes of the connection."""

    def leave_out(self, end: int, number: int, take: Callable[[LeftOut], int]) -> None:
        """Does nothing: no protocol in a stream has streams of its own."""

    def reject(self) -> None:
        """Does nothing: other streams need the bytes of the connection."""

    def replace(self, conversation: Conversation) -> None:
        """Passes all further bytes to another conversation."""
        self._conversation = conversation

    def reader(self, end: int) -> TunnelReader:
        """The reader of the content that an end sends."""
        return TunnelReader(self._conversation.receivers[end], self._conversation if end else None)


class TunnelReader:
    """Passes the content of one direction of a tunnel to its conversation.

    Args:
        receiver: takes the bytes.
        weighed: the conversation if its memory counts here; None if it counts at the other direction.
    """

    __slots__ = ("_receiver", "_weighed")

    def __init__(self, receiver: Receiver, weighed: Conversation | None) -> None:
        self._receiver = receiver
        self._weighed = weighed

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept."""
        return 0 if self._weighed is None else self._weighed.weight

    def data(self, data: bytes, time_ns: int) -> None:
        """Takes bytes."""
        if self._receiver.ignoring >= len(data):
            self._receiver.skip(len(data), time_ns)
        else:
            self._receiver.data(data, time_ns, 0, 0)

    def missing(self, problem: Problem) -> None:
        """Notes that bytes are missing; at least one is."""
        self._receiver.missing(1, problem)

    def end(self, is_whole: bool) -> None:
        """Notes that no more bytes follow."""
        self._receiver.end(Problem.CLOSED if is_whole else Problem.GAP)
