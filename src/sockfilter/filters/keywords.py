"""Conditions that are given as arguments, in the words of the filter language."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from sockfilter.filters import kinds, tree
from sockfilter.filters.kinds import Between, plain_pattern
from sockfilter.filters.names import FIELDS, Name
from sockfilter.filters.tree import THERE, Comparison, Node, Not

# flags of a pattern that the language can write; re.UNICODE is always set
FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
PLAIN = (str, int, float, bool)
TEXTS = (kinds.TEXT, kinds.METHOD, kinds.PATH, kinds.FOLDED)
NS = 1_000_000_000


def node_of(name: str, wanted: Any) -> Node | None:
    """Returns the tree for a condition. None: the language cannot express it, for example a predicate.

    Args:
        name: the name of the condition.
        wanted: its value.
    """
    field = FIELDS[name]
    if field.keys == "name":
        return _of_names(name, wanted)
    if name == "problems" and isinstance(wanted, (list, tuple)):
        return None if wanted else Not(Comparison(Name(name), THERE))
    return _of_value(Name(name), wanted)


def _of_names(name: str, wanted: Any) -> Node | None:
    if isinstance(wanted, str):
        return Comparison(Name(name, wanted), THERE)
    if not isinstance(wanted, Mapping) or not wanted:
        return None
    parts: list[Node] = []
    for key, one in wanted.items():
        value = str(one) if isinstance(one, int) and not isinstance(one, bool) else one
        part = _of_value(Name(name, key), value)
        # the language has no word for all values in their order, nor for one half that has all of several fields
        if part is None or isinstance(one, (list, tuple)) or (name == "header" and len(wanted) > 1):
            return None
        parts.append(part)
    half = FIELDS[name].of_half
    if half and None in wanted.values():
        parts.insert(0, Comparison(Name(half), THERE))
    return tree.all_of(parts)


def _of_value(name: Name, wanted: Any) -> Node | None:
    field = name.field
    if wanted is None:
        # None is a value of JSON, and without a call there is no missing status either
        return None if field.kind is kinds.ANY or name.condition == "grpc_status" else Not(Comparison(name, THERE))
    if isinstance(wanted, (set, frozenset)):
        return _of_set(name, wanted)
    if isinstance(wanted, re.Pattern):
        return _of_pattern(name, wanted)
    if isinstance(wanted, range):
        return _of_range(name, wanted)
    value = _plain(name, wanted)
    return None if value is None else Comparison(name, "==", (value,))


def _plain(name: Name, wanted: Any) -> Any:
    """Returns a value as the tree has it. None: it cannot be written."""
    kind = name.field.kind
    if not isinstance(wanted, PLAIN) or (isinstance(wanted, float) and not math.isfinite(wanted)):
        return None
    if kind is kinds.SECONDS and not isinstance(wanted, str):
        time_ns = round(wanted * NS)
        return time_ns if time_ns >= 0 and time_ns / NS == wanted else None
    if kind in (kinds.WHOLE, kinds.BYTES):
        return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0 else None
    if kind is kinds.ADDRESS:
        try:
            return kind.read(kinds.Written(str(wanted), False))
        except ValueError:
            return None
    if isinstance(wanted, str):
        # an empty body has no text
        return None if name.field.reads_body and not wanted else wanted.lower() if kind.folds else str(wanted)
    return wanted


def _of_set(name: Name, wanted: set[Any] | frozenset[Any]) -> Node | None:
    values = [_plain(name, one) for one in wanted]
    if wanted and None not in values:
        return Comparison(name, "in", tuple(sorted(values, key=repr)))
    parts = [_of_value(name, one) for one in wanted]
    known = [part for part in parts if part is not None]
    return tree.either(sorted(known, key=str)) if known and len(known) == len(parts) else None


def _of_pattern(name: Name, wanted: re.Pattern[Any]) -> Node | None:
    pattern = wanted.pattern
    flags = wanted.flags & ~re.UNICODE.value
    if not isinstance(pattern, str) or name.field.kind not in TEXTS:
        return None
    letters = "".join(letter for flag, letter in FLAGS.items() if flags & flag)
    if flags & ~sum(FLAGS):
        return None
    return Comparison(name, "~", (plain_pattern(f"(?{letters}){pattern}" if letters else pattern),))


def _of_range(name: Name, wanted: range) -> Node | None:
    if wanted.step != 1 or not wanted or wanted.start < 0:
        return None
    if name.field.kind is kinds.SECONDS:
        first, last = wanted.start * NS, wanted.stop * NS
        return tree.all_of([Comparison(name, ">=", (first,)), Comparison(name, "<", (last,))])
    if name.field.kind not in (kinds.WHOLE, kinds.BYTES):
        return None
    return Comparison(name, "in", (Between(wanted.start, wanted.stop - 1),))
