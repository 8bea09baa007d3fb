"""Masks secrets in heads: in fields by their names, in URLs in fields, and in malformed fields."""

from __future__ import annotations

import re

from sockfilter.masking.json_text import mask_json
from sockfilter.masking.names import MASK, STEM, TEXT_MAX, TRIVIAL, Level, bare, has_own_names, is_unmasked, level_of
from sockfilter.masking.shapes import mask_shapes
from sockfilter.masking.tables import kept
from sockfilter.masking.urls import mask_target

# Heads whose masked form is cached, and the bytes of such a head: as many as JSON lines keep; at most 4 MB.
HEADS_MAX, HEAD_BYTES_MAX = 512, 4096
# cookies keep their names, and credentials keep their scheme
COOKIES = frozenset(("cookie", "set-cookie", "cookie2", "set-cookie2"))
SCHEME = re.compile(r"(?:AWS4-HMAC-SHA256|SCRAM-SHA-\d+|OAuth2|[A-Za-z][A-Za-z-]{1,19})(?=[ \t])", re.IGNORECASE)
# attributes of Set-Cookie, which are not secret (RFC 6265, 4.1.1)
COOKIE_ATTRIBUTES = frozenset(("expires", "max-age", "domain", "path", "samesite", "secure", "httponly", "partitioned"))
COOKIE_END = re.compile(r";\s*")
METHOD = re.compile(r"\S+[ \t]+")
# its value is text for people, as a reason phrase is
STATUS_MESSAGE = "grpc-message"
# a URL in a field such as Link, Refresh or Alt-Svc
URL = re.compile(r"[^\s<>\"]+")
# characters that a field must not have (RFC 9110, 5.5)
CONTROL = re.compile(r"[\0\r\n\x0b\x0c]")
# a valid name (RFC 9110, 5.6.2)
PROPER = re.compile(r"[\w!#$%&'*+.^`|~-]+")
# a name, and what may come between it and its value, in text that cannot be parsed
LOOSE = re.compile(r"([\w.\[\]%-]{2,128})([\"']?\]?[ \t]*[:=][ \t]*|[ \t]+)(?=\S)")


def mask_field(name: str, value: str) -> str:
    """A field's value, with secrets masked.

    Args:
        name: the name, which is case-insensitive.
        value: the value as sent.
    """
    if len(name) == len(STATUS_MESSAGE) and name.lower() == STATUS_MESSAGE:
        return mask_reason(value)
    if not level_of(name) and value.isprintable() and not _has_sign(value):
        return value
    return _mask_field(name, value) if len(value) <= TEXT_MAX else _mask_field_now(name, value)


def _has_sign(value: str) -> bool:
    """Whether _mask_field_now() may find a secret in a value. Faster than a pattern, because most values are short."""
    return "?" in value or "@" in value or "://" in value or "{" in value or "eyJ" in value


def _mask_field_now(name: str, value: str) -> str:
    level = level_of(name)
    if not value:
        return value
    if level and value.lower() not in TRIVIAL:
        return _mask_secret(name, value)
    if "://" in value or "?" in value or "@" in value:
        value = URL.sub(_without_secret, value)
    elif value[:1] == "{":
        value = mask_json(value)
    if "eyJ" in value:
        value = mask_shapes(value)
    if not value.isprintable() and CONTROL.search(value):
        return _mask_broken(value)
    return value


_mask_field = kept(_mask_field_now)


def is_proper(name: str) -> bool:
    """Whether a name is valid. The value after an invalid name may belong to the field before it."""
    return name.isidentifier() or PROPER.fullmatch(name) is not None


