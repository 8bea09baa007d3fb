"""How long the parts of an exchange took."""

from __future__ import annotations

from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds that the parts of an exchange took, by the packets' times; None if not known.

    A duration is not known if a packet has no time, if two clocks stamped the packets, or if the clock was set between
    them.

    Attributes:
        connect: from the SYN to the SYN-ACK; only for the first exchange of a connection.
        send: from the first byte of the request to its last.
        wait: from the last byte of the request to the first byte of the response; None if the response began earlier.
        receive: from the first byte of the response to its last.
        total: from the first byte of the request to the last byte of the exchange.
        queued: from the last byte of the request to the server's read that took it. The kernel's TCP knows this, and
            the next two, if the server is on this machine.
        think: from that read to the first byte of the response.
        accept: how long the connection lay in the server's accept queue; only for its first exchange.
    """

    connect: float | None
    send: float | None
    wait: float | None
    receive: float | None
    total: float | None
    queued: float | None = None
    think: float | None = None
    accept: float | None = None
