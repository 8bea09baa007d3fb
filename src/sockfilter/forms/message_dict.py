"""A message without a response as a dict for JSON. The form is a public contract, as that of exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sockfilter.forms.json_dict import endpoint_of, time_text
from sockfilter.forms.json_values import Json, clean_text, content_of
from sockfilter.forms.message_forms import form_of
from sockfilter.masking.values import mask_message, mask_values, mask_words

if TYPE_CHECKING:
    from sockfilter.model import StreamMessage


def message_dict(message: StreamMessage, *, bodies: bool = True, show_secrets: bool = True) -> Json:
    """The message as a dict for JSON. Members that its protocol does not have are absent.

    Args:
        message: the message.
        bodies: include the kept bytes of the content.
        show_secrets: do not mask secrets.
    """
    form, connection = form_of(message), message.connection
    made: Json = {
        "kind": form.kind,
        "protocol": message.protocol,
        "exchange": None if message.exchange is None else message.exchange.id,
        "time": None if message.start_ns is None else time_text(message.start_ns),
        "interface": clean_text(connection.interface),
        "connection": connection.number,
        "client": endpoint_of(message.client, message.client_process, show_secrets),
        "server": endpoint_of(message.server, message.server_process, show_secrets),
        "from": message.sender,
    }
    if not form.is_flat:
        made["type"] = clean_text(message.kind)
    if message.frames:
        made["frames"] = message.frames
    made |= _numbers(message)
    made |= _content(message, bodies, show_secrets)
    fields = clean_values(message.fields if show_secrets else mask_values(message.fields))
    if form.is_flat:
        made |= fields
    elif fields:
        made["fields"] = fields
    if message.close is not None:
        code, reason = message.close
        if reason is not None:
            reason = clean_text(reason if show_secrets else mask_words(reason))
        made["close"] = {"code": code, "reason": reason}
    made["problems"] = [problem.value for problem in message.problems]
    return made


def content_shown(message: StreamMessage, show_secrets: bool) -> bytes:
    """The kept content, with secrets masked unless they are shown."""
    if show_secrets or not message.body:
        return message.body
    kind = message.fields.get("content_type")
    return mask_message(message.body, kind if isinstance(kind, str) else "")


def clean_values(values: Mapping[str, object]) -> Json:
    """Properties whose text is valid Unicode. Bytes become their hexadecimal digits."""
    return {clean_text(name): _clean(value) for name, value in values.items()}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return clean_values(value)
    if isinstance(value, (list, tuple)):
        return [_clean(each) for each in value]
    return value


def _numbers(message: StreamMessage) -> Json:
    """The members that only some protocols have."""
    found = {"event_id": message.event_id, "channel": message.channel, "compressed": message.compressed}
    made = {name: value for name, value in found.items() if value is not None}
    if message.event_id is not None:
        made["event_id"] = clean_text(message.event_id)
    return made


def _content(message: StreamMessage, bodies: bool, show_secrets: bool) -> Json:
    content = content_shown(message, show_secrets) if bodies else b""
    return content_of(message.body, content, bodies)
