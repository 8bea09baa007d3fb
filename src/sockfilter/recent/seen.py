"""The values that fields of the kept exchanges have, for the completion of filters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sockfilter.errors import BodyError
from sockfilter.filters.closures import get_of_exchange
from sockfilter.masking import is_secret, mask_field, mask_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.filters.names import Name
    from sockfilter.model import Exchange
    from sockfilter.recent.store import RecentExchanges

# The last exchanges that are looked at: enough for what a person is likely to mean, and some milliseconds.
LOOKED_AT_MAX = 500
# values or keys that are returned
VALUES_MAX = 50
# characters of a value that is worth offering
CHARS_MAX = 120
# levels of JSON whose paths are offered, and members of each
JSON_LEVELS_MAX, JSON_MEMBERS_MAX = 3, 50
# fields whose values are free text of any length
UNOFFERED = {"body", "request_body", "response_body", "text"}


class SeenValues:
    """What the last exchanges have, most frequent first.

    Args:
        store: the exchanges.
        show_secrets: also return values that are masked elsewhere.
    """

    def __init__(self, store: RecentExchanges, *, show_secrets: bool = False) -> None:
        self._store = store
        self.show_secrets = show_secrets

    def values(self, name: Name) -> list[Any]:
        """Returns the values of a field."""
        if name.condition in UNOFFERED:
            return []
        get, many = get_of_exchange(name), name.field.many
        found: Counter[Any] = Counter()
        for exchange in self._last():
            got = get(exchange)
            for value in (got if many else (got,)) or ():
                if isinstance(value, (str, int, float, bool)) and self._is_offered(name, value):
                    found[value] += 1
        return [value for value, _ in found.most_common(VALUES_MAX)]

    def keys(self, condition: str) -> list[str]:
        """Returns the names that may follow the name of a field: of header fields, of parameters, paths of JSON."""
        found: Counter[str] = Counter()
        for exchange in self._last():
            found.update(list(dict.fromkeys(_keys(exchange, condition))))
        return [key for key, _ in found.most_common(VALUES_MAX)]

    def _last(self) -> list[Exchange]:
        return [each.exchange for each in self._store.since(self._store.end - LOOKED_AT_MAX)]

    def _is_offered(self, name: Name, value: Any) -> bool:
        if not isinstance(value, str):
            return True
        if not value or len(value) > CHARS_MAX:
            return False
        if self.show_secrets:
            return True
        key = name.key[-1] if isinstance(name.key, tuple) and name.key else name.key
        if isinstance(key, str) and is_secret(key, value):
            return False
        if name.field.keys == "name":
            return isinstance(key, str) and mask_field(key, value) == value
        return mask_target(value) == value


def _keys(exchange: Exchange, condition: str) -> Iterator[str]:
    halves = [exchange.request, exchange.response]
    if condition.startswith("request_"):
        halves = halves[:1]
    elif condition.startswith("response_"):
        halves = halves[1:]
    if condition == "query":
        if exchange.request is not None:
            yield from exchange.request.query
        return
    for half in halves:
        if half is None:
            continue
        if condition.endswith("header"):
            yield from (name.lower() for name, _ in half.headers)
        elif condition.endswith("json") and half.body and half.body.lstrip()[:1] in (b"{", b"["):
            try:
                yield from _paths(half.json(), "")
            except BodyError:
                continue


def _paths(value: Any, before: str, level: int = 1) -> Iterator[str]:
    if isinstance(value, list):
        inner = [("[*]", value[0])] if value else []
    else:
        inner = list(value.items())[:JSON_MEMBERS_MAX] if isinstance(value, dict) else []
    for name, member in inner:
        path = f"{before}{name}" if name == "[*]" or not before else f"{before}.{name}"
        if name.isidentifier() or name == "[*]":
            yield path
            if level < JSON_LEVELS_MAX:
                yield from _paths(member, path, level + 1)
