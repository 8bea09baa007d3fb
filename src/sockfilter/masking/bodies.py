"""Masks secrets in bodies of a known type: JSON, forms, parts of forms, and heads of HTTP."""

from __future__ import annotations

import re
from typing import Protocol

from sockfilter.masking.fields import mask_head
from sockfilter.masking.json_text import mask_json
from sockfilter.masking.names import MASK, may_hold_secret
from sockfilter.masking.urls import is_secret_parameter, mask_form

# From this many bytes on, content is first searched in windows: masking it as a whole takes several times the memory.
LARGE_BYTES = 1 << 20
WINDOW_BYTES = 256 << 10
# bytes of the next window that a window includes: more than the trace of a secret in any encoding
OVERLAP_BYTES = 4 << 10

BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]{1,70})", re.IGNORECASE)
# a form without Content-Type
FORM = re.compile(r"[\w.%+\[\]-]{1,128}=[^\s<>]*")
# bytes that no form has; wget sends every file as a form
NO_FORM = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
PART_NAME = re.compile(r";\s*name=(?:\"([^\"\r\n]*)|([^;\"\s]*))", re.IGNORECASE)
PART_TYPE = re.compile(r"^content-type:\s*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Fields(Protocol):
    """The fields of a head."""

    def get(self, name: str, default: str) -> str:
        """The first value of a name, else the default."""


class MessageWithBody(Protocol):
    """What this module needs of a request or a response."""

    @property
    def body(self) -> bytes:
        """The kept bytes of its body."""

    @property
    def headers(self) -> Fields:
        """The fields of its head."""


def mask_body(message: MessageWithBody) -> bytes:
    """The kept bytes of a message's body, with secrets masked; the same object if there is no secret.

    Secrets stay in bodies of other types, such as HTML and XML, and in compressed content that was not decoded.
    """
    body = message.body
    return mask_content(body, message.headers.get("content-type", "")) if body else body


def mask_content(content: bytes, kind: str) -> bytes:
    """Content with secrets masked; the same object if there is no secret.

    Args:
        content: all of the content, or its beginning.
        kind: the value of Content-Type; empty if there is none.
    """
    lower = kind.lower()
    if len(content) >= LARGE_BYTES and not lower.startswith("multipart/") and not _may_hold_secret(content):
        return content
    text = content.decode("latin-1")
    masked = _mask(text, lower, kind)
    return content if masked == text else masked.encode("latin-1")


def _may_hold_secret(content: bytes) -> bool:
    """Whether there may be a secret in large content; searches one window at a time."""
    windows = (content[at : at + WINDOW_BYTES + OVERLAP_BYTES] for at in range(0, len(content), WINDOW_BYTES))
    return any(may_hold_secret(text) or "\\u00" in text for text in (part.decode("latin-1") for part in windows))


def _mask(text: str, kind: str, as_sent: str) -> str:
    if kind.startswith("multipart/"):
        return _mask_parts(text, as_sent)
    if not may_hold_secret(text) and "\\u00" not in text:
        return text
    if "x-www-form-urlencoded" in kind:
        return text if NO_FORM.search(text) else mask_form(text)
    if kind.startswith("message/http"):
        return mask_head(text.encode("latin-1")).decode("latin-1")
    start = text[:64].lstrip()
    if "json" in kind or "event-stream" in kind or start[:1] in ("{", "["):
        return mask_json(text)
    if start[:2] == "--" and "form-data" in text[:1024]:
        return _mask_parts(text, as_sent)
    if not kind and FORM.fullmatch(text.rstrip()):
        return mask_form(text)
    return text


def _mask_parts(text: str, kind: str) -> str:
    """Masks the parts of multipart/form-data (RFC 7578) by their names."""
    found = BOUNDARY.search(kind)
    delimiter = f"--{found[1]}" if found else text[:72].lstrip().split("\n", 1)[0].strip()
    if len(delimiter) < 3:  # two hyphens alone are no delimiter
        return text
    before, *parts = text.split(delimiter)
    return delimiter.join([before, *map(_mask_part, parts)])


def _mask_part(part: str) -> str:
    """Masks the bytes between two delimiters: fields, an empty line, content."""
    for empty in ("\r\n\r\n", "\n\n"):
        head, found, content = part.partition(empty)
        if found:
            break
    else:
        return part
    name = PART_NAME.search(head)
    # the line ending before the next delimiter belongs to the delimiter
    inner = content.removesuffix("\r\n") if content.endswith("\r\n") else content.removesuffix("\n")
    kind = PART_TYPE.search(head)
    if name is not None and is_secret_parameter(name[1] or name[2] or "", inner.strip()):
        masked = MASK
    else:
        masked = _mask(inner, kind[1].lower(), kind[1]) if kind else inner
    head = mask_head(head.encode("latin-1")).decode("latin-1")
    return head + found + masked + content[len(inner) :]
