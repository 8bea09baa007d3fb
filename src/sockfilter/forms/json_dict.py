"""An exchange as a dict for JSON. The form is a public contract: fields are added, but never renamed or removed.

All text is valid Unicode. Text of a head that is not UTF-8 is read as Latin-1, the historical encoding of HTTP
(RFC 9110, 5.5): each byte becomes one character.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sockfilter.forms.json_values import Json, clean_text, content_of, header_fields
from sockfilter.forms.processes import fields_of
from sockfilter.masking import mask_body, mask_head, mask_reason, mask_target
from sockfilter.masking.names import MASK
from sockfilter.masking.tables import kept
from sockfilter.model.grpc_kind import is_call
from sockfilter.model.problem import Problem

if TYPE_CHECKING:
    from sockfilter.model import Endpoint, Exchange, Message
    from sockfilter.model.head import Head, LostField
    from sockfilter.model.process import Process

# processes whose fields are cached: masking secrets in a command line takes 100 us
PROCESSES_MAX = 256

TIMES = ("connect", "send", "wait", "receive", "total", "queued", "think", "accept")


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
        **({} if exchange.stream is None else {"stream": exchange.stream}),
        "client": endpoint_of(exchange.client, exchange.client_process, show_secrets),
        "server": endpoint_of(exchange.server, exchange.server_process, show_secrets),
        "request": _message(exchange.request, bodies, show_secrets),
        "response": _message(exchange.response, bodies, show_secrets),
        "informational": [{"status": message.status} for message in exchange.informational],
        "timing": timing_of(exchange),
        "complete": exchange.complete,
        "problems": [problem.value for problem in exchange.problems],
        **rare_members(exchange),
        **(_call(exchange, bodies, show_secrets) if is_call(exchange) else {}),
    }


def _call(exchange: Exchange, bodies: bool, show_secrets: bool) -> Json:
    from sockfilter.forms.grpc import call_member  # imported late: most captures have no gRPC

    return call_member(exchange, bodies, show_secrets)


def rare_members(exchange: Exchange) -> Json:
    """The members that only few exchanges have."""
    made: Json = {}
    if exchange.retransmissions:
        made["retransmissions"] = exchange.retransmissions
    if exchange.tcp is not None:
        from sockfilter.forms.tcp import tcp_members  # imported late: only where the kernel's TCP is asked

        made |= tcp_members(exchange, exchange.tcp)
    if exchange.is_pushed:
        made["pushed"] = True
    if exchange.reset is not None:
        code, name, end = exchange.reset
        by = "client" if end == (exchange.connection.client_end or 0) else "server"
        made["reset"] = {"code": code, "name": name or None, "by": by}
    if exchange.parent is not None:
        made["parent"] = {"id": exchange.parent.exchange.id, "why": exchange.parent.why}
    if exchange.connection.hops:
        from sockfilter.forms.paths import path_member  # imported late: most connections cross one interface

        made["path"] = path_member(exchange, time_text)
    if exchange.tls is not None:
        made["tls"] = {
            name: clean_text(value) if isinstance(value, str) else value
            for name, value in exchange.tls._asdict().items()
        }
    return made


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
    """The parts of the first line of a request or a response, or what replaces them in other versions of HTTP."""
    if head.is_request:
        target = head.target if show_secrets else mask_target(head.target)
        made = {"method": clean_text(head.method) or None, "target": clean_text(target) or None}
        if not head.has_text:
            made |= {"authority": clean_text(head.authority) or None, "scheme": clean_text(head.scheme) or None}
        return {**made, "version": head.version or None}
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
    """Parts that only few messages have: the bytes of a malformed head, unknown fields, and trailers."""
    made: Json = {}
    if Problem.BAD_HEAD in message.problems and message.head.has_text:
        raw = message.raw if show_secrets else mask_head(message.raw)
        made["raw"] = raw.decode("latin-1")
    if message.head.lost:
        made["headers_lost"] = [_lost_field(field, show_secrets) for field in message.head.lost]
    if message.has_trailers:
        made["trailers"] = header_fields(message.trailers, show_secrets)
    return made


def _lost_field(field: LostField, show_secrets: bool) -> Json:
    """What is known of a field. If its name is not known, its value may be a secret."""
    made: Json = {"at": field.at}
    if field.name is not None:
        made["name"] = clean_text(field.name)
    if field.value is not None:
        made["value"] = clean_text(field.value) if show_secrets else MASK
    return made


def body_of(message: Message, with_content: bool, show_secrets: bool) -> Json:
    """A body: its sizes, and its kept bytes if with_content is set."""
    return content_of(message.body, shown_body(message, show_secrets) if with_content else None, with_content)


def shown_body(message: Message, show_secrets: bool) -> bytes | None:
    """The kept bytes of a body, with secrets masked or not; None if they are not shown.

    The messages of a gRPC call are shown masked. In the body, the same bytes may be in base64, or have no names that a
    schema has.
    """
    if show_secrets:
        return message.body
    if message.grpc is not None:
        from sockfilter.forms.grpc import hides_body  # imported late: most captures have no gRPC

        if hides_body(message):
            return None
    return mask_body(message)
