"""What a source of records sees of the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Endpoint


class Hearing(NamedTuple):
    """What later stages must know of a source of records.

    Attributes:
        both_ends: the source may see the same bytes at both ends of a connection, and late. There are no
            retransmissions. If False, the source is a wire or a capture file: each byte passes once, and once more for
            each retransmission.
        local_ends: returns both ends of a connection without addresses, by its stream. None if all connections have
            addresses.
        moment_of: returns the meaning of a time whose highest bit is set. None if no time has that bit.
    """

    both_ends: bool = False
    local_ends: Callable[[int], tuple[Endpoint, Endpoint]] | None = None
    moment_of: Callable[[int], int] | None = None


WIRE = Hearing()
