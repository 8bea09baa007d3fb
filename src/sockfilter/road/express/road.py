"""What the lane needs of the road, which is the Python code for all connections.

The road gives connections to the lane and takes them back, and receives the exchanges of the lane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter import model
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.flow import FlowStart
    from sockfilter.model.lines import Lines
    from sockfilter.model.message import Request, Response


class LaneReceiver(Protocol):
    """Takes the bytes of one direction on the road."""

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next span."""

    def skip(self, size: int, time_ns: int) -> None:
        """Notes bytes that passed and are not needed."""


class Pairing(Protocol):
    """Takes the exchanges of one connection."""

    client_end: int

    @property
    def number(self) -> int:
        """The number of the last exchange."""

    @property
    def is_at_rest(self) -> bool:
        """Whether no exchange is open, and the next response answers the next request."""

    def pair(self, number: int, request: Request, response: Response) -> Exchange:
        """Takes a request and its response. Returns the exchange with this number on its connection."""

    def note_pairs(self, number: int) -> None:
        """Notes that exchanges up to this number ended in the lane."""


class LaneConversation(Protocol):
    """The conversation of a connection that may enter the lane.

    Attributes:
        has_lane: whether it is a conversation in HTTP/1. If not, it has no other member of this class.
    """

    has_lane: bool

    @property
    def is_at_rest(self) -> bool:
        """Whether no message is open, and none is missing."""

    @property
    def receivers(self) -> tuple[LaneReceiver, LaneReceiver]:
        """The receivers of both ends."""

    @property
    def sink(self) -> Pairing:
        """Takes the exchanges."""

    def resume(self, client_end: int, boundaries: tuple[int, int]) -> None:
        """Continues after exchanges in the lane.

        Args:
            client_end: the end that sends requests.
            boundaries: the acknowledgement numbers of the last request and the last response.
        """


class LaneConnection(Protocol):
    """A connection on the road."""

    entered_at: int
    is_closed: bool
    last_ns: int
    model: model.Connection
    recall: Callable[[], None] | None
    short_stays: int
    start: FlowStart
    streams: list[int]

    @property
    def conversation(self) -> Any:
        """A LaneConversation. The type is Any, because the road declares a type with fewer members."""

    @property
    def is_at_rest(self) -> bool:
        """Whether both directions wait for the next bytes in order, and for nothing else."""

    @property
    def directions(self) -> tuple[Any, Any]:
        """Both directions.

        The lane uses next, the next sequence number; acked, the last acknowledgement number; and finish(), for a FIN.
        """

    def resume(
        self,
        following: tuple[int, int],
        acked: tuple[int | None, int | None],
        last_ns: int,
        passed: tuple[int, int],
    ) -> None:
        """Takes over from the lane."""

    def end_at_rest(self, following: tuple[int, int], last_ns: int) -> None:
        """Closes the connection after both ends have closed in the lane. following: the next sequence numbers."""


class LongRoad(Protocol):
    """Takes the records that are not for the lane."""

    @property
    def consume(self) -> Callable[[memoryview, list[int]], None]:
        """The function that takes the memory of the ring and the offsets of records in it."""

    def enter(self, view: memoryview, at: int, stream: int, time_ns: int) -> LaneConnection | None:
        """Opens the connection of a first record. Returns None if the connection is not new."""

    def note_control(self, count: int) -> None:
        """Counts segments without payload that the lane has taken."""


class RenderedLines(Protocol):
    """Takes the lines that the lane has written, and defines their form."""

    lines: Lines

    @property
    def clock_offset_ns(self) -> int:
        """Nanoseconds to add to the source's clock for the wall clock."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""


class CountedFigures(Protocol):
    """Takes the numbers of exchanges, if they are enough."""

    @property
    def take(self) -> Callable[[model.Connection, bytes, int, int, int, int, int, int, int, int], bool]:
        """Takes the numbers of an exchange, as Figures.take_figures() does."""

    @property
    def clock_offset_ns(self) -> int:
        """Nanoseconds to add to the source's clock for the wall clock."""

    def count(self, number: int) -> None:
        """Counts exchanges whose numbers were taken."""
