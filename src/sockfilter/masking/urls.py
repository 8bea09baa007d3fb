"""Masks secrets in targets, URLs and forms: in parameters, user information, and paths with a key."""

from __future__ import annotations

import re

from sockfilter.masking.json_text import mask_json
from sockfilter.masking.names import (
    CODE_MIN,
    KEY_LIKE,
    MASK,
    TEXT_MAX,
    Level,
    is_worth,
    level_of,
    looks_like_key,
    may_hold_secret,
)
from sockfilter.masking.shapes import mask_shapes
from sockfilter.masking.tables import kept
from sockfilter.masking.userinfo import BARE_USERINFO, mask_userinfo

# levels of values within values that are searched: a URL in a parameter of a URL
DEPTH_MAX = 3
# a name, and the sign after it; a password may follow a colon instead of an equals sign
NAME = re.compile(r"(^|[?&;#/,]|&amp;)([^?&;#/=:,]{1,128})([=:])")
# the value of a parameter; a semicolon is part of it if no other parameter follows
VALUE = re.compile(r"[^&#;]*(?:;(?![\w.%\[\]-]{1,128}=)[^&#;]*)*")
# the value of a name that is not secret, up to where another name may begin
PLAIN_VALUE = re.compile(r"[^?&#;]*")
PATH_VALUE = re.compile(r"[^/?#&;]*")
# a segment of a path that announces a secret in the next segment
PATH = re.compile(r"(?i)((?:token|secret|passw(?:or)?d|api[-_]?key|session|jwt)/)([^/?#;&=]{8,})")
PATH_NAME = re.compile(r"(?:token|secret|passwo?r?d|key|session|jwt)/")
# In parameters, a key is a secret although it is doubtful elsewhere, and a code is one if it looks like a key.
SECRET_PARAMETERS = frozenset(("key",))
CODES = frozenset(("code",))
# a value that may contain another URL or JSON, percent-encoded
NESTED = re.compile(r"%(?:25|3[dD]|40|7[bB]|22)")


def mask_target(target: str) -> str:
    """A request's target, or a URL, with secrets masked."""
    return _mask_target(target) if len(target) <= TEXT_MAX else _mask_target_now(target)


def _mask_target_now(target: str) -> str:
    return _mask_url(target, DEPTH_MAX) if may_hold_secret(target) else target


_mask_target = kept(_mask_target_now)


def mask_form(form: str) -> str:
    """A form (application/x-www-form-urlencoded) with secrets masked."""
    return _mask_parameters(form, DEPTH_MAX) if may_hold_secret(form) else form


def mask_query(query: dict[str, list[str] | None]) -> dict[str, list[str] | None]:
    """Parameters with secrets masked. The value of an absent parameter is None."""
    return {
        name: [MASK if is_secret_parameter(name, value) else value for value in values] if values else values
        for name, values in query.items()
    }


def is_secret_parameter(name: str, value: str) -> bool:
    """Whether the value of a parameter in a target or a form is a secret."""
    level = level_of(name)
    if level is Level.SECRET:
        return is_worth(name, level, value)
    word = name.strip().lower()
    if word in SECRET_PARAMETERS:
        return is_worth(name, Level.SECRET, value)
    if word in CODES:
        return looks_like_key(value, CODE_MIN) or (value.isdecimal() and len(value) >= CODE_MIN)
    return level is Level.DOUBTFUL and is_worth(name, level, value)


def _mask_url(url: str, depth: int) -> str:
    if "@" in url:
        url = mask_userinfo(url)
        if url[:1] != "/":
            url = BARE_USERINFO.sub(rf"\1{MASK}", url)
    if PATH_NAME.search(url.lower()):
        url = PATH.sub(_without_key, url)
    return mask_shapes(_mask_parameters(url, depth))


def _mask_parameters(text: str, depth: int) -> str:
    """Masks parameters after ? and &, and anywhere else in the text, because a URL may contain an unencoded URL."""
    if "=" not in text and ":" not in text:
        return text
    parts, end = [], 0
    is_encoded = "%" in text
    for found in NAME.finditer(text):
        if found.start(2) < end:
            continue
        before, name, sign = found.groups()
        if not is_encoded and not level_of(name) and name.lower() not in CODES:
            continue
        at = found.end()
        if sign == ":" and text.startswith("//", at):
            continue  # a scheme
        pattern = PATH_VALUE if before == "/" else VALUE if _is_name_of_secret(name) else PLAIN_VALUE
        value = pattern.match(text, at)
        assert value is not None  # it may be empty
        masked = _mask_value(name, value[0], sign, depth)
        if masked != value[0]:
            parts += [text[end:at], masked]
            end = value.end()
    return "".join(parts) + text[end:] if parts else text


def _is_name_of_secret(name: str) -> bool:
    return level_of(name) is Level.SECRET or name.lower() in SECRET_PARAMETERS


def _mask_value(name: str, value: str, sign: str, depth: int) -> str:
    if is_secret_parameter(name, value) or (sign == ":" and level_of(name) is Level.SECRET and value):
        return MASK
    if depth and NESTED.search(value):
        return _mask_nested(value, depth - 1)
    return value


def _mask_nested(value: str, depth: int) -> str:
    """Masks a percent-encoded value that is a URL or JSON."""
    from urllib.parse import quote, unquote  # imported late: few targets have such a value

    inner = unquote(value, errors="surrogateescape")
    if "=" not in inner and depth and NESTED.search(inner):
        masked = _mask_nested(inner, depth - 1)  # encoded twice
    elif inner[:1] in ("{", "["):
        masked = mask_json(inner)
    else:
        masked = _mask_url(inner, depth)
    return value if masked == inner else quote(masked, safe="*/", errors="surrogateescape")


def _without_key(found: re.Match[str]) -> str:
    """Masks the key in /token/KEY, but not the word in /token/introspect."""
    segment = found[2]
    is_key = bool(KEY_LIKE.fullmatch(segment)) and not segment.startswith("%")
    return f"{found[1]}{MASK}" if is_key else found[0]
