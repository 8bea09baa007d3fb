"""Parts of a filter in messages: their text, and what was found in their place. Secrets are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.escape import printable
from sockfilter.filters import kinds
from sockfilter.filters.tree import Comparison, replaced
from sockfilter.forms.sizes import duration_text
from sockfilter.masking import MASK, is_secret, mask_content, mask_field, mask_json, mask_query, mask_target

if TYPE_CHECKING:
    from sockfilter.filters.clauses import Clause
    from sockfilter.filters.names import Name
    from sockfilter.filters.where import Difference
    from sockfilter.model import Exchange

NOTHING = "nothing"
# Characters of a value that a line shows, and values of one field.
VALUE_MAX, VALUES_MAX = 150, 4


def clause_text(clause: Clause) -> str:
    """Returns a part of a filter as text without secrets."""
    return mask_json(str(replaced(clause.node, _masked_comparison)))


def clause_line(one: Difference, exchange: Exchange, missing: str) -> str:
    """Returns the difference of an exchange from a part of a filter.

    Args:
        one: the difference.
        exchange: the exchange.
        missing: what to say if a half is missing; "" if the part does not concern a half that is missing.
    """
    clause: Clause = one.wanted
    if clause.is_single:
        (found,) = (_found(name, value) for name, value in one.found.items())
        words = missing if missing and found == NOTHING else found
    else:
        words = ", ".join(f"{name} {_found(name, value)}" for name, value in one.found.items())
    return printable(f"{clause_text(clause)}: found {words}")


def _found(name: Name, value: Any) -> str:
    values = list(value) if name.field.many else [value]
    shown = [_shown(name, each) for each in values[:VALUES_MAX] if each is not None]
    more = len(values) - VALUES_MAX
    return " and ".join([*shown, *([f"{more} more"] if more > 0 else [])]) or NOTHING


def _shown(name: Name, value: Any) -> str:
    kind = name.field.kind
    if kind is kinds.SECONDS:
        return duration_text(value)
    if isinstance(value, str):
        value = _masked(name, value)
    text = mask_json(value if kind is kinds.ADDRESS else repr(value))
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}... ({len(text)} characters)"


def _masked_comparison(one: Comparison) -> Comparison:
    values = tuple(_masked(one.name, value) if isinstance(value, str) else value for value in one.values)
    return Comparison(one.name, one.operator, values)


def _masked(name: Name, value: str) -> str:
    """Returns a value of a field without its secrets."""
    condition, key = name.condition, name.key
    if condition.endswith("header") and isinstance(key, str):
        return mask_field(key, value)
    if condition == "query" and isinstance(key, str):
        (masked,) = mask_query({key: [value]})[key] or [value]
        return masked
    if condition == "target":
        return mask_target(value)
    if name.field.kind is kinds.ANY:
        last = key[-1] if isinstance(key, tuple) else None
        return MASK if isinstance(last, str) and is_secret(last, value) else value
    if name.field.reads_body:
        return mask_content(value.encode("utf-8", "surrogateescape"), "").decode("utf-8", "replace")
    return value
