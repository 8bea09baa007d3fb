"""Where the server of the page listens, and which connections are its own."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InvalidArgument
from sockfilter.model.locality import is_here

if TYPE_CHECKING:
    from sockfilter.model import Connection

LOOPBACK = "127.0.0.1"
# addresses that stand for all of this machine
EVERYWHERE = ("0.0.0.0", "::")
PORT_MAX = 65535
# connections that wait to be accepted: a browser opens six
BACKLOG = 16
PORT_DIGITS_MAX = 5


class WebAddress(NamedTuple):
    """Where to listen.

    Attributes:
        ip: the address.
        port: the port; 0: any that is free.
    """

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this machine reach it."""
        return self.ip.startswith("127.") or self.ip == "::1"

    @property
    def is_everywhere(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return self.ip in EVERYWHERE


def place(text: str) -> WebAddress:
    """Returns the place for PORT, ADDRESS:PORT or nothing. Raises InvalidArgument."""
    host, colon, port = text.rpartition(":")
    ip = host.removeprefix("[").removesuffix("]") if colon else LOOPBACK
    ip = LOOPBACK if ip == "localhost" else ip
    if not text:
        return WebAddress(LOOPBACK, 0)
    if not (port.isascii() and port.isdecimal() and len(port) <= PORT_DIGITS_MAX and int(port) <= PORT_MAX):
        raise InvalidArgument(f"{text!r}: use a port, or an address and a port: 8080, 127.0.0.1:8080, [::1]:8080")
    import ipaddress

    try:
        return WebAddress(str(ipaddress.ip_address(ip)), int(port))
    except ValueError:
        raise InvalidArgument(f"{text!r}: {ip!r} is not an address, such as 127.0.0.1, 0.0.0.0 or ::1") from None


def listen(
    at: WebAddress,
    option: str = "--web",
    elsewhere: str = ", or --web without one",
    other: str = "another program",
) -> socket.socket:
    """Returns a listening socket.

    Args:
        at: where.
        option: the option that says so.
        elsewhere: what else the user can do if the port is taken.
        other: who listens there, if the port is taken.

    Raises InvalidArgument: nobody can listen there.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in at.ip else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((at.ip, at.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        advice = {
            errno.EADDRINUSE: f"{other} listens there; use another port{elsewhere}",
            errno.EADDRNOTAVAIL: "this machine does not have the address; ip address lists those that it has",
            errno.EACCES: "ports below 1024 require root; use a higher one",
        }.get(error.errno or 0, "use another address or port")
        raise InvalidArgument(f"{option} {at}: {os.strerror(error.errno or 0)}: {advice}") from error
    return listener


class OwnConnections:
    """Knows which connections lead to the server of the page: those to its socket, in its network namespace.

    Args:
        at: where the server listens.
        addresses: the addresses of this machine less 127.0.0.0/8, if it listens on all of them.
    """

    def __init__(self, at: WebAddress, addresses: frozenset[str]) -> None:
        self._port = at.port
        self._is_everywhere = at.is_everywhere
        self._addresses = addresses if at.is_everywhere else frozenset((at.ip,))

    def are_others(self, connection: Connection) -> bool:
        """Whether a connection is not the page's own."""
        for end in connection.ends:
            if end.port == self._port:
                is_own = is_here(end.ip, self._addresses) if self._is_everywhere else end.ip in self._addresses
                if is_own:
                    return False
        return True
