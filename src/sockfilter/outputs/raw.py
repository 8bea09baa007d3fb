"""Raw messages: the sender and the receiver of each message, then its bytes.

Of a message without a response, this is the content: without frames and masks, and decompressed. Messages that are part
of the body of an exchange are not written again, and neither are messages without content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable, printable_lines
from sockfilter.forms.heads import fields_bytes, head_bytes
from sockfilter.masking import mask_head
from sockfilter.masking.bodies import mask_content
from sockfilter.masking.chunks import joined
from sockfilter.outputs.output import ByteSink, Output

if TYPE_CHECKING:
    from sockfilter.model import Endpoint, Exchange, Message, StreamMessage


class RawOutput(Output):
    """Messages as they crossed the wire, with the framing of bodies. Binary heads are shown in the form of HTTP/1.

    Args:
        sink: receives the bytes.
        escape: whether to escape control characters, for a terminal.
        show_secrets: whether to show secrets instead of masking them.
    """

    def __init__(self, sink: ByteSink, *, escape: bool = False, show_secrets: bool = False) -> None:
        super().__init__(sink)
        self._escape = escape
        self.has_bodies = True
        self._show_secrets = show_secrets

    def render(self, exchange: Exchange) -> bytes:
        """Returns the exchange's messages: the request, informational responses, the response."""
        client, server = exchange.client, exchange.server
        parts = [] if exchange.request is None else [self._message(client, server, exchange.request)]
        parts += [self._message(server, client, message) for message in exchange.informational]
        if exchange.response is not None:
            parts.append(self._message(server, client, exchange.response))
        return b"".join(parts)

    def _message(self, source: Endpoint, dest: Endpoint, message: Message) -> bytes:
        body = message.body if self._show_secrets else _without_secrets(message)
        content = head_bytes(message.head, self._show_secrets) + body
        if message.has_trailers and not message.head.has_text:  # else the body has them, as sent
            content += b"\r\n" + fields_bytes(list(message.trailers), self._show_secrets)
        return self._written(source, dest, content)

    def render_message(self, message: StreamMessage) -> bytes:
        """Returns the content of a message without a response."""
        from sockfilter.forms.message_dict import content_shown  # imported late: most captures have no such messages
        from sockfilter.forms.message_forms import form_of

        if form_of(message).is_in_body or not message.body:
            return b""
        return self._written(message.source, message.destination, content_shown(message, self._show_secrets))

    def _written(self, source: Endpoint, dest: Endpoint, content: bytes) -> bytes:
        if self._escape:
            content = printable_lines(content.decode("utf-8", "surrogateescape")).encode()
        if not content.endswith(b"\n"):
            content += b"\n"
        return f"{printable(f'{source} -> {dest}')}\n".encode() + content + b"\n"


def _without_secrets(message: Message) -> bytes:
    """Returns a body as sent, with secrets masked. Kept trailers stand at its end.

    If a chunked body has a secret, it is shown without chunk framing, because a chunk boundary may split the secret.
    """
    if not message.body:
        return b""
    content, size = bytes(message.body), message.body.trailer_kept
    trailer = mask_head(b"\n" + content[-size:])[1:] if size else b""
    content = content[:-size] if size else content
    kind = message.headers.get("content-type", "")
    whole = joined(content) if "transfer-encoding" in message.headers else content
    masked = mask_content(whole, kind) if whole else whole
    return (content if masked is whole else masked) + trailer
