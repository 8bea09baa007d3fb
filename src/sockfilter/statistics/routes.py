"""Routes: paths in which ids, numbers, UUIDs and hashes are placeholders, so that one route has one name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.escape import printable_target
from sockfilter.masking import mask_target
from sockfilter.masking.tables import kept
from sockfilter.model.target import split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A segment that differs from call to call. Each has a digit, so that no word of letters alone is taken for one.
UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
NUMBER = r"[+-]?\d+(?:\.\d+)?"
# digests, ids of objects (MongoDB's have 24 digits), abbreviated ones of commits (7)
HASH = r"(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{7,128}"
# tokens and ids in base64 or base32 (ULID has 26), with a digit, and with an upper-case letter
TOKEN = r"(?=[\w~-]*\d)(?=[\w~-]*[A-Z])[\w~-]{16,256}"
SEGMENT = re.compile(rf"(?<=/)(?:({UUID})|({NUMBER})|({HASH}|{TOKEN}))(?=[/:]|$)", re.ASCII)
NAMES = ("", "{uuid}", "{id}", "{hash}")
# characters of a path that are looked at; the rest of a longer one is cut
PATH_MAX = 512
# paths whose route is kept: those of a site with many pages; 1 MB at most
PATHS_MAX = 2048
PLACEHOLDER = re.compile(r"\{([^{}/]*)\}|\*")
REST = "**"


def _folded_now(target: str) -> str:
    """The route of a target: its path with placeholders, masked and printable."""
    authority, path, _ = split(target)
    path = path or (f"{authority}" if authority else "/")
    if len(path) > PATH_MAX:
        path = f"{path[:PATH_MAX]}..."
    return printable_target(mask_target(SEGMENT.sub(_placeholder, path)))


def _placeholder(found: re.Match[str]) -> str:
    return NAMES[found.lastindex or 0]


folded = kept(_folded_now, PATHS_MAX)


def router(templates: Sequence[str]) -> Callable[[str], str]:
    """Returns the function that names the route of a target.

    Args:
        templates: routes with names of their own, such as "/users/{id}/orders". `{name}` and `*` stand for one
            segment, `**` at the end for all that follow. The first that matches names a path; the others are folded.

    Raises:
        InvalidArgument: a template is malformed.
    """
    if not templates:
        return folded
    named = [(_pattern(template), printable_target(template)) for template in templates]

    def route(target: str) -> str:
        path = split(target)[1]
        for pattern, name in named:
            if pattern.fullmatch(path):
                return name
        return folded(target)

    return kept(route, PATHS_MAX)


def _pattern(template: str) -> re.Pattern[str]:
    if not template.startswith("/"):
        raise InvalidArgument(f"--routes {template!r}: a route begins with a slash: /users/{{id}}/orders")
    if "?" in template:
        raise InvalidArgument(f"--routes {template!r}: a route has no query; write only the path")
    has_rest = template.endswith(f"/{REST}")
    parts = template.removesuffix(f"/{REST}").split("/") if has_rest else template.split("/")
    for part in parts:
        if set("{}*") & set(PLACEHOLDER.sub("", part)) or REST in part:
            raise InvalidArgument(
                f"--routes {template!r}: {part!r} is not a segment; use text, {{name}} or *, and /** at the end alone"
            )
    made = "/".join(_segment(part) for part in parts)
    return re.compile(f"{made}(?:/.*)?" if has_rest else made, re.DOTALL)


def _segment(part: str) -> str:
    made, at = "", 0
    for found in PLACEHOLDER.finditer(part):
        made += re.escape(part[at : found.start()]) + "[^/]+"
        at = found.end()
    return made + re.escape(part[at:])
