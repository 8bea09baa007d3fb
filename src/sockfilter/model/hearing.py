"""What a source of records hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Endpoint


class Hearing(NamedTuple):
    """What a source of records hears, in one value that travels with it to the stages that need to know.

    Attributes:
        both_ends: the same bytes may come from both ends of a connection, and late; nothing is sent again. Otherwise
            the source is a wire, or a file of one: each byte passes once, and again where TCP sends it again.
        local_ends: gives both ends of a connection without addresses, by its stream. None: all connections have them.
        moment_of: gives what a time means whose highest bit is set. None: no time has that bit.
    """

    both_ends: bool = False
    local_ends: Callable[[int], tuple[Endpoint, Endpoint]] | None = None
    moment_of: Callable[[int], int] | None = None


WIRE = Hearing()
