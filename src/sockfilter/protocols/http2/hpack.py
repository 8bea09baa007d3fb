"""The decoder of header blocks (HPACK, RFC 7541), for a reader that may have missed some of them.

It is written in C. Where the extension cannot be loaded, the same decoder in Python takes its place.
"""

from __future__ import annotations

from sockfilter.errors import LibbpfMissing
from sockfilter.protocols.http2.hpack_table import Block, Field

try:
    from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder as HpackDecoder
except LibbpfMissing:
    from sockfilter.protocols.http2.hpack_python import (  # type: ignore[assignment]  # the interface is the same
        PythonHpackDecoder as HpackDecoder,
    )

__all__ = ["Block", "Field", "HpackDecoder"]
