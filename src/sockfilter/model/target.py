"""What a request asks for, read out of its target (RFC 9112, 3.2)."""

from __future__ import annotations

import re

# RFC 3986, 3.1, and the authority behind it
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
# fields of a query that are read; a longer one is no form
FIELDS_MAX = 10_000


def split(target: str) -> tuple[str, str, str]:
    """A target's authority, path and query, as sent; each empty where it has none.

    Args:
        target: a path with its query, an absolute URI, an authority (of CONNECT), or *.
    """
    authority, rest = "", target
    found = ABSOLUTE.match(target)
    if found:
        authority, rest = found[1].rpartition("@")[2], target[found.end() :] or "/"
    elif target[:1] not in ("/", "?", "*"):
        return target, "", ""
    path, _, query = rest.partition("?")
    return authority, path, query


def path(target: str) -> str:
    """The path, with its percent-encoding undone."""
    from urllib.parse import unquote  # most captures never ask

    return unquote(split(target)[1])


def query(target: str) -> dict[str, list[str]]:
    """The parameters: each name with its values, in order, with their encoding undone."""
    from urllib.parse import parse_qs

    words = split(target)[2]
    return parse_qs(words, keep_blank_values=True) if words.count("&") < FIELDS_MAX else {}


def host(authority: str) -> str:
    """The host of an authority, without user, port and brackets, in lower case (RFC 3986, 3.2.2)."""
    name = authority.rpartition("@")[2].strip()
    if name.startswith("["):
        return name[1:].partition("]")[0].lower()
    return name.partition(":")[0].lower()
