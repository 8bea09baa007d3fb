"""Heads as text: as sent, or, in a protocol whose heads are not text, in the form of HTTP/1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.masking import mask_fields, mask_head, mask_reason, mask_start_line, mask_target
from sockfilter.masking.names import MASK

if TYPE_CHECKING:
    from sockfilter.model.head import Head

# replaces characters that end a line, or that some parsers read as a line ending, in lines that are made here
BREAKS = str.maketrans("\r\n\0", "   ")

# in place of a method or a target that is not known
UNKNOWN = "(unknown)"


def start_line(head: Head, show_secrets: bool) -> str:
    """The first line, without its line ending.

    Args:
        head: the head.
        show_secrets: do not mask secrets.
    """
    if head.has_text:
        line = head.raw.partition(b"\n")[0].decode("utf-8", "surrogateescape").rstrip("\r")
        return line if show_secrets else mask_start_line(line)
    if head.is_request:
        target = head.target if show_secrets else mask_target(head.target)
        return f"{head.method or UNKNOWN} {target or UNKNOWN} HTTP/{head.version}".translate(BREAKS)
    reason = head.reason if show_secrets else mask_reason(head.reason)
    return f"HTTP/{head.version} {head.status or ''} {reason}".translate(BREAKS).rstrip()


def fields_of(head: Head) -> list[tuple[str, str]]:
    """The fields as HTTP/1 would write them: Host has the authority, if no field has it (RFC 9113, 8.3.1).

    Args:
        head: the head.
    """
    fields = list(head.headers)
    if head.has_text or not head.is_request or not head.authority or "host" in head.headers:
        return fields
    return [("host", head.authority), *fields]


def lost_fields_of(head: Head, show_secrets: bool) -> list[tuple[str, str]]:
    """The fields that are not wholly known. If the name is not known, the value may be a secret.

    Args:
        head: the head.
        show_secrets: do not mask secrets.
    """
    return [
        (name or UNKNOWN, UNKNOWN if value is None else value if show_secrets else MASK) for _, name, value in head.lost
    ]


def head_bytes(head: Head, show_secrets: bool) -> bytes:
    """The whole head, with the empty line after it.

    Args:
        head: the head.
        show_secrets: do not mask secrets.
    """
    if head.has_text:
        return head.raw if show_secrets else mask_head(head.raw)
    return f"{start_line(head, show_secrets)}\r\n".encode("utf-8", "surrogateescape") + fields_bytes(
        fields_of(head), show_secrets
    )


def fields_bytes(fields: list[tuple[str, str]], show_secrets: bool) -> bytes:
    """Fields in the form of HTTP/1, with the empty line after them.

    Args:
        fields: the fields.
        show_secrets: do not mask secrets.
    """
    shown = fields if show_secrets else mask_fields(fields)
    lines = [*(f"{name}: {value}".translate(BREAKS) for name, value in shown), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")
