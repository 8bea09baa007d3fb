"""The parts of a filter that must all hold, each with what a message to people needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.filters.closures import compiled, get_of_exchange
from sockfilter.filters.parser import parsed
from sockfilter.filters.tree import Comparison, comparisons, conjuncts

if TYPE_CHECKING:
    from sockfilter.filters.names import Name
    from sockfilter.filters.tree import Node
    from sockfilter.model import Exchange


class Clause:
    """A part of a filter.

    Attributes:
        node: its tree.
        test: whether an exchange meets it.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.test = compiled(node)

    def __str__(self) -> str:
        return str(self.node)

    def __repr__(self) -> str:
        return f"<Clause {self.node}>"

    @property
    def names(self) -> list[Name]:
        """The fields in it, each once."""
        return list(dict.fromkeys(comparison.name for comparison in comparisons(self.node)))

    @property
    def is_single(self) -> bool:
        """Whether it has a single comparison, whose field need not be named again."""
        return isinstance(self.node, Comparison)

    def values(self, exchange: Exchange) -> dict[Name, Any]:
        """Returns the values that an exchange has for its fields. Without a value: None or ()."""
        return {name: get_of_exchange(name)(exchange) for name in self.names}


def clauses(text: str) -> list[Clause]:
    """Returns the parts of a filter. Raises InvalidArgument."""
    return [Clause(node) for node in conjuncts(parsed(text))]
