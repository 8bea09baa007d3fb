"""The path of an exchange: the interfaces that it crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection, Endpoint


class Step(NamedTuple):
    """An interface that an exchange crossed.

    Attributes:
        interface: its name.
        time_ns: when the first byte of the request passed there, in nanoseconds since 1970; None if not known.
        client, server: the ends of the connection there: address translation may have replaced them.
    """

    interface: str
    time_ns: int | None
    client: Endpoint
    server: Endpoint


def path_of(
    connection: Connection, request_seq: int | None, start_ns: int | None, clock_offset_ns: int
) -> tuple[Step, ...]:
    """Returns the interfaces that an exchange crossed, in the order in which its connection was opened there.

    Args:
        connection: its connection.
        request_seq: the sequence number of its request; None if it has none.
        start_ns: when its request began on the connection's own interface, by the wall clock; None if not known.
        clock_offset_ns: what is added to a time of the source's clock to make it wall time.
    """
    client = connection.client_end or 0
    own = Step(connection.interface, None if request_seq is None else start_ns, connection.client, connection.server)
    found = [(connection.opened_ns, own)]
    for hop in connection.hops:
        at_ns = None if request_seq is None else hop.times[client].get(request_seq)
        time_ns = None if at_ns is None else at_ns + clock_offset_ns
        found.append((hop.opened_ns, Step(hop.interface, time_ns, hop.ends[client], hop.ends[1 - client])))
    return tuple(step for _, step in sorted(found, key=lambda one: one[0]))
