"""What exchanges can be sorted by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange

# comes before every known number
UNKNOWN = -1.0


class Order(NamedTuple):
    """One order.

    Attributes:
        name: its name.
        key: returns what an exchange is compared by: always a number, or always a text.
    """

    name: str
    key: Callable[[Exchange], float | str]


def _method(exchange: Exchange) -> str:
    return "" if exchange.request is None else exchange.request.head.method


def _host(exchange: Exchange) -> str:
    request = exchange.request
    return str(exchange.server) if request is None else request.host or str(exchange.server)


def _target(exchange: Exchange) -> str:
    return "" if exchange.request is None else exchange.request.head.target


def _status(exchange: Exchange) -> float:
    return UNKNOWN if exchange.response is None else exchange.response.head.status


def _type(exchange: Exchange) -> str:
    return "" if exchange.response is None else exchange.response.headers.get("content-type", "")


def _size(exchange: Exchange) -> float:
    return UNKNOWN if exchange.response is None else exchange.response.body.wire_len


def _duration(exchange: Exchange) -> float:
    duration_ns = exchange.duration_ns
    return UNKNOWN if duration_ns is None else duration_ns


def _process(exchange: Exchange) -> str:
    return " ".join(each.comm for each in (exchange.client_process, exchange.server_process) if each is not None)


def _problems(exchange: Exchange) -> float:
    return len(exchange.problems)


# by their names; the order in which exchanges have ended is None
ORDERS: dict[str, Order] = {
    order.name: order
    for order in (
        Order("time", lambda exchange: exchange.start_ns or UNKNOWN),
        Order("method", _method),
        Order("host", _host),
        Order("path", _target),
        Order("status", _status),
        Order("type", _type),
        Order("size", _size),
        Order("duration", _duration),
        Order("process", _process),
        Order("problems", _problems),
    )
}
