"""How the messages of each protocol are written: the table for messages without a response.

A protocol has a row if its name in capitals is not what a line should say, or if its lines say more than the type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model import StreamMessage

# topics and recipients on a line
NAMES_MAX = 4
# RFC 5321, 4.2.1: codes from this on refuse
REFUSED = 400


def _close(message: StreamMessage) -> str:
    """The code and the reason of a close."""
    close = message.close
    return "" if close is None else " ".join(filter(None, (str(close.code or ""), close.reason)))


def _nothing(message: StreamMessage) -> str:
    return ""


def _mqtt(message: StreamMessage) -> str:
    """The client, the topics, and a code that is not success."""
    fields = message.fields
    topics = fields.get("topics")
    names = [each if isinstance(each, str) else str(each[0]) for each in topics] if isinstance(topics, list) else []
    words = [fields.get("client_id"), fields.get("topic"), ", ".join(names[:NAMES_MAX])]
    return " ".join(
        [*(str(word) for word in words if word), *([f"code {fields['code']}"] if fields.get("code") else [])]
    )


def _amqp(message: StreamMessage) -> str:
    """The exchange and the routing key, the queue, and what a peer replies."""
    names = ("exchange", "routing_key", "queue", "virtual_host", "reply_code", "reply_text")
    return " ".join(str(value) for value in map(message.fields.get, names) if value)


def _mail(message: StreamMessage) -> str:
    """The envelope, with the codes of refused recipients, the subject, and the code of the reply."""
    fields = message.fields
    recipients = fields.get("rcpt")
    shown = [_recipient(each) for each in recipients[:NAMES_MAX]] if isinstance(recipients, list) else []
    reply, subject = fields.get("reply"), fields.get("subject")
    words = [str(fields.get("mail_from") or "<>"), "to", ", ".join(shown) or "nobody"]
    words += [repr(subject)] if subject else []
    return " ".join([*words, *([str(reply["code"])] if isinstance(reply, dict) else [])])


def _recipient(recipient: dict[str, object]) -> str:
    code = recipient.get("code")
    is_refused = isinstance(code, int) and code >= REFUSED
    return f"{recipient['to']} ({code})" if is_refused else str(recipient["to"])


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
    "mqtt": MessageForm(about=_mqtt),
    "amqp": MessageForm(about=_amqp),
    "smtp": MessageForm(about=_mail, kind="mail", is_flat=True),
}
PLAIN = MessageForm()


def form_of(message: StreamMessage) -> MessageForm:
    """The form of a message."""
    return FORMS.get(message.protocol, PLAIN)
