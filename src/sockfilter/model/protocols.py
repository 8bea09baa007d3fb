"""The names of the protocols beside HTTP that are read if they are wanted. Separate, because checks need them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

OPTIONAL = ("mqtt", "amqp", "smtp")
# the family that is always read, and all protocols
HTTP, ALL = "http", "all"
NAMES = (HTTP, *OPTIONAL, ALL)


def wanted(names: Collection[str]) -> frozenset[str]:
    """The protocols beside HTTP that a list of names asks for.

    Raises:
        KeyError: a name is not known.
    """
    for name in names:
        if name not in NAMES:
            raise KeyError(name)
    return frozenset(OPTIONAL if ALL in names else (name for name in names if name in OPTIONAL))
