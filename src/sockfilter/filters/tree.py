"""The tree of a filter, and the text that gives the same tree again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.filters.kinds import Between, quoted, written_pattern

if TYPE_CHECKING:
    from sockfilter.filters.names import Name

PATTERNS = ("~", "!~")
SETS = ("in", "not in")
# what a field alone stands for
THERE = ""


@dataclass(frozen=True)
class Comparison:
    """A field and what it is compared with.

    Attributes:
        name: the field.
        operator: one of the kind's operators, "in", "not in" or THERE.
        values: the wanted values: several for "in", none for THERE, else one.
    """

    name: Name
    operator: str
    values: tuple[Any, ...] = ()

    def __str__(self) -> str:
        if self.operator == THERE:
            return str(self.name)
        words = [self._written(value) for value in self.values]
        if self.operator in SETS and (len(words) > 1 or not isinstance(self.values[0], Between)):
            return f"{self.name} {self.operator} {{{', '.join(words)}}}"
        return f"{self.name} {self.operator} {words[0]}"

    def _written(self, value: Any) -> str:
        if isinstance(value, Between):
            return f"{self._written(value.first)}..{self._written(value.last)}"
        if self.operator in PATTERNS:
            return written_pattern(value)
        if self.operator in ("contains", "startswith", "endswith"):
            return quoted(value)
        return self.name.field.kind.write(value)


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    part: Node

    def __str__(self) -> str:
        return f"not {_within(self.part, (All, Either))}"


@dataclass(frozen=True)
class All:
    """Several conditions, all of which must hold."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(_within(part, (Either,)) for part in self.parts)


@dataclass(frozen=True)
class Either:
    """Several conditions, one of which must hold."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))


Node: TypeAlias = "Comparison | Not | All | Either"


def all_of(parts: list[Node]) -> Node:
    """Joins conditions that must all hold; a single one is returned as it is."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, All) else (part,)))
    return flat[0] if len(flat) == 1 else All(flat)


def either(parts: list[Node]) -> Node:
    """Joins conditions of which one must hold; a single one is returned as it is."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Either) else (part,)))
    return flat[0] if len(flat) == 1 else Either(flat)


def conjuncts(node: Node) -> tuple[Node, ...]:
    """Returns the conditions that must all hold for the whole to hold."""
    return node.parts if isinstance(node, All) else (node,)


def comparisons(node: Node) -> Iterator[Comparison]:
    """Yields every comparison in a tree."""
    if isinstance(node, Comparison):
        yield node
    elif isinstance(node, Not):
        yield from comparisons(node.part)
    else:
        for part in node.parts:
            yield from comparisons(part)


def replaced(node: Node, replace: Callable[[Comparison], Comparison]) -> Node:
    """Returns a tree with other comparisons in the places of its own."""
    if isinstance(node, Comparison):
        return replace(node)
    if isinstance(node, Not):
        return Not(replaced(node.part, replace))
    return type(node)(tuple(replaced(part, replace) for part in node.parts))


def depth(node: Node) -> int:
    """Returns the number of levels of a tree."""
    if isinstance(node, Comparison):
        return 1
    parts = (node.part,) if isinstance(node, Not) else node.parts
    return 1 + max(map(depth, parts))


def _within(part: Node, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
