"""What the short road asks of the long one: of connections that change from one to the other, and of what it tells."""

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
    """What takes the bytes of one direction on the long road."""

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next span."""

    def skip(self, size: int, time_ns: int) -> None:
        """Takes note of bytes that passed and are not needed."""


class Pairing(Protocol):
    """What takes the exchanges of one connection."""

    client_end: int

    @property
    def number(self) -> int:
        """Of the last exchange."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is open, and the next response answers the next request."""

    def pair(self, number: int, request: Request, response: Response) -> Exchange:
        """Takes a request and its response. Returns the exchange, which has this number on its connection."""

    def note_pairs(self, number: int) -> None:
        """Takes note of exchanges that it has not seen, up to one of this number."""


class LaneConversation(Protocol):
    """Both receivers, and what they tell.

    Attributes:
        has_short_road: whether it is of HTTP/1; else it has nothing of what is below.
    """

    has_short_road: bool

    @property
    def is_at_rest(self) -> bool:
        """Whether no message has begun, and none is missing."""

    @property
    def receivers(self) -> tuple[LaneReceiver, LaneReceiver]:
        """One for each end."""

    @property
    def sink(self) -> Pairing:
        """Takes the exchanges."""

    def resume(self, client_end: int, boundaries: tuple[int, int]) -> None:
        """Goes on after exchanges that were read here, the last of which acknowledged as much."""


class LaneConnection(Protocol):
    """A connection of the long road."""

    entered_at: int
    last_ns: int
    model: model.Connection
    recall: Callable[[], None] | None
    short_stays: int
    start: FlowStart
    streams: list[int]

    @property
    def conversation(self) -> Any:
        """A Conversation; what the long road needs of it is less."""

    @property
    def is_at_rest(self) -> bool:
        """Whether both directions wait for new bytes in order, and for nothing else."""

    @property
    def directions(self) -> tuple[Any, Any]:
        """Each has next, the number that comes; acked, what its end had received; and finish(), for its FIN."""

    def resume(
        self,
        following: tuple[int, int],
        acked: tuple[int | None, int | None],
        last_ns: int,
        passed: tuple[int, int],
    ) -> None:
        """Goes on where the short road ended."""

    def end_at_rest(self, following: tuple[int, int], last_ns: int) -> None:
        """Both ends have closed, and all has been told; which number would follow at each."""


class LongRoad(Protocol):
    """What takes the records that are not for the short road."""

    @property
    def consume(self) -> Callable[[memoryview, list[int]], None]:
        """Takes the ring's memory and the offsets of records in it."""

    def enter(self, view: memoryview, at: int, stream: int, time_ns: int) -> LaneConnection | None:
        """The connection of a record that is its first. None: it is not new."""

    def note_control(self, count: int) -> None:
        """Takes note of segments without bytes that it has not seen."""


class RenderedLines(Protocol):
    """Takes note of exchanges whose lines were written here, and knows what these have to look like."""

    lines: Lines

    @property
    def clock_offset_ns(self) -> int:
        """Nanoseconds to add to the source's clock for the wall clock."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""
