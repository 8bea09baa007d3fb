"""What a comparison leaves out: fields that differ from call to call, and what the user names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

# Fields that differ between two runs of the same program: times, ids of one request, credentials of one session, what
# belongs to one connection, and sizes, which the body shows.
VOLATILE = frozenset(
    "date age expires last-modified etag content-length transfer-encoding connection keep-alive via server-timing"
    " x-request-id request-id x-correlation-id x-trace-id traceparent tracestate b3 x-b3-traceid x-b3-spanid"
    " x-amzn-trace-id x-amz-request-id cf-ray x-runtime x-response-time set-cookie cookie authorization"
    " if-none-match if-modified-since x-ratelimit-remaining x-ratelimit-reset retry-after host".split()
)
PARTS = ("status", "header", "request.header", "response.header", "json", "body", "problems")
NAME = re.compile(r"(status|problems|body|(?:request\.|response\.)?header(?:\.[\w!#$%&'*+^`|~-]+)?|json(?:[.\[].+)?)")
# any part of a path of JSON
ANY = {"*": r"[^.\[\]]*", "**": r".*"}


class Ignoring:
    """Decides what is compared.

    Args:
        rules: what is left out besides VOLATILE: "status", "problems", "body", "header.NAME", "request.header.NAME",
            "response.header.NAME", "json.PATH". `*` in a name or path stands for any part, `**` for any rest.

    Raises:
        InvalidArgument: a rule is malformed.
    """

    def __init__(self, rules: Sequence[str] = ()) -> None:
        self._whole: set[str] = set()
        self._patterns: list[re.Pattern[str]] = []
        for rule in rules:
            if not NAME.fullmatch(rule):
                raise InvalidArgument(
                    f"--ignore {rule!r}: use {', '.join(PARTS[:1] + PARTS[5:])}, header.NAME, request.header.NAME,"
                    " response.header.NAME or json.PATH"
                )
            if rule in PARTS:
                self._whole.add(rule)
            else:
                self._patterns.append(_pattern(rule))

    def part(self, name: str) -> bool:
        """Returns whether a whole part is left out."""
        return name in self._whole

    def field(self, half: str, name: str) -> bool:
        """Returns whether a field is left out. half: "request" or "response"."""
        name = name.lower()
        if name in VOLATILE or "header" in self._whole or f"{half}.header" in self._whole:
            return True
        return self._matches(f"header.{name}") or self._matches(f"{half}.header.{name}")

    def path(self, path: str) -> bool:
        """Returns whether a path of JSON is left out, or something that contains it."""
        if "json" in self._whole:
            return True
        name = f"json{path.removeprefix('$')}"
        return any(pattern.match(name) for pattern in self._patterns)

    def _matches(self, name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in self._patterns)


def _pattern(rule: str) -> re.Pattern[str]:
    """A rule as a pattern. That of a path also matches what is inside, if it is matched from the beginning."""
    if not rule.startswith("json"):
        rule = rule.lower()
    words = "".join(ANY.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", rule))
    return re.compile(rf"{words}(?=[.\[]|$)")
