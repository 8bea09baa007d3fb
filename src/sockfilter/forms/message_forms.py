"""How the messages of each protocol are written: the table for messages without a response.

A protocol has a row if its name in capitals is not what a line should say, or if its lines say more than the type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model import StreamMessage


def _close(message: StreamMessage) -> str:
    """The code and the reason of a close."""
    close = message.close
    return "" if close is None else " ".join(filter(None, (str(close.code or ""), close.reason)))


def _nothing(message: StreamMessage) -> str:
    return ""


class MessageForm(NamedTuple):
    """How the messages of a protocol are written.

    Attributes:
        label: begins what a line says; empty for the protocol's name in capitals.
        about: returns what a line says after the type, with secrets and as sent.
        kind: the kind of its JSON lines.
        is_flat: whether its fields are members of the JSON line itself, and not of `fields`.
        is_in_body: whether the content is part of the body of an exchange, so that raw output has it already.
    """

    label: str = ""
    about: Callable[[StreamMessage], str] = _nothing
    kind: str = "message"
    is_flat: bool = False
    is_in_body: bool = False


FORMS = {
    "websocket": MessageForm("WS", _close),
    "sse": MessageForm(is_in_body=True),
    "grpc": MessageForm("gRPC", is_in_body=True),
    "mqtt": MessageForm(about=lambda message: str(message.fields.get("topic") or "")),
    "amqp": MessageForm(about=lambda message: str(message.fields.get("routing_key") or "")),
    "smtp": MessageForm(about=lambda message: str(message.fields.get("mail_from") or ""), kind="mail", is_flat=True),
}
PLAIN = MessageForm()


def form_of(message: StreamMessage) -> MessageForm:
    """The form of a message."""
    return FORMS.get(message.protocol, PLAIN)
