"""Conditions on exchanges: the same ones for finding, expecting and waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    from typing_extensions import Unpack

    from sockfilter.filters.conditions import Condition
    from sockfilter.model import Exchange

    class Conditions(TypedDict, total=False):
        """The conditions, as Where describes them."""

        method: Any
        path: Any
        target: Any
        query: Any
        host: Any
        header: Any
        request_header: Any
        response_header: Any
        body: Any
        request_body: Any
        response_body: Any
        json: Any
        request_json: Any
        response_json: Any
        status: Any
        grpc: Any
        grpc_status: Any
        port: Any
        process: Any
        pid: Any
        version: Any
        stream: Any
        reset: Any
        duration: Any
        problems: Any
        complete: Any


# characters of a value that a message shows
SHOWN_MAX = 300


class Difference(NamedTuple):
    """A condition that an exchange does not meet: the value that it has, and the wanted one."""

    name: str
    found: Any
    wanted: Any


class Where:
    """Conditions on exchanges. Each condition is optional; all that are given must hold.

    A condition is the wanted value itself; a compiled pattern, which must match anywhere in the value; a predicate,
    which is called with the value; a range of numbers; or a set of these, one of which must match.

    Args:
        *others: further conditions, which must hold too.
        method: "GET", {"PUT", "PATCH"}.
        path: the path of the target, percent-decoded: "/items".
        target: the target as sent, with the query.
        query: parameters: {"id": "3"}. A list has all values of a parameter. None means that it is absent.
        host: the host of the request, with or without the port.
        header, request_header, response_header: fields, as with query; names are case-insensitive. A name alone must
            be present. With header, a field may be in either half; with None, it must be absent from both.
        body, request_body, response_body: bytes or text of the kept body. With body, that of either half.
        json, request_json, response_json: the parsed JSON of a body that was kept whole. With json, of either half.
        status: 200, range(500, 600). None means that there is no response.
        grpc: the gRPC call: "shop.v1.Cart", or with its method "shop.v1.Cart/Get".
        grpc_status: the status of the gRPC call: "NOT_FOUND" or 5. None means that no status passed.
        port: the port of either end.
        process, pid: the short name and the number of the process at either end, if known.
        version: the version of the request: "1.1", "2".
        stream: the number of the stream in HTTP/2. None means that there is none.
        reset: the name of the error with which an end reset the stream: "CANCEL". None means that none did.
        duration: seconds from the first byte of the request to the last of the exchange.
        problems: "gap" must be among the problems. Of a set, at least one must be. A list has exactly the problems, and
            [] means none.
        complete: whether both halves are there and have all their bytes.

    Raises:
        InvalidArgument: there is no such condition, or it can never hold.
    """

    def __init__(self, *others: Where, **conditions: Unpack[Conditions]) -> None:
        self._tests: list[tuple[str, Any, Callable[[Exchange], bool], Callable[[Exchange, Any], Any]]] = []
        for other in others:
            if not isinstance(other, Where):
                raise InvalidArgument(f"{other!r} is not a condition: use a name, as in path={other!r}")
            self._tests += other._tests
        for name, wanted in conditions.items():
            condition = _conditions().get(name)
            if condition is None:
                raise InvalidArgument(f"there is no condition {name!r}{_hint(name)}")
            try:
                self._tests.append((name, wanted, condition.test(wanted), condition.value))
            except InvalidArgument as error:
                raise InvalidArgument(f"{name}={shown(wanted)}: {error}") from error

    def __repr__(self) -> str:
        return f"Where({self})"

    def __str__(self) -> str:
        return ", ".join(f"{name}={shown(wanted)}" for name, wanted, _, _ in self._tests)

    @property
    def conditions(self) -> list[tuple[str, Any]]:
        """The names of the conditions, and the wanted values."""
        return [(name, wanted) for name, wanted, _, _ in self._tests]

    def matches(self, exchange: Exchange) -> bool:
        """Whether all conditions hold."""
        return all(test(exchange) for _, _, test, _ in self._tests)

    def differences(self, exchange: Exchange) -> list[Difference]:
        """The conditions that do not hold, in the order in which they were given."""
        return [
            Difference(name, value(exchange, wanted), wanted)
            for name, wanted, test, value in self._tests
            if not test(exchange)
        ]


def _conditions() -> dict[str, Condition]:
    """All conditions. They are imported late, so that a capture starts without them."""
    from sockfilter.filters.conditions import CONDITIONS

    return CONDITIONS


def _hint(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, _conditions(), n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(_conditions())}"


def shown(wanted: Any, limit: int = SHOWN_MAX) -> str:
    """A wanted value, as people write it; cut after limit characters."""
    pattern = getattr(wanted, "pattern", None)
    if pattern is not None:
        return short(f"re.compile({pattern!r})", limit)
    name = getattr(wanted, "__name__", None)
    return str(name) if name and callable(wanted) else short(repr(wanted), limit)


def short(text: str, limit: int = SHOWN_MAX) -> str:
    """A text, cut after limit characters."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
