"""Whose spans an exchange makes: those of the ends that are on this machine."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from sockfilter.model.locality import is_here

if TYPE_CHECKING:
    from sockfilter.model import Endpoint, Exchange
    from sockfilter.model.process import Process


class SpanKind(IntEnum):
    """The kinds of spans, by their numbers in OTLP (enum SpanKind)."""

    SERVER = 2
    CLIENT = 3


BOTH = (SpanKind.CLIENT, SpanKind.SERVER)
SERVER_ONLY, CLIENT_ONLY = (SpanKind.SERVER,), (SpanKind.CLIENT,)


def kinds_of(exchange: Exchange, local: frozenset[str]) -> tuple[SpanKind, ...]:
    """Returns the kinds of spans to make of an exchange, the client's first.

    If neither end is known to be here, as in a capture file or at a mirror port, the server's span stands for all.

    Args:
        exchange: the exchange.
        local: the addresses of this machine.
    """
    is_client = _is_here(exchange.client, exchange.client_process, local)
    is_server = _is_here(exchange.server, exchange.server_process, local)
    if is_client:
        return BOTH if is_server else CLIENT_ONLY
    return SERVER_ONLY


def _is_here(end: Endpoint, process: Process | None, local: frozenset[str]) -> bool:
    """Whether an end is on this machine: its process is, or its address, or it is a Unix socket."""
    return process is not None or not end.port or is_here(end.ip, local)
