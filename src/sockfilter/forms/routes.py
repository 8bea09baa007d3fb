"""Shortens client and server to fit a line; the parts with the least information are left out first."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sockfilter.escape import printable
from sockfilter.forms.columns import DOTS, shortened, shortened_front, width
from sockfilter.forms.processes import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Endpoint
    from sockfilter.model.process import Process

ARROW = " > "
# routes whose text is cached: about as many connections may be active at the same time
ROUTES_MAX = 1024
# minimum columns of an end that is cut: fewer are of no use
END_MIN = 8


@lru_cache(ROUTES_MAX)
def fitted(
    client: Endpoint, server: Endpoint, processes: tuple[Process | None, Process | None], good: int, most: int
) -> str:
    """Client and server in the longest form that fits.

    Args:
        client, server: the ends.
        processes: the processes of client and server; None for a process that is not named.
        good: columns that the form should take; the longest form that fits them is used.
        most: columns that it may take if no form fits good; the ends are cut if none fits most either.
    """
    made = []
    for ends in _forms(client, server, *processes):
        made.append(_joined(*ends))
        if width(made[-1]) <= good:
            return made[-1]
    for text in made:
        if width(text) <= most:
            return text
    names = [printable(process.comm) for process in processes if process is not None]
    if len(names) == len(processes) and width(_joined(*names)) <= most:
        return _joined(*names)
    return _cut(*ends, server.port, most)


def _cut(client: str, server: str, port: int, most: int) -> str:
    """Cuts both ends, because their shortest form does not fit."""
    if width(server) + END_MIN + len(ARROW) <= most:
        return _joined(shortened(client, most - len(ARROW) - width(server)), server)
    for text in (server, f"{DOTS}:{port}", f":{port}") if port else ():
        if width(text) <= most:
            return text
    return shortened_front(server, most)


def _joined(client: str, server: str) -> str:
    return f"{client}{ARROW}{server}" if client else f"> {server}"


def _forms(
    client: Endpoint, server: Endpoint, asking: Process | None, answering: Process | None
) -> Iterator[tuple[str, str]]:
    """Both ends in forms of decreasing length; the parts with the least information are left out first."""
    client_text, server_text = _address(client), _address(server)
    yield _with(asking, client_text), _with(answering, server_text)
    # leaves out the address of this machine, or an address that both ends have
    is_here = _is_loopback(client) and _is_loopback(server)
    port_of_client = f":{client.port}" if is_here and client.port else client_text
    port_of_server = f":{server.port}" if (is_here or client.ip == server.ip) and server.port else server_text
    yield _with(asking, port_of_client), _with(answering, port_of_server)
    # leaves out the client's port, which is arbitrary
    alone = "" if is_here else printable(client.ip)
    yield (alone if asking is None else name_of(asking)), _with(answering, port_of_server)
    # leaves out the network that both ends are in
    same = _common(client.ip, server.ip) if port_of_server == server_text else ""
    if len(same) > len(DOTS):
        port_of_server = server_text.replace(same, DOTS, 1)
        yield (alone if asking is None else name_of(asking)), _with(answering, port_of_server)
    if asking is not None or answering is not None:
        names = [None if one is None else printable(one.comm) for one in (asking, answering)]
        yield names[0] or alone, f"{names[1]} {port_of_server}" if names[1] else port_of_server


def _with(process: Process | None, address: str) -> str:
    return address if process is None else f"{name_of(process)} {address}"


def _address(end: Endpoint) -> str:
    return printable(str(end))


def _is_loopback(end: Endpoint) -> bool:
    return end.ip.startswith("127.") or end.ip == "::1"


def _common(one: str, other: str) -> str:
    """The common prefix of both addresses, in whole parts."""
    size = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return one[: max(one.rfind(".", 0, size), one.rfind(":", 0, size)) + 1]
