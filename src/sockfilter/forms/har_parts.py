"""The parts of a HAR entry that are made of text: URLs, parameters and cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.json_values import clean_text
from sockfilter.model.target import ABSOLUTE, FIELDS_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.forms.json_values import Json

# characters that a URI may have (RFC 3986, 2), and the sign of an encoded byte
OF_URI = "!#$%&'()*+,/:;=?@[]~"
# characters of an authority, without those that end it
OF_AUTHORITY = "!$%&'()*+,:;=@[]~"
ATTRIBUTES = {"path": "path", "domain": "domain", "samesite": "sameSite"}
FLAGS = {"httponly": "httpOnly", "secure": "secure"}


def url_of(scheme: str, authority: str, server: str, target: str = "") -> str:
    """The absolute URL of a target. What a URI may not have is percent-encoded.

    Args:
        scheme: the scheme; empty if the protocol does not state it.
        authority: the host and the port that the request names; may be empty.
        server: the address of the server, which stands for a missing authority.
        target: the target: a path with its query, an absolute URI, an authority, or *.
    """
    from urllib.parse import quote  # imported late: only HAR needs it

    def quoted(text: str, safe: str) -> str:
        return quote(text.encode("utf-8", "surrogateescape"), safe=safe)

    if ABSOLUTE.match(target):
        return quoted(target, OF_URI)
    place = quoted(authority or server, OF_AUTHORITY)
    if target and target[0] not in "/?*":
        place, target = quoted(target, OF_AUTHORITY), ""
    path = target if target[:1] in ("/", "?", "") else f"/{target}"
    return f"{scheme or 'http'}://{place}{quoted(path, OF_URI)}"


def parameters(text: str) -> list[Json]:
    """The parameters of a query or of a form, decoded, in order."""
    from urllib.parse import parse_qsl

    if text.count("&") >= FIELDS_MAX:
        return []
    return [
        {"name": clean_text(name), "value": clean_text(value)}
        for name, value in parse_qsl(text, keep_blank_values=True)
    ]


def cookies_sent(headers: Sequence[Json]) -> list[Json]:
    """The cookies of a request, from its fields."""
    made = []
    for value in _values(headers, "cookie"):
        for part in value.split(";"):
            name, equals, text = part.strip().partition("=")
            if equals or name:
                made.append({"name": name if equals else "", "value": text if equals else name})
    return made


def cookies_set(headers: Sequence[Json]) -> list[Json]:
    """The cookies that a response sets, from its fields."""
    return [_cookie(value) for value in _values(headers, "set-cookie")]


def _values(headers: Sequence[Json], name: str) -> list[str]:
    return [field["value"] for field in headers if field["name"].lower() == name]


def _cookie(value: str) -> Json:
    first, *rest = value.split(";")
    name, _, text = first.strip().partition("=")
    made: Json = {"name": name, "value": text}
    for part in rest:
        key, _, said = part.strip().partition("=")
        key = key.lower()
        if key in ATTRIBUTES:
            made[ATTRIBUTES[key]] = said
        elif key in FLAGS:
            made[FLAGS[key]] = True
        elif key == "expires" and (when := _date(said)):
            made["expires"] = when
    return made


def _date(text: str) -> str:
    """A date of a cookie in the form of HAR; empty if it is none."""
    from datetime import timezone
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(text.replace("-", " "))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""
    return when.replace(tzinfo=when.tzinfo or timezone.utc).isoformat()
