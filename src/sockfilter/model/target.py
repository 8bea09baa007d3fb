"""The parts of a request's target (RFC 9112, 3.2)."""

from __future__ import annotations

import re

# a scheme (RFC 3986, 3.1) and an authority
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
# a query with more parameters is not parsed: no form has as many
FIELDS_MAX = 10_000


def split(target: str) -> tuple[str, str, str]:
    """A target's authority, path and query, as sent; each may be empty.

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
    """The path, percent-decoded."""
    from urllib.parse import unquote  # imported late: most captures do not need it

    return unquote(split(target)[1])


def query(target: str) -> dict[str, list[str]]:
    """The parameters of the query, decoded: each name with its values, in order."""
    from urllib.parse import parse_qs

    words = split(target)[2]
    return parse_qs(words, keep_blank_values=True) if words.count("&") < FIELDS_MAX else {}


def host(authority: str) -> str:
    """The host of an authority in lower case, without user, port and brackets (RFC 3986, 3.2.2)."""
    name = authority.rpartition("@")[2].strip()
    if name.startswith("["):
        return name[1:].partition("]")[0].lower()
    return name.partition(":")[0].lower()
