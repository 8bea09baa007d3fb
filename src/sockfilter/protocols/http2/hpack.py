"""The decoder of header blocks (HPACK, RFC 7541), for a reader that may have missed some of them."""

from __future__ import annotations

from sockfilter.protocols.http2.hpack_python import PythonHpackDecoder as HpackDecoder
from sockfilter.protocols.http2.hpack_table import Block, Field

__all__ = ["Block", "Field", "HpackDecoder"]
