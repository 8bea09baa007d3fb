"""What is known of a flow when its first segment arrives."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Endpoint

# A flag above those of TCP: the bytes are left out, and a LEFT_OUT_LAYOUT is in the buffer instead. They are content of
# one stream of HTTP/2, and heads of its frames.
LEFT_OUT = 0x100
# heads of frames; bytes of content after these bytes, before the next head; the number of the stream
LEFT_OUT_LAYOUT = Struct("=III")

# This bit marks streams that the kernel has not numbered: their segments came in fragments. The kernel's numbers begin
# with the number of a processor.
OWN_STREAM = 1 << 63

# Takes the segments of one stream. The arguments are time_ns, seq, ack, TCP flags, the number of payload bytes on the
# wire, the number of these that were kept, the buffer that holds them, and their offset in it. The caller may reuse the
# buffer after the call.
TakeSegment: TypeAlias = "Callable[[int, int, int, int, int, int, memoryview | bytes, int], None]"


class LeftOut(NamedTuple):
    """Bytes of HTTP/2 that have passed, and that the source has left out: content of one stream, and heads of frames.

    Attributes:
        size: bytes of both.
        time_ns: when the last of them passed, in the source's clock.
        heads: how many frames began.
        ahead: bytes of content between these bytes and the next head.
        stream: the number of the stream.
    """

    size: int
    time_ns: int
    heads: int
    ahead: int
    stream: int


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
        vlan: the VLAN identifiers of its frames, the outer one first.
    """

    key: bytes
    ends: tuple[Endpoint, Endpoint]
    interface: str
    isn: tuple[int | None, int | None] = (None, None)
    syn_ns: int | None = None
    synack_ns: int | None = None
    told: int | None = None
    vlan: tuple[int, ...] = ()
