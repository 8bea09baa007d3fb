"""Each message as it was: who sent it to whom, then its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.escape import printable, printable_lines
from sockfilter.outputs.output import Output, Sink
from sockfilter.outputs.secrets import mask_head

if TYPE_CHECKING:
    from sockfilter.model import Body, Endpoint, Exchange, Message


class RawOutput(Output):
    """Messages as they crossed the wire, body framing and all.

    Args:
        sink: takes the bytes.
        escape: for a terminal: what could command it is escaped.
        show_secrets: nothing is masked.
    """

    def __init__(self, sink: Sink, *, escape: bool = False, show_secrets: bool = False) -> None:
        super().__init__(sink)
        self._escape = escape
        self._show_secrets = show_secrets

    def render(self, exchange: Exchange) -> bytes:
        """The exchange's messages in the order of their kinds."""
        client, server = exchange.client, exchange.server
        parts = [] if exchange.request is None else [self._message(client, server, exchange.request)]
        parts += [self._message(server, client, message) for message in exchange.informational]
        if exchange.response is not None:
            parts.append(self._message(server, client, exchange.response))
        return b"".join(parts)

    def _message(self, source: Endpoint, dest: Endpoint, message: Message) -> bytes:
        content = message.raw + message.body
        if not self._show_secrets:
            content = mask_head(message.raw) + _without_secrets(message.body)
        if self._escape:
            content = printable_lines(content.decode("utf-8", "surrogateescape")).encode()
        if not content.endswith(b"\n"):
            content += b"\n"
        return f"{printable(f'{source} -> {dest}')}\n".encode() + content + b"\n"


def _without_secrets(body: Body) -> bytes:
    """A body as sent; trailers stand at its end, as far as they were kept."""
    content, size = body, body.trailer_kept
    return content[:-size] + mask_head(b"\n" + content[-size:])[1:] if size else content
