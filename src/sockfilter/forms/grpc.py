"""A gRPC call in JSON and in text: what an exchange says in addition if it carries one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.escape import printable
from sockfilter.forms.content_lines import cut_line, short_lines
from sockfilter.forms.json_values import ENCODE, Json, clean_text, content_of
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.masking import mask_content, mask_json, mask_reason
from sockfilter.model.grpc import GrpcCall, name_of_status
from sockfilter.model.grpc_kind import kind_of
from sockfilter.protobuf import fields, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Body, Exchange, Message
    from sockfilter.model.grpc import GrpcMessage, GrpcMessages

# statuses that a client causes: it cancelled the call, or asked for what it may not have; the others are the server's
OF_CLIENT = frozenset((1, 3, 5, 6, 7, 9, 10, 11, 16))
GREEN, YELLOW, RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"
NOT_KNOWN = "-"
# the status of HTTP beside every status of gRPC
HTTP_OK = 200


def call_member(exchange: Exchange, bodies: bool, show_secrets: bool) -> Json:
    """The member of the dict of an exchange that carries a call."""
    call = GrpcCall(exchange)
    message, code = call.message, call.status
    return {
        "grpc": {
            "service": None if call.service is None else clean_text(call.service),
            "method": None if call.method is None else clean_text(call.method),
            "status": code,
            "status_name": None if code is None else name_of_status(code),
            "message": None if message is None else clean_text(message if show_secrets else mask_reason(message)),
            "web": call.web,
            "request": _side(call.request, bodies, show_secrets),
            "response": _side(call.response, bodies, show_secrets),
        }
    }


def _side(side: GrpcMessages, bodies: bool, show_secrets: bool) -> Json:
    """The messages of one direction. What is not known is absent."""
    known = {"count": side.count, "first_message": side.first_message, "max_gap": side.max_gap}
    return {
        **{name: value for name, value in known.items() if value is not None},
        "messages": [_message(message, bodies, show_secrets) for message in side.messages],
    }


def _message(message: GrpcMessage, bodies: bool, show_secrets: bool) -> Json:
    made: Json = {"compressed": message.compressed}
    if message.time is not None:
        made["time"] = message.time
    body = message.content
    if not bodies:
        return made | content_of(body, None, False)
    shown = shown_content(message, body, show_secrets)
    return made | content_of(body, shown.content, True) | shown.member


class ShownContent(NamedTuple):
    """What is shown of a message.

    Attributes:
        content: its kept bytes, with secrets masked or not; None if they would show a secret that the schema names.
        decoded: the message by its schema, with secrets masked or not; None if there is no schema for it.
    """

    content: bytes | None
    decoded: Json | None

    @property
    def member(self) -> Json:
        """The member of the message's dict that has the decoded form; empty if there is none."""
        return {} if self.decoded is None else {"decoded": self.decoded}


def shown_content(message: GrpcMessage, content: Body, show_secrets: bool) -> ShownContent:
    """The content of a message, with secrets masked unless they are shown. content: its attribute of the same name."""
    decoded = message.decoded
    if show_secrets:
        return ShownContent(content, decoded)
    if decoded is not None:
        text = ENCODE(decoded)
        masked = mask_json(text)
        if masked != text:
            import json  # imported late: few messages have a secret

            return ShownContent(None, json.loads(masked))
    return ShownContent(mask_content(content, message.content_type), decoded)


def hides_body(half: Message) -> bool:
    """Whether the body of a half of a call may show a secret that is masked in its messages."""
    kind = kind_of(half.headers.get("content-type", ""))
    return schema.is_set() or (kind is not None and kind.is_text)


class CallCells(NamedTuple):
    """The cells of a call's line that differ from those of other exchanges, as text.

    Attributes:
        request: the method of HTTP and the call: POST shop.v1.Cart/Get.
        status: the status and its name: grpc 5 NOT_FOUND.
        sizes: messages and bytes of both directions: 1/0 messages  12 B / 0 B.
    """

    request: str
    status: str
    sizes: str


def call_cells(exchange: Exchange, request: str) -> CallCells:
    """The cells of a call's line. request: the cell as another exchange would have it."""
    call = GrpcCall(exchange)
    if call.service is not None:
        request = request.replace(" /", " ", 1)
    code, response = call.status, exchange.response
    status = NOT_KNOWN if code is None else f"{code} {name_of_status(code) or ''}".rstrip()
    if code is None and response is not None and response.status != HTTP_OK:
        status += f" HTTP {response.status or NOT_KNOWN}"  # a proxy has answered, or not a gRPC server
    asked, answered = call.request.count, call.response.count
    counts = f"{NOT_KNOWN if asked is None else asked}/{NOT_KNOWN if answered is None else answered}"
    sizes = f"{_size(exchange.request)} / {_size(response)}"
    return CallCells(request, f"grpc {status}", f"{counts} messages  {sizes}")


def _size(half: Message | None) -> str:
    return NOT_KNOWN if half is None else size_text(half.body.wire_len)


def call_colour(exchange: Exchange) -> str:
    """The colour of a call's status; empty if there is no status."""
    status = GrpcCall(exchange).status
    if status is None:
        return ""
    return GREEN if not status else YELLOW if status in OF_CLIENT else RED


def message_lines(exchange: Exchange, half: Message, show_secrets: bool) -> Iterator[str]:
    """The messages in one half of a call, line by line."""
    call = GrpcCall(exchange)
    side = call.request if half is exchange.request else call.response
    messages = side.messages
    for message in messages:
        yield _title(message)
        yield from (f"  {line}" for line in _content_lines(message, show_secrets))
    if side.count is None:
        yield "(more messages may have passed: bytes are missing)"
    elif side.count > len(messages):
        yield f"({len(messages)} of {side.count} messages kept)"


def _title(message: GrpcMessage) -> str:
    length = NOT_KNOWN if message.length is None else size_text(message.length)
    coded = f" ({size_text(message.wire_len)} compressed)" if message.compressed else ""
    at = "" if message.time is None else f", after {duration_text(round(message.time * 1e9))}"
    return f"message {message.number}: {length}{coded}{at}"


def _content_lines(message: GrpcMessage, show_secrets: bool) -> Iterator[str]:
    """The content: by its schema, else as text if it is JSON, else by the numbers of its fields."""
    body = message.content
    content, decoded = shown_content(message, body, show_secrets)
    found = message.fields if decoded is None and "json" not in message.content_type.lower() else None
    if decoded is not None:
        import json  # imported late: only needed with a schema

        yield printable(json.dumps(decoded, ensure_ascii=False))
    elif found is not None:
        numbered = fields.text_of(found)
        yield printable(numbered if show_secrets else mask_json(numbered))
    elif content:
        yield from short_lines(body, content)
        return
    yield from cut_line(body)
