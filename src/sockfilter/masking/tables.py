"""Caches of masked texts. They are emptied when the names of secrets change."""

from __future__ import annotations

import weakref
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    Masker = TypeVar("Masker", bound=Callable[..., object])

Key = TypeVar("Key")
Value = TypeVar("Value")

# texts whose masked form is cached: most fields and many targets are repeated
TEXTS_MAX = 2048

_forgetting: list[Callable[[], None]] = []
_tables: list[weakref.ref[KeptTable[object, object]]] = []


class KeptTable(dict[Key, Value]):
    """A cache of values with masked secrets. It is emptied when it is full, and when set_masking() changes the names.

    Args:
        size: entries.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        _tables.append(weakref.ref(cast("KeptTable[object, object]", self), _tables.remove))

    def keep(self, key: Key, value: Value) -> Value:
        """Stores a value, and returns it."""
        if len(self) >= self._size:
            self.clear()
        self[key] = value
        return value


def kept(function: Masker, size: int = TEXTS_MAX) -> Masker:
    """Wraps a function with a cache that is emptied when the names of secrets change.

    Args:
        function: its result must depend only on its arguments and on the names of secrets.
        size: results.
    """
    keeping = lru_cache(size)(function)
    _forgetting.append(keeping.cache_clear)
    return cast("Masker", keeping)


def forget() -> None:
    """Empties all caches."""
    for function in _forgetting:
        function()
    for reference in list(_tables):
        table = reference()
        if table is not None:
            table.clear()
