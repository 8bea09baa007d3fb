"""Chooses the protocol of a connection: by port, by first bytes, by ALPN, or by Upgrade.

A new protocol is a folder beside this file and a row of the table here. A connection begins with HTTP/1 unless the
user has named another protocol for its port. The conversation of HTTP/1 asks for another protocol if the first bytes
of an end are not HTTP/1, after 101, and for the bytes in the tunnel of CONNECT. TLS asks by ALPN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.protocols import OPTIONAL
from sockfilter.protocols import first_bytes
from sockfilter.protocols.http1.conversation import Http1Conversation
from sockfilter.protocols.http2.frames import PREFACE, is_row
from sockfilter.protocols.interface import TooFewBytes
from sockfilter.protocols.unread.conversation import UnreadConversation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sockfilter.protocols.first_bytes import FirstForm
    from sockfilter.protocols.interface import Context, Conversation, Handover, Make, Transport

# the first line of the client's preface, which the kernel compares too
HTTP2_PREFACE = PREFACE[:16]
# The server may be the first to speak, with SETTINGS of a few numbers (RFC 9113, 3.4, 6.5).
HTTP2_STARTS = (HTTP2_PREFACE, *(bytes((0, 0, 6 * count, 4, 0, 0, 0, 0, 0)) for count in range(12)))
# no protocol of the table needs more bytes to be recognised
FIRST_BYTES_MAX = 64


class Row(NamedTuple):
    """A protocol, and how to recognise it.

    Attributes:
        name: its name for users.
        make: makes its conversation; imports the modules that only this protocol needs.
        begins: the first bytes of one of its ends; empty if it has no typical first bytes.
        forms: the same for first bytes that are not always the same.
        alpn: its names in TLS (RFC 7301, 6).
        upgrades: its names in the Upgrade field, in lower case (RFC 9110, 7.8).
    """

    name: str
    make: Make
    begins: tuple[bytes, ...] = ()
    forms: tuple[FirstForm, ...] = ()
    alpn: tuple[str, ...] = ()
    upgrades: tuple[str, ...] = ()

    def match(self, data: bytes) -> bool:
        """Whether an end that begins with these bytes is recognised.

        Raises:
            TooFewBytes: more bytes are needed.
        """
        if data.startswith(self.begins):
            return True
        is_unsure = len(data) < FIRST_BYTES_MAX and any(begin.startswith(data) for begin in self.begins)
        for form in self.forms:
            try:
                if form.match(data):
                    return True
            except TooFewBytes:
                is_unsure = True
        if is_unsure:
            raise TooFewBytes
        return False


def _mqtt(transport: Transport, context: Context, before: Handover | None) -> Conversation:
    from sockfilter.protocols.mqtt.conversation import MqttConversation

    return MqttConversation(transport, context, before)


def _amqp(transport: Transport, context: Context, before: Handover | None) -> Conversation:
    from sockfilter.protocols.amqp.conversation import AmqpConversation

    return AmqpConversation(transport, context, before)


def _smtp(transport: Transport, context: Context, before: Handover | None) -> Conversation:
    from sockfilter.protocols.smtp.conversation import SmtpConversation

    return SmtpConversation(transport, context, before)


def _http2(transport: Transport, context: Context, before: Handover | None) -> Conversation:
    from sockfilter.protocols.http2.conversation import Http2Conversation  # imported late: many captures have no HTTP/2

    return Http2Conversation(transport, context, before)


def _websocket(transport: Transport, context: Context, before: Handover | None) -> Conversation:
    from sockfilter.protocols.websocket.conversation import WebSocketConversation

    return WebSocketConversation(transport, context, before)


HTTP1 = Row("http1", Http1Conversation, alpn=("http/1.1", "http/1.0"))
HTTP2 = Row("http2", _http2, begins=HTTP2_STARTS, alpn=("h2",), upgrades=("h2c",))
WEBSOCKET = Row("websocket", _websocket, upgrades=("websocket",))
MQTT = Row("mqtt", _mqtt, forms=first_bytes.MQTT, alpn=("mqtt",))
AMQP = Row("amqp", _amqp, begins=(first_bytes.AMQP,), alpn=("amqp",))
SMTP = Row("smtp", _smtp, forms=first_bytes.SMTP)
# the first row that matches is used
TABLE = (HTTP1, HTTP2, WEBSOCKET, MQTT, AMQP, SMTP)
# for protocols without a row
UNREAD = UnreadConversation


class ProtocolChoice:
    """Chooses from the table; the user may name the protocol of a port.

    Args:
        words: names of protocols, by port.
        wanted: names of the protocols beside HTTP that are read.
        tls: makes the conversation of TLS. None: TLS is not read.

    Raises:
        KeyError: a name is not in the table.
    """

    def __init__(
        self, words: Mapping[int, str] | None = None, wanted: Collection[str] = (), tls: Make | None = None
    ) -> None:
        rows = {row.name: row for row in TABLE}
        self._wanted = tuple(row for row in TABLE if row.name in wanted or row.name not in OPTIONAL)
        if tls is not None:
            self._wanted += (Row("tls", tls, forms=first_bytes.TLS, upgrades=("tls/1.0", "tls/1.2", "tls/1.3", "tls")),)
        self._by_port = {port: rows[name].make for port, name in (words or {}).items()}

    def begin(self, transport: Transport, context: Context) -> Conversation:
        """The conversation with which a connection begins."""
        make: Make = HTTP1.make
        if self._by_port:
            ports = [end.port for end in transport.model.ends]
            make = next((self._by_port[port] for port in ports if port in self._by_port), make)
        return make(transport, context, None)

    def by_first_bytes(self, data: bytes) -> Make | None:
        """The protocol in which an end begins with these bytes; None if not known.

        Raises:
            TooFewBytes: more bytes are needed to recognise the protocol.
        """
        is_unsure = False
        for row in self._wanted:
            try:
                if row.match(data):
                    return row.make
            except TooFewBytes:
                is_unsure = True
        if is_row(data):
            return HTTP2.make
        if is_unsure:
            raise TooFewBytes
        return None

    def by_upgrade(self, names: str) -> Make:
        """The protocol that follows 101: that of the first known name (RFC 9110, 7.8)."""
        listed = [name.strip().lower() for name in names.split(",")]
        return next((row.make for name in listed for row in self._wanted if name in row.upgrades), UNREAD)

    def by_alpn(self, name: str) -> Make | None:
        """The protocol that TLS has negotiated (RFC 7301); None if not known."""
        return next((row.make for row in self._wanted if name in row.alpn), None)
