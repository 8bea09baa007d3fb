"""What a filter requires of every exchange: what a capture can leave out, and what it must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.filters.kinds import Between
from sockfilter.filters.tree import All, Comparison, Either, comparisons

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sockfilter.filters.names import Name
    from sockfilter.filters.tree import Node

PORT_MAX = 65535
# the conditions whose fields need to know the processes, and those that only messages have
OF_PROCESSES = frozenset("process client_process server_process pid client_pid server_pid container pod".split())
# those whose fields the kernel's TCP knows
OF_TCP = frozenset("queued think accept max_queued retransmitted drops culprit".split())
OF_MESSAGES = frozenset(("sender", "type", "text"))
# members of a set that the kernel is told; a longer list of hosts would take longer to compare than it saves
MEMBERS_MAX = 64


class Requirements(NamedTuple):
    """What every matching exchange has. None: nothing is required of it.

    Attributes:
        ports: pairs of first and last port. One end has one of them.
        hosts: addresses and networks. One end is in one of them.
        family: 4 or 6.
        body: the field that reads bodies, for messages; empty if none does.
        protocols: the names of protocols that the filter compares with.
        process: the field that reads processes, for messages; empty if none does.
        message: the field that only messages without a response have; empty if there is none.
        tcp: the field that the kernel's TCP knows; empty if none does.
    """

    ports: tuple[tuple[int, int], ...] | None = None
    hosts: tuple[str, ...] | None = None
    family: int | None = None
    body: str = ""
    protocols: frozenset[str] = frozenset()
    process: str = ""
    message: str = ""
    tcp: str = ""


def required(nodes: Sequence[Node | None]) -> Requirements:
    """Returns what some conditions require, all of which must hold.

    Args:
        nodes: the conditions. None: a condition that the language cannot express, of which nothing is known.
    """
    known = [node for node in nodes if node is not None]
    found = _all([_of(node) for node in known])
    every = [comparison for node in known for comparison in comparisons(node)]
    names = list(dict.fromkeys(each.name for each in every))
    named = {value for each in every if each.name.condition == "protocol" for value in each.values}
    return found._replace(
        body=_first(name for name in names if name.field.reads_body),
        protocols=frozenset(named),
        process=_first(name for name in names if name.condition in OF_PROCESSES),
        message=_first(name for name in names if name.condition in OF_MESSAGES),
        tcp=_first(name for name in names if name.condition in OF_TCP),
    )


def _first(names: Iterable[Name]) -> str:
    return next(map(str, names), "")


def _of(node: Node) -> Requirements:
    if isinstance(node, Comparison):
        return _of_comparison(node)
    if isinstance(node, All):
        return _all([_of(part) for part in node.parts])
    if isinstance(node, Either):
        return _either([_of(part) for part in node.parts])
    return Requirements()


def _of_comparison(node: Comparison) -> Requirements:
    values = _numbers(node)
    where = node.name.field.where_from
    if where == "port" and values is not None:
        ports = tuple((max(first, 1), min(last, PORT_MAX)) for first, last in values)
        # a filter that no port can meet is left to user space, which then shows nothing
        return Requirements(ports=ports) if ports and all(first <= last for first, last in ports) else Requirements()
    if where == "family" and values in ([(4, 4)], [(6, 6)]):
        return Requirements(family=values[0][0])
    if where == "ip" and node.operator in ("==", "in") and len(node.values) <= MEMBERS_MAX:
        return Requirements(hosts=tuple(map(str, node.values)))
    return Requirements()


def _numbers(node: Comparison) -> list[tuple[int, int]] | None:
    """Returns the ranges that a comparison with numbers allows. None: it is another kind of comparison."""
    if node.operator == "==" or (node.operator == "in" and len(node.values) <= MEMBERS_MAX):
        found = [each if isinstance(each, Between) else Between(each, each) for each in node.values]
        return [(each.first, each.last) for each in found if isinstance(each.first, int)]
    wanted: Any = node.values[0] if node.values else None
    if not isinstance(wanted, int):
        return None
    ranges = {
        ">": (wanted + 1, PORT_MAX),
        ">=": (wanted, PORT_MAX),
        "<": (0, wanted - 1),
        "<=": (0, wanted),
    }
    return [ranges[node.operator]] if node.operator in ranges else None


def _all(parts: Sequence[Requirements]) -> Requirements:
    """All must hold: for each kind, what leaves out most."""
    return Requirements(
        ports=min((part.ports for part in parts if part.ports is not None), key=_width, default=None),
        hosts=max((part.hosts for part in parts if part.hosts is not None), key=_narrowness, default=None),
        family=next((part.family for part in parts if part.family is not None), None),
    )


def _either(parts: Sequence[Requirements]) -> Requirements:
    """One must hold: for each kind, all of them together, if each part requires something."""
    ports = [part.ports for part in parts]
    hosts = [part.hosts for part in parts]
    families = {part.family for part in parts}
    return Requirements(
        ports=None if None in ports else _joined(ports),
        hosts=None if None in hosts else _joined(hosts),
        family=families.pop() if len(families) == 1 else None,
    )


def _joined(parts: Iterable[Any]) -> Any:
    every = tuple(dict.fromkeys(each for part in parts for each in part))
    return every if len(every) <= MEMBERS_MAX else None


def _width(ports: tuple[tuple[int, int], ...]) -> int:
    return sum(last - first + 1 for first, last in ports)


def _narrowness(hosts: tuple[str, ...]) -> tuple[int, int]:
    """The length of the shortest prefix; of the same length, fewer hosts are narrower."""
    from ipaddress import ip_network

    lengths = []
    for host in hosts:
        network = ip_network(host, strict=False)
        lengths.append(network.prefixlen + (96 if network.version == 4 else 0))
    return min(lengths), -len(hosts)
