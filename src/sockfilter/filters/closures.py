"""Compiles the tree of a filter to one function of an exchange.

A comparison holds only if there is a value: != and not in hold if the field is there and none of its values is the
unwanted one, as in Wireshark 4. What is missing is found by not FIELD.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sockfilter.filters import kinds
from sockfilter.filters.kinds import Between
from sockfilter.filters.message_fields import MESSAGE_FIELDS, OF_CONNECTION
from sockfilter.filters.tree import THERE, All, Comparison, Not

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
    from typing import TypeAlias

    from sockfilter.filters.fields import Get
    from sockfilter.filters.names import Name
    from sockfilter.filters.tree import Node

    Test: TypeAlias = Callable[[Any], bool]

# operators that hold if no value meets the opposite one
OPPOSITES = {"!=": "==", "!~": "~", "not in": "in"}


def get_of_exchange(name: Name) -> Get:
    """Returns the function that gets a field of an exchange."""
    field = name.field
    get: Get = field.get(name.key) if field.keys else field.get
    return get


def get_of_message(name: Name) -> Get:
    """Returns the function that gets a field of a message."""
    own = MESSAGE_FIELDS.get(name.condition)
    if own is not None:
        get: Get = own.get(name.key) if own.keys else own.get
        return get
    field = name.field
    of_exchange: Get = field.get(name.key) if field.keys else field.get
    if name.condition in OF_CONNECTION:
        return of_exchange
    nothing = () if field.many else None
    return lambda message: nothing if message.exchange is None else of_exchange(message.exchange)


def compiled(node: Node, get_of: Callable[[Name], Get] = get_of_exchange) -> Test:
    """Returns the function that says whether an exchange meets a filter.

    Args:
        node: the tree.
        get_of: returns the function that gets a field.
    """
    if isinstance(node, Comparison):
        return _comparison(node, get_of(node.name))
    if isinstance(node, Not):
        part = compiled(node.part, get_of)
        return lambda exchange: not part(exchange)
    parts = [compiled(part, get_of) for part in node.parts]
    return _all(parts) if isinstance(node, All) else _any(parts)


def _all(parts: list[Test]) -> Test:
    """All of some tests. Two and three are written out, because a loop takes twice as long."""
    if len(parts) == 2:
        one, two = parts
        return lambda exchange: one(exchange) and two(exchange)
    if len(parts) == 3:
        one, two, three = parts
        return lambda exchange: one(exchange) and two(exchange) and three(exchange)

    def test(exchange: Any) -> bool:
        for part in parts:  # noqa: SIM110  # all() with a generator takes longer
            if not part(exchange):
                return False
        return True

    return test


def _any(parts: list[Test]) -> Test:
    def test(exchange: Any) -> bool:
        for part in parts:  # noqa: SIM110  # any() with a generator takes longer
            if part(exchange):
                return True
        return False

    return test


def _comparison(node: Comparison, get: Get) -> Test:
    field = node.name.field
    many = field.many
    if node.operator == THERE:
        if field.kind is kinds.FLAG:
            return lambda exchange: get(exchange) is True
        return (lambda exchange: bool(get(exchange))) if many else lambda exchange: get(exchange) is not None
    opposite = OPPOSITES.get(node.operator)
    if opposite is not None:
        return _none_of(get, _of_value(node, opposite), many=many)
    if field.kind in (kinds.WHOLE, kinds.SECONDS, kinds.BYTES) and not many:
        plain = _of_number(node, get)
        if plain is not None:
            return plain
    return _one_of(get, _of_value(node, node.operator), many=many)


def _of_number(node: Comparison, get: Get) -> Test | None:
    """A comparison with one number, without a call for it: the most usual one."""
    wanted = node.values[0]
    if node.operator == "==":
        return lambda exchange: bool(get(exchange) == wanted)
    if node.operator == ">":
        return lambda exchange: (value := get(exchange)) is not None and value > wanted
    if node.operator == ">=":
        return lambda exchange: (value := get(exchange)) is not None and value >= wanted
    if node.operator == "<":
        return lambda exchange: (value := get(exchange)) is not None and value < wanted
    if node.operator == "<=":
        return lambda exchange: (value := get(exchange)) is not None and value <= wanted
    return None


def _one_of(get: Get, test: Test, *, many: bool) -> Test:
    if not many:
        return lambda exchange: (value := get(exchange)) is not None and test(value)

    def matches(exchange: Any) -> bool:
        for value in get(exchange):  # noqa: SIM110  # any() with a generator takes longer
            if test(value):
                return True
        return False

    return matches


def _none_of(get: Get, test: Test, *, many: bool) -> Test:
    if not many:
        return lambda exchange: (value := get(exchange)) is not None and not test(value)

    def matches(exchange: Any) -> bool:
        values = get(exchange)
        return bool(values) and not any(map(test, values))

    return matches


def _of_value(node: Comparison, operator: str) -> Test:
    """Returns the test of one value."""
    kind = node.name.field.kind
    if operator == "in":
        return _member(kind, node.values)
    (wanted,) = node.values
    if operator == "==":
        return _equal(kind, wanted)
    if operator == "~":
        return _found(wanted)
    if operator in kinds.ORDERS:
        return _ordered(operator, wanted)
    is_folded = kind.folds
    if operator == "contains":
        return lambda value: isinstance(value, str) and wanted in (value.lower() if is_folded else value)
    if operator == "startswith":
        return lambda value: isinstance(value, str) and (value.lower() if is_folded else value).startswith(wanted)
    return lambda value: isinstance(value, str) and (value.lower() if is_folded else value).endswith(wanted)


def _found(pattern: str) -> Test:
    search = re.compile(pattern).search
    return lambda value: isinstance(value, str) and search(value) is not None


def _ordered(operator: str, wanted: Any) -> Test:
    kind = str if isinstance(wanted, str) else (int, float)

    def is_of_kind(value: Any) -> bool:
        return isinstance(value, kind) and not isinstance(value, bool)

    if operator == "<":
        return lambda value: is_of_kind(value) and value < wanted
    if operator == "<=":
        return lambda value: is_of_kind(value) and value <= wanted
    if operator == ">":
        return lambda value: is_of_kind(value) and value > wanted
    return lambda value: is_of_kind(value) and value >= wanted


def _equal(kind: kinds.Kind, wanted: Any) -> Test:
    if kind is kinds.ADDRESS:
        return _addressed(wanted)
    if kind is kinds.ANY:
        is_flag = isinstance(wanted, bool)
        return lambda value: isinstance(value, bool) is is_flag and bool(value == wanted)
    return lambda value: bool(value == wanted)


def _member(kind: kinds.Kind, wanted: tuple[Any, ...]) -> Test:
    ranges = [each for each in wanted if isinstance(each, Between)]
    plain = [each for each in wanted if not isinstance(each, Between)]
    if kind is kinds.ADDRESS or kind is kinds.ANY:
        tests = [_equal(kind, each) for each in plain] + [_between(each) for each in ranges]
        return lambda value: any(test(value) for test in tests)
    if not ranges:
        return frozenset(plain).__contains__
    if len(wanted) == 1:
        return _between(ranges[0])
    among = frozenset(plain)
    return lambda value: value in among or any(first <= value <= last for first, last in ranges)


def _between(wanted: Between) -> Test:
    first, last = wanted
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and first <= value <= last


def _addressed(wanted: IPv4Address | IPv6Address | IPv4Network | IPv6Network) -> Test:
    from ipaddress import IPv4Network, IPv6Network

    if not isinstance(wanted, (IPv4Network, IPv6Network)):
        text = str(wanted)
        return lambda value: bool(value == text)

    known: dict[str, bool] = {}

    def within(value: str) -> bool:
        found = known.get(value)
        if found is None:
            if len(known) >= ADDRESSES_MAX:
                known.clear()
            found = known[value] = _is_within(value, wanted)
        return found

    return within


# addresses whose networks are remembered: comparing one takes microseconds
ADDRESSES_MAX = 4096


def _is_within(value: str, network: IPv4Network | IPv6Network) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(value) in network
    except ValueError:  # the name of a Unix socket
        return False
