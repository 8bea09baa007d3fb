"""The differences of two JSON values, by path in the notation of JSONPath (RFC 9535)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# The maximum nesting depth. Deeper values are compared as a whole.
DEPTH_MAX = 50
# A member name that needs no brackets (RFC 9535, 2.5.1.1).
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Absent:
    """Stands for a value that does not exist."""


class Differing(NamedTuple):
    """A path at which two values differ. Absent: the path does not exist in that value."""

    path: str
    wanted: Any
    found: Any


def differing(wanted: Any, found: Any, path: str = "$", depth: int = 0) -> Iterator[Differing]:
    """Yields the paths at which two values differ: first those of the wanted value, then those only in the found one.

    Args:
        wanted, found: values as returned by json.loads().
        path: the path of both values.
        depth: the nesting depth of both values.
    """
    if wanted == found:
        return
    if depth < DEPTH_MAX and isinstance(wanted, dict) and isinstance(found, dict):
        for name in [*wanted, *(name for name in found if name not in wanted)]:
            inside = _member(path, name)
            yield from _within(wanted.get(name, Absent), found.get(name, Absent), inside, depth)
    elif depth < DEPTH_MAX and isinstance(wanted, list) and isinstance(found, list):
        for index in range(max(len(wanted), len(found))):
            one, other = (values[index] if index < len(values) else Absent for values in (wanted, found))
            yield from _within(one, other, f"{path}[{index}]", depth)
    else:
        yield Differing(path, wanted, found)


def _within(wanted: Any, found: Any, path: str, depth: int) -> Iterator[Differing]:
    if Absent in (wanted, found):
        yield Differing(path, wanted, found)
    else:
        yield from differing(wanted, found, path, depth + 1)


def _member(path: str, name: Any) -> str:
    return f"{path}.{name}" if isinstance(name, str) and PLAIN.fullmatch(name) else f"{path}[{name!r}]"
