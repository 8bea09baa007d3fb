"""A client and a server that say what a test has them say, and the exchanges that were captured of it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

import sockfilter
from sockfilter import Exchange
from tests.support.odd import everything, talking, tell
from tests.support.servers import Site

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def captured(talk: Callable[[socket.socket], None], *parts: bytes) -> list[Exchange]:
    """The exchanges of a client that sends these parts, and reads what comes."""
    return captured_of(talk, lambda site: tell(site, *parts))


def captured_of(talk: Callable[[socket.socket], object], client: Callable[[Site], object]) -> list[Exchange]:
    """The exchanges of a client of such a server; nothing is lost, and the ledger balances."""
    with talking(talk) as site, sockfilter.capture("lo", ports=site.port, body=None) as capture:
        client(site)
    assert capture.ledger.is_balanced, capture.ledger.imbalance
    assert not capture.ledger.losses()
    return capture.exchanges


def is_reset(site: Site) -> None:
    """A client whose connection is reset."""
    with site.connect() as connection:
        connection.sendall(GET)
        with pytest.raises(ConnectionResetError):
            everything(connection)


def problems(exchange: Exchange) -> list[str]:
    return [problem.value for problem in exchange.problems]
