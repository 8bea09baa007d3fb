"""The ledgers of several captures: their sum, and their form for other processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sockfilter.ledger import (
    PACKET_COUNTERS,
    Counts,
    FileCounts,
    FragmentCounts,
    Ledger,
    MessageCounts,
    ProcessCounts,
    SegmentCounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def empty() -> Ledger:
    """Returns the ledger of no capture."""
    return Ledger(
        dict.fromkeys(PACKET_COUNTERS, 0), 0, FragmentCounts(), SegmentCounts(), MessageCounts(), {}, ProcessCounts()
    )


# the kinds of counters; a new field needs no entry
KINDS = {name: type(value) for name, value in empty()._asdict().items() if isinstance(value, Counts)}
KINDS["file"] = FileCounts


def summed(ledgers: Iterable[Ledger]) -> Ledger:
    """Returns the sum. It balances if each of them does."""
    made = empty()
    for ledger in ledgers:
        made = Ledger(*map(_sum, made, ledger))
    return made


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, bool):
        return one or other
    if isinstance(one, int):
        return one + other
    if isinstance(one, Counts):
        sums = {name: _sum(value, vars(other)[name]) for name, value in vars(one).items()}
        return one.copy(**sums)
    made: dict[Any, Any] = Counter() if isinstance(one, Counter) else {}
    for name in (*one, *(name for name in other if name not in one)):
        made[name] = _sum(one.get(name), other.get(name))
    return made


def plain(ledger: Ledger) -> dict[str, Any]:
    """Returns a ledger as values of JSON."""
    return {name: value.as_dict() if isinstance(value, Counts) else value for name, value in ledger._asdict().items()}


def from_plain(values: Mapping[str, Any]) -> Ledger:
    """Returns the ledger that plain() has made values of.

    Raises:
        ValueError: they are not of that form. The sender may have been taken over by what it has read.
    """
    if set(values) != set(Ledger._fields):
        raise ValueError("this is not a ledger")
    made = empty()._asdict()
    for name, value in values.items():
        kind = KINDS.get(name)
        made[name] = _checked(value) if kind is None or value is None else _counts(kind, value)
    return Ledger(**made)


def _counts(kind: type[Counts], values: Any) -> Counts:
    made = kind()
    if not isinstance(values, dict) or set(values) != set(vars(made)):
        raise ValueError("this is not a ledger")
    for name, value in values.items():
        _checked(value)
        if name == "link_types":  # JSON has no numbers as names
            vars(made)[name] = {int(number): count for number, count in value.items()}
        else:
            vars(made)[name] = Counter(value) if isinstance(vars(made)[name], Counter) else value
    return made


def _checked(value: Any) -> Any:
    """Returns numbers, and mappings of them. Raises ValueError: it is something else."""
    if isinstance(value, dict):
        for each in value.values():
            _checked(each)
    elif value is not None and not isinstance(value, int):
        raise ValueError("this is not a ledger")
    return value
