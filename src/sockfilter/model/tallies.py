"""The interface of an output that needs only counts of most exchanges. The lane counts them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.model.connection import Connection

# the group of connections whose exchanges are not counted
NOT_COUNTED = 0xFFFFFFFF
# upper bounds of the buckets of durations and of sizes that the lane has room for (lane.h)
DURATIONS_MAX, SIZES_MAX = 15, 7


class Tally(NamedTuple):
    """Counts of exchanges with the same start lines, of connections of the same group.

    Attributes:
        lines: the start line of the request, a line feed, and the beginning of that of the response: b"HTTP/1.1 200".
        group: the group of their connections.
        duration_ns: all durations together.
        request_bytes, response_bytes: bytes of all bodies, as sent.
        durations, requests, responses: their number in each bucket of durations and of the sizes of both bodies, and in
            the bucket without a bound.
    """

    lines: bytes
    group: int
    duration_ns: int
    request_bytes: int
    response_bytes: int
    durations: Sequence[int]
    requests: Sequence[int]
    responses: Sequence[int]


class Tallies(Protocol):
    """An output that takes counts of exchanges of HTTP/1 that are complete and have no problems.

    Attributes:
        duration_bounds_ns: the upper bounds of the buckets of durations, at most DURATIONS_MAX.
        size_bounds: the upper bounds of the buckets of sizes in bytes, at most SIZES_MAX.
        drain: passes on what has been counted. Whoever counts sets it.
    """

    duration_bounds_ns: Sequence[int]
    size_bounds: Sequence[int]
    drain: Callable[[], None]

    def group_of(self, connection: Connection) -> int:
        """Returns the group of a connection, or NOT_COUNTED."""

    def take_tally(self, tally: Tally) -> None:
        """Takes counts."""
