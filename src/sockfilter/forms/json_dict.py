"""An exchange as a dict for JSON. The form is a public contract: fields are added, but never renamed or removed.

All text is valid Unicode. Text of a head that is not UTF-8 is read as Latin-1, the historical encoding of HTTP
(RFC 9110, 5.5): each byte becomes one character.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.forms.large import windows
from sockfilter.forms.processes import fields_of
from sockfilter.masking import mask_body, mask_fields, mask_head, mask_reason, mask_target
from sockfilter.masking.tables import kept
from sockfilter.model.problem import Problem

if TYPE_CHECKING:
    from sockfilter.model import Body, Endpoint, Exchange, Headers, Message
    from sockfilter.model.head import Head
    from sockfilter.model.process import Process

Json: TypeAlias = "dict[str, Any]"

# processes whose fields are cached: masking secrets in a command line takes 100 us
PROCESSES_MAX = 256

TIMES = ("connect", "send", "wait", "receive", "total")

# from this size on, a body is written in base64 if that is shorter
LONG_BYTES = 4096
# all bytes except the control characters that JSON writes as \uXXXX; and the additional bytes of such an escape
PLAIN = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\b\t\n\f\r"})
ESCAPED_BYTES = 5

# made once, because json.dumps() with options makes an encoder for each call
ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def to_dict(exchange: Exchange, *, bodies: bool = True, show_secrets: bool = True) -> Json:
    """The exchange as a dict for JSON.

    Args:
        exchange: the exchange.
        bodies: include the kept bytes of the bodies.
        show_secrets: do not mask secrets.
    """
    return {
        "kind": "exchange",
        "id": exchange.id,
        "time": None if exchange.start_ns is None else time_text(exchange.start_ns),
        "interface": clean_text(exchange.connection.interface),
        "connection": exchange.connection.number,
        "conn_seq": exchange.conn_seq,
        "client": endpoint_of(exchange.client, exchange.client_process, show_secrets),
        "server": endpoint_of(exchange.server, exchange.server_process, show_secrets),
        "request": _message(exchange.request, bodies, show_secrets),
        "response": _message(exchange.response, bodies, show_secrets),
        "informational": [{"status": message.status} for message in exchange.informational],
        "timing": timing_of(exchange),
        "complete": exchange.complete,
        "problems": [problem.value for problem in exchange.problems],
        **({"retransmissions": exchange.retransmissions} if exchange.retransmissions else {}),
    }


def time_text(ns: int) -> str:
    """Nanoseconds since 1970 as a date and time of RFC 3339."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def timing_of(exchange: Exchange) -> dict[str, float]:
    """The known durations, in seconds."""
    return {name: seconds for name, seconds in zip(TIMES, exchange.timing, strict=True) if seconds is not None}


def endpoint_of(endpoint: Endpoint, process: Process | None, show_secrets: bool) -> Json:
    """An end of a connection, with its process if that is known."""
    made: Json = {"ip": clean_text(endpoint.ip), "port": endpoint.port}
    if process is not None:
        made.update(_process(process, show_secrets))
    return made


def _process_now(process: Process, show_secrets: bool) -> Json:
    """The fields of a process. Do not change the dict: all exchanges of the process share it."""
    made = fields_of(process, show_secrets)
    for name, value in made.items():
        if isinstance(value, list):
            made[name] = [clean_text(one) for one in value]
        elif isinstance(value, str):
            made[name] = clean_text(value)
    return made


_process = kept(_process_now, PROCESSES_MAX)


def start_of(head: Head, show_secrets: bool) -> Json:
    """The parts of the first line: of a request if it has a method, else of a response."""
    if head.method:
        target = head.target if show_secrets else mask_target(head.target)
        return {"method": clean_text(head.method), "target": clean_text(target), "version": head.version or None}
    # a response of HTTP/0.9 has no status
    reason = head.reason if show_secrets else mask_reason(head.reason)
    return {"status": head.status or None, "reason": clean_text(reason), "version": head.version or None}


def _message(message: Message | None, bodies: bool, show_secrets: bool) -> Json | None:
    if message is None:
        return None
    made = start_of(message.head, show_secrets)
    made["headers"] = header_fields(message.headers, show_secrets)
    made["body"] = body_of(message, bodies, show_secrets)
    made.update(odd_parts(message, show_secrets))
    return made


def odd_parts(message: Message, show_secrets: bool) -> Json:
    """Parts that only few messages have: the bytes of a malformed head, and trailers."""
    made: Json = {}
    if Problem.BAD_HEAD in message.problems and message.head.has_text:
        raw = message.raw if show_secrets else mask_head(message.raw)
        made["raw"] = raw.decode("latin-1")
    if message.body.trailer:
        made["trailers"] = header_fields(message.trailers, show_secrets)
    return made


def header_fields(headers: Headers, show_secrets: bool) -> list[list[str]]:
    """Name and value of each field, in the order in which they came."""
    fields = list(headers)
    return [[clean_text(name), clean_text(value)] for name, value in (fields if show_secrets else mask_fields(fields))]


def clean_text(words: str) -> str:
    """The text as Latin-1 if it has bytes that are not UTF-8: JSON must not have lone surrogates (RFC 8259, 8.2)."""
    if words.isascii():
        return words
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-8", "surrogateescape").decode("latin-1")
    return words


def is_shorter_in_base64(content: bytes) -> bool:
    """Whether a long body has so many control characters that base64 is shorter than their escapes."""
    if len(content) < LONG_BYTES:
        return False
    return ESCAPED_BYTES * sum(len(window.translate(None, PLAIN)) for window in windows(content)) > len(content) // 3


def body_of(message: Message, with_content: bool, show_secrets: bool) -> Json:
    """A body: its sizes, and its kept bytes if with_content is set."""
    content = message.body if show_secrets or not with_content else mask_body(message)
    return content_of(message.body, content, with_content)


def content_of(body: Body, content: bytes, with_content: bool) -> Json:
    """The members of a body. content: its kept bytes, with secrets masked or not; written if with_content is set."""
    made: Json = {"wire_len": body.wire_len}
    if body.length is not None:
        made["len"] = body.length
    if with_content and body:
        text = None if is_shorter_in_base64(content) else body.text_of(content)
        if text is None:
            made["base64"] = b64encode(content).decode()
        else:
            made["text"] = text
    if with_content and body.is_cut:
        made["kept"] = len(body)
    return made
