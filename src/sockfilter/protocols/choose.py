"""Which protocol a connection speaks: by a port's or the user's word, by first bytes, by ALPN, by Upgrade.

A new protocol is a folder beside this file and a row of the table here. HTTP/1 is where a connection begins unless a
word says otherwise: what the kernel passes on is taken for it. HTTP/1's conversation asks again when the first bytes
of an end are another protocol's, after 101, and for what comes in the tunnel of CONNECT; TLS asks by ALPN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.protocols.http1.conversation import Http1Conversation
from sockfilter.protocols.interface import TooFewBytes
from sockfilter.protocols.unread.conversation import UnreadConversation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.protocols.interface import Context, Conversation, Handover, Make, Transport

# RFC 9113, 3.4: the client connection preface begins with it
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"
# no protocol of the table needs more of them to be known
FIRST_BYTES_MAX = 64


class Row(NamedTuple):
    """A protocol, and how it is known.

    name: what users call it.
    make: makes its conversation; imports what only that needs.
    begins: how one of its ends begins; empty: first bytes do not tell.
    alpn: its names in TLS (RFC 7301, 6).
    upgrades: its names in the field Upgrade, in lower case (RFC 9110, 7.8).
    """

    name: str
    make: Make
    begins: tuple[bytes, ...] = ()
    alpn: tuple[str, ...] = ()
    upgrades: tuple[str, ...] = ()


def _unread(counter: str | None = None) -> Make:
    def make(transport: Transport, context: Context, before: Handover | None) -> Conversation:
        return UnreadConversation(transport, context, before, counter)

    return make


HTTP1 = Row("http1", Http1Conversation, alpn=("http/1.1", "http/1.0"))
HTTP2 = Row("http2", _unread("http2"), begins=(HTTP2_PREFACE,), alpn=("h2",), upgrades=("h2c",))
# the first that fits is taken
TABLE = (HTTP1, HTTP2)
# for what is none of them
UNREAD = _unread()


class ProtocolChoice:
    """The table, and what the user has said.

    Args:
        words: names of protocols by the ports on which they are spoken.

    Raises:
        KeyError: a name is not in the table.
    """

    def __init__(self, words: Mapping[int, str] | None = None) -> None:
        rows = {row.name: row for row in TABLE}
        self._by_port = {port: rows[name].make for port, name in (words or {}).items()}

    def begin(self, transport: Transport, context: Context) -> Conversation:
        """The conversation with which a connection begins."""
        make: Make = HTTP1.make
        if self._by_port:
            ports = [end.port for end in transport.model.ends]
            make = next((self._by_port[port] for port in ports if port in self._by_port), make)
        return make(transport, context, None)

    def by_first_bytes(self, data: bytes) -> Make | None:
        """The protocol that an end begins so. None: it is not known.

        Raises:
            TooFewBytes: with more of them it may become known.
        """
        for row in TABLE:
            if data.startswith(row.begins):
                return row.make
        if len(data) < FIRST_BYTES_MAX and any(begin.startswith(data) for row in TABLE for begin in row.begins):
            raise TooFewBytes
        return None

    def by_upgrade(self, names: str) -> Make:
        """The protocol that follows 101: the first of the names that is known (RFC 9110, 7.8)."""
        listed = [name.strip().lower() for name in names.split(",")]
        return next((row.make for name in listed for row in TABLE if name in row.upgrades), UNREAD)

    def by_alpn(self, name: str) -> Make | None:
        """The protocol that TLS has negotiated (RFC 7301). None: it is not known."""
        return next((row.make for row in TABLE if name in row.alpn), None)
