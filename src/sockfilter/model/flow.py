"""What is known of a flow when its first segment arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Endpoint

# Takes the segments of one stream. The arguments are time_ns, seq, ack, TCP flags, the number of payload bytes on the
# wire, the number of these that were kept, the buffer that holds them, and their offset in it. The caller may reuse the
# buffer after the call.
TakeSegment: TypeAlias = "Callable[[int, int, int, int, int, int, memoryview | bytes, int], None]"


class FlowStart(NamedTuple):
    """A flow, as its first segment shows it.

    Attributes:
        key: the same for both directions, and for every life of the connection.
        ends: both ends, in the key's order.
        interface: the interface that it passes.
        isn: the sequence number of each end's SYN; None if not known.
        told: the end whose SYN was not seen, and whose number is known from the other end's acknowledgement; None if
            there is no such end.
        syn_ns, synack_ns: when the SYN and the SYN-ACK passed, in the source's clock; None if not seen.
    """

    key: bytes
    ends: tuple[Endpoint, Endpoint]
    interface: str
    isn: tuple[int | None, int | None] = (None, None)
    syn_ns: int | None = None
    synack_ns: int | None = None
    told: int | None = None
