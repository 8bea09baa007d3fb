"""What a source knows of a flow when its first segment arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Endpoint

# What takes the segments of one stream: time_ns, seq, ack, TCP flags, payload bytes on the wire, of them
# those that were kept, what holds these, and where in it they begin. It is not needed after the call.
TakeSegment: TypeAlias = "Callable[[int, int, int, int, int, int, memoryview | bytes, int], None]"


class FlowStart(NamedTuple):
    """The first sight of a flow.

    Attributes:
        key: the same for both directions, and for every life of the connection.
        ends: both ends, in the key's order.
        interface: where it passes.
        isn: the sequence number of each end's SYN; None: not seen.
        told: the end whose number was not seen, and is known as the other end acknowledges it; None: neither.
        syn_ns, synack_ns: when the SYN and its answer passed; None: not seen.
    """

    key: bytes
    ends: tuple[Endpoint, Endpoint]
    interface: str
    isn: tuple[int | None, int | None] = (None, None)
    syn_ns: int | None = None
    synack_ns: int | None = None
    told: int | None = None
