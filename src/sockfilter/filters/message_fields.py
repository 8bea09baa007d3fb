"""The fields of messages without a response, as the filter language reads them.

A message has the fields of its connection, its own, and those of the exchange that opened its stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.errors import BodyError
from sockfilter.filters import fields, kinds
from sockfilter.filters.fields import Field, at_path

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from sockfilter.filters.fields import Get
    from sockfilter.filters.names import Name
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
    "sender": Field(kinds.one_of("a sender", fields.ENDS), lambda message: message.sender),
    "type": Field(kinds.TEXT, lambda message: message.kind),
    "text": Field(kinds.TEXT, _text, many=True, reads_body=True),
    "body": Field(kinds.TEXT, _text, many=True, reads_body=True),
    "json": Field(kinds.ANY, _json, many=True, keys="path", reads_body=True),
    "size": Field(kinds.BYTES, lambda message: message.body.wire_len),
    "protocol": Field(fields.PROTOCOL.kind, lambda message: [message.protocol], many=True),
    "problems": Field(fields.PROBLEM.kind, lambda message: [each.value for each in message.problems], many=True),
}
# the conditions whose fields need the connection alone
OF_CONNECTION = (
    *("port", "ip", "client_port", "server_port", "client_ip", "server_ip", "family", "interface", "connection"),
    *("process", "client_process", "server_process", "pid", "client_pid", "server_pid", "container", "pod"),
)


def of_message_only(known: Container[str]) -> dict[str, Field]:
    """Returns the fields that exchanges do not have: for them there is never a value."""
    return {
        name: field._replace(get=(lambda _: ()) if field.many else (lambda _: None))
        for name, field in MESSAGE_FIELDS.items()
        if name not in known
    }


def get_of_message(name: Name) -> Get:
    """Returns the function that gets a field of a message."""
    own = MESSAGE_FIELDS.get(name.condition)
    if own is not None:
        get: Get = own.get(name.key) if own.keys else own.get
        return get
    field = name.field
    of_exchange: Get = field.get(name.key) if field.keys else field.get
    if name.condition in OF_CONNECTION:
        return of_exchange
    nothing = () if field.many else None
    return lambda message: nothing if message.exchange is None else of_exchange(message.exchange)