def mask_fields(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields with secrets masked. A malformed field is masked if it follows the name of a secret."""
    made: list[tuple[str, str]] = []
    before = ""
    for name, value in fields:
        if is_proper(name):
            made.append((name, mask_field(name, value)))
        elif not name and value and level_of(before):
            made.append((name, MASK))  # its name was on the line before
        else:
            made.append((mask_loose(name), _mask_below(name, value)))
        before = name
    return made


def mask_start_line(line: str) -> str:
    """A first line with secrets masked in the target of a request, or in the reason phrase of a response."""
    found = METHOD.match(line)
    if not found:
        return line
    if line[:5].upper() == "HTTP/":
        return mask_reason(line)
    words = line.rstrip()
    before = words[: max(words.rfind(" "), words.rfind("\t"))]
    has_version = words[len(before) + 1 :].upper().startswith("HTTP/")
    start = found.end()
    end = max(start, len(before.rstrip(" \t") if has_version else words))
    return line[:start] + mask_target(line[start:end]) + line[end:]


def mask_reason(words: str) -> str:
    """A reason phrase, with secrets masked."""
    return mask_target(mask_loose(words, signs=":=")) if "=" in words or ":" in words or "@" in words else words


def mask_head(head: bytes) -> bytes:
    """A head as sent, with its start line and with secrets masked. Only fields with a secret are changed.

    A trailer section with an empty line in front is accepted too.
    """
    return _mask_head(head) if len(head) <= HEAD_BYTES_MAX else _mask_head_now(head)


def _mask_head_now(head: bytes) -> bytes:
    start, *lines = head.split(b"\n")
    made = [mask_start_line(start.decode("latin-1")).encode("latin-1")]
    before, at = "", 0
    while at < len(lines):
        end = at + 1
        # a line that begins with white space continues the value before it (RFC 9112, 5.2)
        while end < len(lines) and lines[end][:1] in (b" ", b"\t"):
            end += 1
        # most lines recur even in heads that do not; only a line without a name depends on the one before it
        is_alone = end == at + 1 and lines[at][:1].isalnum() and len(lines[at]) <= TEXT_MAX
        masked, before = _mask_line(lines[at]) if is_alone else _mask_lines(lines[at:end], before)
        made += masked
        at = end
    return b"\n".join(made)


_mask_head = kept(_mask_head_now, HEADS_MAX)


def mask_loose(text: str, signs: str = "") -> str:
    """A text that cannot be parsed, with everything after the name of a secret masked.

    Args:
        text: the text.
        signs: signs, one of which must be between a name and its value; empty if a space is enough.
    """
    if not STEM.search(bare(text)):
        return text
    for found in LOOSE.finditer(text):
        sign = found[2].strip(" \t\"']")
        if (sign or not signs) and level_of(found[1]) is Level.SECRET:
            return text[: found.end()] + MASK
    return text


def _mask_lines(lines: list[bytes], before: str) -> tuple[list[bytes], str]:
    """The lines of one field, or a single masked line if it has a secret; and the field's name."""
    raw_name, colon, value = b" ".join(line.strip(b" \t\r") for line in lines).partition(b":")
    name, text = raw_name.decode("latin-1"), value.decode("latin-1").strip()
    end = b"\r" if lines[-1].endswith(b"\r") else b""
    if not colon:
        masked = mask_loose(name)
        return (lines if masked == name else [masked.encode("latin-1") + end]), name
    is_below = not name.strip() and text and level_of(before)
    masked_name, masked = name, MASK if is_below else mask_field(name, text)
    if " " in name.strip() or "\t" in name.strip() or CONTROL.search(name):
        masked_name, masked = mask_loose(name), _mask_below(name, text)
    if masked == text and masked_name == name:
        return lines, name
    first = lines[0].partition(b":")[0] if masked_name == name else masked_name.encode("latin-1")
    return [first + b": " + masked.encode("latin-1") + end], name


def _mask_line_now(line: bytes) -> tuple[list[bytes], str]:
    """The same for a line with a name, which no other line continues. Do not change the list: it is cached."""
    return _mask_lines([line], "")


_mask_line = kept(_mask_line_now)


def _without_secret(word: re.Match[str]) -> str:
    return mask_target(word[0]) if {"/", "?", "@"} & set(word[0]) else word[0]


def _mask_secret(name: str, value: str) -> str:
    """Masks the value of a field with the name of a secret."""
    key = _key(name)
    if key in COOKIES:
        is_set = key.startswith("set")
        parts = COOKIE_END.split(value)
        if not is_set and not has_own_names():
            return "; ".join([f"{part.partition('=')[0]}={MASK}" if "=" in part else part and MASK for part in parts])
        return "; ".join(_mask_cookie(part, i, is_set=is_set) for i, part in enumerate(parts))
    if "authorization" in key:
        scheme = SCHEME.match(value)
        return f"{scheme[0]} {MASK}" if scheme else MASK
    return MASK


_key = kept(bare)


def _mask_cookie(part: str, position: int, *, is_set: bool) -> str:
    name, equals, _ = part.partition("=")
    key = name.strip().lower()
    if not part or (is_set and position and key in COOKIE_ATTRIBUTES) or is_unmasked(name):
        return part
    return f"{name}={MASK}" if equals else MASK


def _mask_below(name: str, value: str) -> str:
    """Masks the value after an invalid name: all of it if the name contains a word of a secret."""
    return MASK if value and level_of(name) else mask_field("", value)


def _mask_broken(value: str) -> str:
    """Masks a value with a character that some parsers read as a line ending: another field may follow it."""
    parts = re.split(r"([\0\r\n\x0b\x0c]+)", value)
    for at in range(2, len(parts), 2):
        name, colon, rest = parts[at].partition(":")
        if colon:
            space = rest[: len(rest) - len(rest.lstrip())]
            parts[at] = f"{name}:{space}{mask_field(name, rest.strip())}"
        else:
            parts[at] = mask_loose(parts[at])
    return "".join(parts)
