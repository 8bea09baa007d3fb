"""Conditions on exchanges: the one language for finding, expecting and waiting."""

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
        """What can be asked of an exchange: see Where."""

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
        port: Any
        process: Any
        pid: Any
        duration: Any
        problems: Any
        complete: Any


# characters of a value that are shown
SHOWN_MAX = 300


class Difference(NamedTuple):
    """A condition that an exchange does not meet: what it has, and what was wanted."""

    name: str
    found: Any
    wanted: Any


class Where:
    """What exchanges must be like. Each condition is optional; all that are given must hold.

    A value is what is asked for itself; or a compiled pattern, found anywhere in it; a predicate, called with it; a
    range, of numbers; or a set, one of which it is.

    Args:
        *others: further ones, all of which must hold too.
        method: "GET", {"PUT", "PATCH"}.
        path: the target's path, percent-encoding undone: "/items".
        target: as sent, query and all.
        query: parameters: {"id": "3"}; a list: all values of it; None: it is not there.
        host: that was asked, with or without the port.
        header, request_header, response_header: fields, in any case of letters, as with query; a name alone: that it is
            there. header: in either half; None: in neither.
        body, request_body, response_body: bytes or text of what was kept. body: of either half.
        json, request_json, response_json: what a body that was kept whole means. json: of either half.
        status: 200, range(500, 600); None: there is no response.
        port: of either end.
        process, pid: the short name and the number of the process at either end, where it is known.
        duration: seconds, from the request's first byte to the last of the exchange.
        problems: "gap": it is one of them; a set: some of these are; a list: just these are, [] for none.
        complete: whether both halves are there, whole.

    Raises:
        InvalidArgument: there is no such condition, or what is asked can never be.
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
        """Their names, and what is asked for."""
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
    """All there are, imported when somebody asks: a capture begins without."""
    from sockfilter.filters.conditions import CONDITIONS

    return CONDITIONS


def _hint(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, _conditions(), n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(_conditions())}"


def shown(wanted: Any, limit: int = SHOWN_MAX) -> str:
    """What is asked for, as people write it; of more than so many characters, the beginning."""
    pattern = getattr(wanted, "pattern", None)
    if pattern is not None:
        return short(f"re.compile({pattern!r})", limit)
    name = getattr(wanted, "__name__", None)
    return str(name) if name and callable(wanted) else short(repr(wanted), limit)


def short(text: str, limit: int = SHOWN_MAX) -> str:
    """A text, cut behind so many characters."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
