"""The state of an open connection: its age, and what it has carried."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection

# nanoseconds of silence after which a connection counts as idle; it is forgotten after ten minutes
IDLE_AFTER_NS = 10_000_000_000


class Activity(str, Enum):
    """What a connection is doing."""

    OPEN = "open"  # an exchange is under way
    READY = "ready"  # the last exchange has ended, and the next has not begun
    IDLE = "idle"  # ready for IDLE_AFTER_NS
    MALFORMED = "malformed"  # bytes of one of its directions are missing

    __str__ = str.__str__


class Life(NamedTuple):
    """One connection at one moment.

    Attributes:
        connection: the connection.
        state: what it is doing.
        opened_ns, last_ns: when it was first seen, and when its last bytes passed, in the source's clock.
        exchanges: the number of exchanges that have begun.
        sent: bytes that the client has sent, and bytes that the server has sent.
    """

    connection: Connection
    state: Activity
    opened_ns: int
    last_ns: int
    exchanges: int
    sent: tuple[int, int]
