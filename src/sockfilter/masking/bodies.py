"""Secrets in bodies whose form is known: JSON, forms, parts of forms, and heads of HTTP."""

from __future__ import annotations

import re
from typing import Protocol

from sockfilter.masking.fields import mask_head
from sockfilter.masking.json_text import mask_json
from sockfilter.masking.names import MASK, may_hold_secret
from sockfilter.masking.urls import is_secret_parameter, mask_form

# bytes of content that is looked through in windows before it is masked as a whole, which takes several times as much
LARGE_BYTES = 1 << 20
WINDOW_BYTES = 256 << 10
# what a window has of the next: more than any trace of a secret, whatever encoding is around it
OVERLAP_BYTES = 4 << 10

BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]{1,70})", re.IGNORECASE)
# a form without its type
FORM = re.compile(r"[\w.%+\[\]-]{1,128}=[^\s<>]*")
# what no form has: wget calls every file that it sends a form
NO_FORM = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
PART_NAME = re.compile(r";\s*name=(?:\"([^\"\r\n]*)|([^;\"\s]*))", re.IGNORECASE)
PART_TYPE = re.compile(r"^content-type:\s*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


class Fields(Protocol):
    """Those of a head."""

    def get(self, name: str, default: str) -> str:
        """The first value of a name, else the default."""


class MessageWithBody(Protocol):
    """A request or a response, as it is looked at here."""

    @property
    def body(self) -> bytes:
        """What was kept of its body."""

    @property
    def headers(self) -> Fields:
        """The fields of its head."""


def mask_body(message: MessageWithBody) -> bytes:
    """What was kept of a message's body, without its secrets; the same object where there is none.

    In a body of another form secrets stay: of HTML, XML, or what is compressed and was not decoded.
    """
    body = message.body
    return mask_content(body, message.headers.get("content-type", "")) if body else body


def mask_content(content: bytes, kind: str) -> bytes:
    """The same of content.

    Args:
        content: its beginning, or all of it.
        kind: the value of Content-Type; empty where there is none.
    """
    lower = kind.lower()
    if len(content) >= LARGE_BYTES and not lower.startswith("multipart/") and not _may_hold_secret(content):
        return content
    text = content.decode("latin-1")
    masked = _mask(text, lower, kind)
    return content if masked == text else masked.encode("latin-1")


def _may_hold_secret(content: bytes) -> bool:
    """Whether there is anything to look for, a window at a time."""
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
    """Of multipart/form-data (RFC 7578), by the names of the parts."""
    found = BOUNDARY.search(kind)
    delimiter = f"--{found[1]}" if found else text[:72].lstrip().split("\n", 1)[0].strip()
    if len(delimiter) < 3:  # two hyphens alone delimit nothing
        return text
    before, *parts = text.split(delimiter)
    return delimiter.join([before, *map(_mask_part, parts)])


def _mask_part(part: str) -> str:
    """What stands between two delimiters: fields, an empty line, content."""
    for empty in ("\r\n\r\n", "\n\n"):
        head, found, content = part.partition(empty)
        if found:
            break
    else:
        return part
    name = PART_NAME.search(head)
    # the end of the line before the next delimiter belongs to that
    inner = content.removesuffix("\r\n") if content.endswith("\r\n") else content.removesuffix("\n")
    kind = PART_TYPE.search(head)
    if name is not None and is_secret_parameter(name[1] or name[2] or "", inner.strip()):
        masked = MASK
    else:
        masked = _mask(inner, kind[1].lower(), kind[1]) if kind else inner
    head = mask_head(head.encode("latin-1")).decode("latin-1")
    return head + found + masked + content[len(inner) :]
