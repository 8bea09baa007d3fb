"""Who talks to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model.process import Known


class Endpoint(NamedTuple):
    """One end of a connection; port 0: of a Unix socket, with its name in place of an address."""

    ip: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Connection:
    """One life of a connection, SYN to FIN.

    Args:
        number: counts from 1 in the order in which connections were first seen.
        interface: the interface's name.
        ends: both ends, in the order of the record's flow.
        client_end: which of them is the client; None while nothing has told.
        syn_ns: when the SYN passed, in the source's clock; None: not seen.
        synack_ns: when its answer passed.

    Attributes:
        known: the processes at its ends; None: nobody has looked.
        netns: the kernel's number of its network namespace; 0: not known.
    """

    __slots__ = ("_route", "client_end", "ends", "interface", "known", "netns", "number", "syn_ns", "synack_ns")

    def __init__(
        self,
        number: int,
        interface: str,
        ends: tuple[Endpoint, Endpoint],
        client_end: int | None = None,
        syn_ns: int | None = None,
        synack_ns: int | None = None,
    ) -> None:
        self.number = number
        self.interface = interface
        self.ends = ends
        self.client_end = client_end
        self.syn_ns = syn_ns
        self.synack_ns = synack_ns
        self.known: Known | None = None
        self.netns = 0
        self._route: str | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.number} {self.route}>"

    @property
    def client(self) -> Endpoint:
        """The end that asks."""
        return self.ends[self.client_end or 0]

    @property
    def server(self) -> Endpoint:
        """The end that answers."""
        return self.ends[1 - (self.client_end or 0)]

    @property
    def route(self) -> str:
        """Client and server as text; made once, as every line of output has it."""
        if self._route is None:
            self._route = f"{self.client} > {self.server}"
        return self._route

    @property
    def connect_ns(self) -> int | None:
        """Nanoseconds from the SYN to its answer; None where either was not seen."""
        if self.syn_ns is None or self.synack_ns is None:
            return None
        return self.synack_ns - self.syn_ns
