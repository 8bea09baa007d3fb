"""The fields of messages without a response, as the filter language reads them.

A message has the fields of its connection, its own, and those of the exchange that opened its stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.errors import BodyError
from sockfilter.filters import fields, kinds
from sockfilter.filters.fields import FilterField, at_path

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from sockfilter.model import StreamMessage


def _json(path: tuple[Any, ...] | None) -> Callable[[StreamMessage], list[Any]]:
    def get(message: StreamMessage) -> list[Any]:
        if not message.body:
            return []
        try:
            return at_path([message.json()], path or ())
        except BodyError:
            return []

    return get


def _text(message: StreamMessage) -> list[str]:
    return [message.text] if message.body else []


# What a message has of its own; the rest is that of its connection, which exchanges have under the same names.
MESSAGE_FIELDS = {
    "sender": FilterField(kinds.one_of("a sender", fields.ENDS), lambda message: message.sender),
    "type": FilterField(kinds.TEXT, lambda message: message.kind),
    "text": FilterField(kinds.TEXT, _text, many=True, reads_body=True),
    "body": FilterField(kinds.TEXT, _text, many=True, reads_body=True),
    "json": FilterField(kinds.ANY, _json, many=True, keys="path", reads_body=True),
    "size": FilterField(kinds.BYTES, lambda message: message.body.wire_len),
    "protocol": FilterField(fields.PROTOCOL.kind, lambda message: [message.protocol], many=True),
    "problems": FilterField(fields.PROBLEM.kind, lambda message: [each.value for each in message.problems], many=True),
}
# the conditions whose fields need the connection alone
OF_CONNECTION = (
    *("port", "ip", "client_port", "server_port", "client_ip", "server_ip", "family", "interface", "connection"),
    *("process", "client_process", "server_process", "pid", "client_pid", "server_pid", "container", "pod"),
)


def of_message_only(known: Container[str]) -> dict[str, FilterField]:
    """Returns the fields that exchanges do not have: for them there is never a value."""
    return {
        name: field._replace(get=(lambda _: ()) if field.many else (lambda _: None))
        for name, field in MESSAGE_FIELDS.items()
        if name not in known
    }
