"""The protocols beside HTTP, which are read if they are wanted. Separate, because checks of arguments need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Protocols: TypeAlias = "str | Iterable[str]"

OPTIONAL = ("mqtt", "amqp", "smtp")
# carries other protocols, and is read if its secrets are wanted
TLS = "tls"
# the family that is always read, and everything
HTTP, ALL = "http", "all"
NAMES = (HTTP, *OPTIONAL, ALL)


def wanted(protocols: Protocols | None, default: Collection[str]) -> frozenset[str]:
    """Returns the protocols beside HTTP that a list of names asks for.

    Args:
        protocols: names, as a text such as "mqtt,smtp" or as several texts; None: the default.
        default: the protocols beside HTTP that are read if none are named.

    Raises:
        InvalidArgument: a name is not known. The message has the known names, and the nearest.
    """
    if protocols is None:
        return frozenset(default)
    names = [name.strip().lower() for part in _parts(protocols) for name in part.split(",")]
    for name in names:
        if name not in NAMES:
            raise InvalidArgument(f"{name!r} is not a protocol: {', '.join(NAMES[:-1])} and {ALL} are{_nearest(name)}")
    return frozenset(OPTIONAL if ALL in names else OPTIONAL_NAMES.intersection(names))


def _parts(protocols: Protocols) -> list[str]:
    parts = [protocols] if isinstance(protocols, (str, bytes)) else list(protocols)
    for part in parts:
        if not isinstance(part, str):
            raise InvalidArgument(f"{part!r} is not a protocol: use a string such as 'mqtt,smtp'")
    if not parts:
        raise InvalidArgument(f"protocols is empty; {HTTP!r} reads HTTP alone")
    return parts


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, NAMES, n=1)
    return f"; did you mean {near[0]}?" if near else ""


OPTIONAL_NAMES = frozenset(OPTIONAL)
