"""Joins the chunks of a body that was kept as sent, because a secret may extend over two chunks."""

from __future__ import annotations

import re

# a chunk's size line: hexadecimal digits and extensions (RFC 9112, 7.1)
SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[^\n]{0,4096}\n")


def joined(content: bytes) -> bytes:
    """The data of the chunks. Bytes with broken chunked coding are left as they are."""
    parts, at = [], 0
    while (found := SIZE.match(content, at)) is not None:
        start, size = found.end(), int(found[1], 16)
        parts.append(content[start : start + size])
        at = start + size
        if content.startswith(b"\r\n", at):
            at += 2
        elif content.startswith(b"\n", at):
            at += 1
        if not size:
            break
    return b"".join(parts) + content[at:]
