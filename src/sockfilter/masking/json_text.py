"""Masks secrets in JSON by the names of its keys.

The text is searched, not parsed. So secrets are found in JSON that is cut, in JSON within other text (events, scripts,
logs), and in JSON within a string of JSON. Everything else stays as it was sent.
"""

from __future__ import annotations

import re

from sockfilter.masking.names import (
    DIGITS_MIN,
    MASK,
    NAME_MAX,
    Level,
    is_worth,
    level_of,
    may_hold_secret,
)
from sockfilter.masking.shapes import mask_shapes
from sockfilter.masking.userinfo import mask_userinfo

# what follows a key: the colon and the beginning of its value; JSON within a string of JSON has backslashes
VALUE = r"\s{0,20}:\s{0,20}(\\{0,7}[\"']|-?\d[\d.eE+-]*|[\[{])"
KEY = re.compile(
    rf'"([^"\\]{{0,{NAME_MAX}}}(?:\\u[0-9a-fA-F]{{4}}[^"\\]{{0,{NAME_MAX}}}){{0,{NAME_MAX}}})\\{{0,7}}"{VALUE}'
)
# a key of a literal in Python or JavaScript
PLAIN_KEY = re.compile(rf"'([\w.-]{{1,{NAME_MAX}}})'{VALUE}")
QUOTES = "\"'"
ESCAPE = re.compile(r"\\u00([0-9a-fA-F]{2})")
TOKEN = re.compile(r'\\{0,7}"|[\[\]{}]')
COLON = re.compile(r"\s{0,20}:")
# levels of nested objects with names of secrets; each costs a search for its end
INSIDE_MAX = 4
# keys whose value is the secret in an object with the name of a secret; for other keys, their own name decides
WITHIN = frozenset(("id", "value", "data", "raw", "text", "content", "key", "code"))
# names of objects in which each value is a secret, under any key
COLLECTIONS = re.compile(r"(?:cookie|secret|credential|password|token)s$", re.IGNORECASE)


def mask_json(text: str) -> str:
    """JSON, or a text that contains JSON, with secrets masked."""
    if not may_hold_secret(text) and "\\u00" not in text:
        return text
    text = _mask(text, KEY)
    if "':" in text or "' :" in text:
        text = _mask(text, PLAIN_KEY)
    return mask_shapes(mask_userinfo(text))


def _mask(text: str, key: re.Pattern[str]) -> str:
    parts: list[str] = []
    end = 0
    inside: list[tuple[int, bool]] = []  # end of an object of secrets, and whether all its values are
    for found in key.finditer(text):
        name, start = found.groups()
        at = found.start(2)
        if at < end:
            continue
        while inside and inside[-1][0] <= at:
            inside.pop()
        if "\\u" in name:
            name = ESCAPE.sub(lambda one: chr(int(one[1], 16)), name)
        level = level_of(name)
        if inside and level is not Level.SECRET and (inside[-1][1] or name.lower() in WITHIN):
            level = Level.SECRET
        if not level:
            continue
        if start in "[{":
            if level is not Level.SECRET or (start == "{" and len(inside) >= INSIDE_MAX):
                continue
            close = _close(text, at)
            if start == "{":
                inside.append((close, bool(COLLECTIONS.search(name))))
            else:
                parts += [text[end:at], _mask_strings(text[at:close])]
                end = close
            continue
        begin, stop = at, found.end(2)
        if start[-1] in QUOTES:
            begin, stop = stop, _end_of_string(text, start, stop)
        if _is_secret(name, level, text[begin:stop], start):
            parts += [text[end:begin], MASK]
            end = stop
    if not parts:
        return text
    parts.append(text[end:])
    return "".join(parts)


def _is_secret(name: str, level: Level, value: str, start: str) -> bool:
    if start[-1] in QUOTES or level is Level.DOUBTFUL:
        return is_worth(name, level, value)
    return sum(map(str.isdigit, value)) >= DIGITS_MIN and is_worth(name, level, value)


def _end_of_string(text: str, quote: str, at: int) -> int:
    """The end of a string; the end of the text if it was cut. quote: its opening quote, with backslashes in front."""
    depth = len(quote) - 1
    while True:
        end = text.find(quote[-1], at)
        if end < 0:
            return len(text)
        first = end
        while first > at and text[first - 1] == "\\":
            first -= 1
        escapes = end - first
        if escapes <= depth or (not depth and escapes % 2 == 0):
            return end - min(escapes, depth)
        at = end + 1


def _close(text: str, at: int) -> int:
    """The end of an array or an object; the end of the text if it was cut."""
    depth = 0
    while True:
        found = TOKEN.search(text, at)
        if found is None:
            return len(text)
        at = found.end()
        if found[0][-1] == '"':
            at = _end_of_string(text, found[0], at) + len(found[0])
            continue
        depth += 1 if found[0] in "[{" else -1
        if depth <= 0:
            return at


def _mask_strings(text: str) -> str:
    """An array with all its strings masked, including those in its objects."""
    parts, end, at = [], 0, 0
    while (found := TOKEN.search(text, at)) is not None:
        at = found.end()
        if found[0][-1] != '"':
            continue
        stop = _end_of_string(text, found[0], at)
        if stop > at and not COLON.match(text, stop + len(found[0])):
            parts += [text[end:at], MASK]
            end = stop
        at = stop + len(found[0])
    return "".join(parts) + text[end:]
