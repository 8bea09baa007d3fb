"""The path of an exchange: the interfaces that it crossed, and what was lost between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.losses import Loss, Messages

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection, Endpoint


class Step(NamedTuple):
    """An interface that an exchange crossed.

    Attributes:
        interface: its name.
        time_ns: when the first byte of the request passed there, in nanoseconds since 1970; None if not known.
        client, server: the ends of the connection there: address translation may have replaced them.
        vlan: the VLAN identifiers of its frames there, the outer one first; empty if they have none.
        lost: the bytes that were lost between the step before and this one, in either direction.
    """

    interface: str
    time_ns: int | None
    client: Endpoint
    server: Endpoint
    vlan: tuple[int, ...] = ()
    lost: tuple[Loss, ...] = ()


def path_of(connection: Connection, messages: Messages, start_ns: int | None) -> tuple[Step, ...]:
    """Returns the interfaces that an exchange crossed, in the order in which its connection was opened there.

    Args:
        connection: its connection.
        messages: what it carried.
        start_ns: when it began on the connection's own interface, by the wall clock; None if not known.
    """
    seq = None if messages.request is None else messages.request.seq
    client = messages.client
    start_ns = None if seq is None else start_ns
    own = Step(connection.interface, start_ns, connection.client, connection.server, connection.vlan)
    # If the source has given it a new number, it does not know what came before.
    found = [(connection.opened_ns, own, connection.again if len(connection.streams) <= 1 else None)]
    for hop in connection.hops:
        at_ns = None if seq is None else hop.times[client].get(seq)
        time_ns = None if at_ns is None else at_ns + messages.clock_offset_ns
        step = Step(hop.interface, time_ns, hop.ends[client], hop.ends[1 - client], hop.vlan)
        found.append((hop.opened_ns, step, hop.again))
    found.sort(key=lambda one: one[0])
    steps, before = [], None
    for _, step, again in found:
        lost = () if before is None or again is None else messages.lost(before, again)
        steps.append(step._replace(lost=lost))
        before = again
    return tuple(steps)
