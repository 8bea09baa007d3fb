"""How an exchange differs from a condition, in lines: by path for JSON, by name for fields."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from sockfilter.errors import BodyError
from sockfilter.escape import printable
from sockfilter.filters.values import fields_test
from sockfilter.filters.where import short, shown
from sockfilter.masking import MASK, is_secret, mask_content, mask_field, mask_json, mask_query, mask_target
from sockfilter.views.json_paths import Absent, differing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.filters.where import Difference
    from sockfilter.model import Exchange, Message

# Lines for one condition, and characters of one value: enough to start with, and less than a screen.
LINES_MAX = 8
VALUE_MAX = 150
# Characters or bytes that are shown before the first difference in a body.
BEFORE_MAX = 20
# The maximum number of differences that are counted.
COUNTED_MAX = 1000

OF_REQUEST = {"method", "path", "target", "query", "host"}
OF_RESPONSE = {"status", "duration"}


def lines(one: Difference, exchange: Exchange) -> list[str]:
    """Returns the differences as "name: expected this, found that".

    Args:
        one: a condition that does not hold.
        exchange: the exchange for which it does not hold.
    """
    if not one.name:
        from sockfilter.views.clauses import clause_line  # only if a filter was parsed

        halves = [name.field.of_half for name in one.wanted.names]
        return [clause_line(one, exchange, next(filter(None, (_missing(f"{half}_", exchange) for half in halves)), ""))]
    missing = _missing(one.name, exchange)
    if missing and one.wanted is not None:
        return [f"{one.name}: expected {_value(one.wanted)}, found {missing}"]
    if one.name.endswith("json"):
        return _bounded(_of_json(one, exchange))
    if one.name.endswith("header"):
        return _bounded(_of_fields(one, exchange))
    if one.name == "query":
        return _bounded(_of_query(one, exchange))
    if one.name.endswith("body"):
        return [_of_body(_masked_bodies(one))]
    found = mask_target(one.found) if one.name == "target" and one.found is not None else one.found
    wanted = mask_target(one.wanted) if one.name == "target" and isinstance(one.wanted, str) else one.wanted
    return [f"{one.name}: expected {_value(wanted)}, found {_value(found)}"]


def masked_value(name: str, wanted: Any, limit: int) -> str:
    """Returns the value that a condition asks for, as text without secrets."""
    if not name:
        from sockfilter.views.clauses import clause_text  # only if a filter was parsed

        return short(clause_text(wanted), limit)
    if name == "target" and isinstance(wanted, str):
        wanted = mask_target(wanted)
    elif name.endswith("body"):
        wanted = _masked_body(wanted)
    return mask_json(shown(wanted, limit))


def share(one: Difference, exchange: Exchange) -> float | None:
    """Returns the share of a JSON value that differs, from 0 to 1. None: it is not JSON, or not compared by path."""
    if not one.name.endswith("json") or not isinstance(one.wanted, (dict, list)):
        return None
    differs = [sum(1 for _ in islice(differing(one.wanted, value), COUNTED_MAX)) for value in _values(one, exchange)]
    return min(1.0, min(differs) / max(1, _leaves(one.wanted))) if differs else None


def _missing(name: str, exchange: Exchange) -> str:
    """Returns a text if the half that a condition concerns is missing. Empty: it is there."""
    is_of_request = name in OF_REQUEST or name.startswith("request_")
    is_of_response = name in OF_RESPONSE or name.startswith("response_")
    if is_of_request and exchange.request is None:
        return "no request"
    if name.startswith("grpc") and exchange.grpc is None:
        return "no gRPC call"
    if is_of_response and exchange.response is None:
        return f"no response{_why(exchange)}"
    return ""


def _why(exchange: Exchange) -> str:
    return f" ({', '.join(exchange.problems)})" if exchange.problems else ""


def _halves(name: str, exchange: Exchange) -> list[Message]:
    """Returns the halves that a condition concerns."""
    halves = {"request": exchange.request, "response": exchange.response}
    which = name.partition("_")[0]
    wanted = [halves[which]] if which in halves else halves.values()
    return [half for half in wanted if half is not None]


def _values(one: Difference, exchange: Exchange) -> list[Any]:
    found = []
    for half in _halves(one.name, exchange):
        try:
            found.append(half.json())
        except BodyError:
            continue
    return found


def _of_json(one: Difference, exchange: Exchange) -> list[str]:
    values = _values(one, exchange)
    if not values:
        reasons = [_reason(half) for half in _halves(one.name, exchange) if half.body.wire_len]
        return [
            f"{one.name}: expected {_value(one.wanted)}, found no JSON{': ' if reasons else ''}{'; '.join(reasons)}"
        ]
    if not isinstance(one.wanted, (dict, list)):
        return [f"{one.name}: expected {_value(one.wanted)}, found {' and '.join(map(_value, values))}"]
    found = [list(islice(differing(one.wanted, value), COUNTED_MAX)) for value in values]
    return [
        f"{one.name} {path}: {_said(*_masked_leaves(path, wanted, other))}"
        for path, wanted, other in min(found, key=len)
    ]


def _masked_leaves(path: str, wanted: Any, found: Any) -> tuple[Any, Any]:
    """Returns both values at a JSON path, masked if the last key is the name of a secret."""
    key = path.rpartition(".")[2]
    return tuple(MASK if isinstance(one, str) and is_secret(key, one) else one for one in (wanted, found))  # type: ignore[return-value]  # there are two


def _masked_body(value: Any) -> Any:
    if isinstance(value, str):
        return mask_content(value.encode("utf-8", "surrogateescape"), "").decode("utf-8", "surrogateescape")
    return mask_content(value, "") if isinstance(value, bytes) else value


def _masked_bodies(one: Difference) -> Difference:
    return one._replace(wanted=_masked_body(one.wanted), found=_masked_body(one.found))


def _reason(half: Message) -> str:
    try:
        half.json()
    except BodyError as error:
        return str(error)
    return ""  # parsing failed before, so this is not reached


def _of_fields(one: Difference, exchange: Exchange) -> list[str]:
    """Returns lines for the fields that differ, in the half with the fewest differences."""
    wanted = one.wanted if isinstance(one.wanted, Mapping) else {one.wanted: Absent}
    found = [list(_wrong(one.name, wanted, half.headers.get_all, mask_field)) for half in _halves(one.name, exchange)]
    return min(filter(None, found), key=len, default=[f"{one.name}: expected {_value(one.wanted)}, found no message"])


def _of_query(one: Difference, exchange: Exchange) -> list[str]:
    assert exchange.request is not None  # checked before
    query = exchange.request.query
    wanted = one.wanted if isinstance(one.wanted, Mapping) else {one.wanted: Absent}

    def mask(name: str, value: str) -> str:
        (masked,) = mask_query({name: [value]})[name] or [value]
        return masked

    return list(_wrong("query", wanted, lambda name: query.get(name, []), mask))


def _wrong(
    kind: str, wanted: Mapping[str, Any], get: Callable[[str], list[str]], mask: Callable[[str, str], str]
) -> Iterator[str]:
    for name, one in wanted.items():
        if fields_test(name if one is Absent else {name: one})(get):
            continue
        values = [mask(name, value) for value in get(name)]
        found: Any = Absent if not values else values[0] if len(values) == 1 and not isinstance(one, list) else values
        expected = mask(name, one) if isinstance(one, str) else one
        said = (
            "expected it, and it is not there" if one is Absent else _said(Absent if one is None else expected, found)
        )
        yield f"{kind} {printable(name)}: {said}"


def _of_body(one: Difference) -> str:
    wanted, found = one.wanted, one.found
    if isinstance(wanted, str) and isinstance(found, bytes):
        found = found.decode("utf-8", "replace")
    if (
        type(wanted) is not type(found)
        or not isinstance(wanted, (str, bytes))
        or max(len(wanted), len(found)) < VALUE_MAX
    ):
        return f"{one.name}: expected {_value(wanted)}, found {_value(found)}"
    at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), min(len(wanted), len(found)))
    start = max(0, at - BEFORE_MAX)
    unit = "byte" if isinstance(wanted, bytes) else "character"
    return (
        f"{one.name}, from {unit} {start} on: expected {_value(wanted[start:])}, found {_value(found[start:])}"
        f" ({len(wanted)} and {len(found)} {unit}s)"
    )


def _said(wanted: Any, found: Any) -> str:
    if wanted is Absent:
        return f"not expected, found {_value(found)}"
    if found is Absent:
        return f"expected {_value(wanted)}, and it is not there"
    if isinstance(found, str) and wanted == found:
        return f"expected {_value(wanted)}, found another; both are masked"
    return f"expected {_value(wanted)}, found {_value(found)}"


def _value(value: Any) -> str:
    return printable(mask_json(shown(value, VALUE_MAX)))


def _bounded(made: list[str]) -> list[str]:
    return made if len(made) <= LINES_MAX else [*made[: LINES_MAX - 1], f"... and {len(made) - LINES_MAX + 1} more"]


def _leaves(value: Any) -> int:
    """Returns the number of leaves of a JSON value. An empty object or array counts as one."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_leaves, inside)) or 1
