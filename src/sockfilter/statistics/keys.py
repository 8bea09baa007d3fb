"""What exchanges are grouped by: --by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.escape import printable, printable_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange
    from sockfilter.model.process import Process

    Key = Callable[[Exchange], str]

ROUTE = "route"
# what stands for a value that is not known
UNKNOWN = "-"
# groups may be by several at once, such as host,status
SEPARATOR = "  "


def _process(process: Process | None) -> str:
    return UNKNOWN if process is None else printable(process.comm)


def _container(exchange: Exchange) -> str:
    process = exchange.server_process or exchange.client_process
    return UNKNOWN if process is None or process.container is None else printable(process.container[:12])


def _method(exchange: Exchange) -> str:
    return UNKNOWN if exchange.request is None else printable_target(exchange.request.method) or UNKNOWN


def _host(exchange: Exchange) -> str:
    return UNKNOWN if exchange.request is None else printable_target(exchange.request.host) or UNKNOWN


def _status(exchange: Exchange) -> str:
    return UNKNOWN if exchange.response is None else str(exchange.response.status or UNKNOWN)


def _version(exchange: Exchange) -> str:
    half = exchange.request or exchange.response
    return UNKNOWN if half is None else f"HTTP/{half.version}"


def _processes(exchange: Exchange) -> str:
    return f"{_process(exchange.client_process)} > {_process(exchange.server_process)}"


def _problem(exchange: Exchange) -> str:
    return ", ".join(exchange.problems) or "none"


KEYS: dict[str, Key] = {
    "method": _method,
    "host": _host,
    "status": _status,
    "client": lambda exchange: printable(exchange.client.ip),
    "server": lambda exchange: printable(str(exchange.server)),
    "port": lambda exchange: str(exchange.server.port),
    "process": _processes,
    "container": _container,
    "interface": lambda exchange: printable(exchange.connection.interface),
    "version": _version,
    "problem": _problem,
}
OF_PROCESSES = {"process", "container"}


def names_of(text: str) -> tuple[str, ...]:
    """The names in a value of --by. Raises InvalidArgument if there is no such name."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name != ROUTE and name not in KEYS:
            raise InvalidArgument(f"--by {name!r}{_hint(name)}")
    return names


def _hint(name: str) -> str:
    import difflib

    known = [ROUTE, *KEYS]
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else f": it is one of {', '.join(known)}"


def key_of(names: tuple[str, ...], route: Callable[[str], str]) -> Key:
    """Returns the function that names the group of an exchange.

    Args:
        names: what to group by.
        route: names the route of a target.
    """

    def by_route(exchange: Exchange) -> str:
        request = exchange.request
        return UNKNOWN if request is None else f"{_method(exchange)} {route(request.target) or UNKNOWN}"

    keys = [by_route if name == ROUTE else KEYS[name] for name in names]
    if len(keys) == 1:
        return keys[0]
    return lambda exchange: SEPARATOR.join(key(exchange) for key in keys)
