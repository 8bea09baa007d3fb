"""JSON lines: one exchange a line. The form is a public contract; fields are only ever added.

Lines are ASCII, and all text in them is of characters that Unicode has: what a peer sent in a head that is no
UTF-8 is read as Latin-1, which it is where it comes from HTTP's past (RFC 9110, 5.5); each byte is a character.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.model.problem import Problem
from sockfilter.model.process import NOBODY
from sockfilter.outputs.output import Output, Sink
from sockfilter.outputs.processes import fields_of
from sockfilter.outputs.secrets import has_own_names, mask_body, mask_fields, mask_head, mask_reason, mask_target

if TYPE_CHECKING:
    from sockfilter.model import Connection, Endpoint, Exchange, Headers, Message
    from sockfilter.model.head import Head
    from sockfilter.model.process import Process

Json: TypeAlias = "dict[str, Any]"

# processes whose fields are kept: masking secrets in a command line takes 100 us
PROCESSES_MAX = 256

TIMES = ("connect", "send", "wait", "receive", "total")

# a body of which it is looked whether base64 is the shorter form
LONG_BYTES = 4096
# all but control characters, which JSON writes as six; how much longer those are then
PLAIN = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\b\t\n\f\r"})
ESCAPED_BYTES = 5

# made once: json.dumps() with options makes one for each call
ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class JsonOutput(Output):
    """JSON lines for programs.

    Args:
        sink: takes the bytes.
        bodies: with what was kept of the bodies.
        show_secrets: nothing is masked.
    """

    is_json = True
    widths_max = 0, 0

    def __init__(self, sink: Sink, *, bodies: bool = False, show_secrets: bool = False) -> None:
        super().__init__(sink)
        self.has_bodies = bodies
        self.show_secrets = show_secrets

    @property
    def lines(self) -> JsonOutput | None:
        """Itself: the short road may write its lines, but for bodies with secrets by names of the user's own."""
        return None if self.has_bodies and not self.show_secrets and has_own_names() else self

    @property
    def widths(self) -> tuple[int, int]:
        """Nothing: JSON has no columns."""
        return 0, 0

    def about(self, connection: Connection) -> tuple[bytes, bytes]:
        """What a line says of a connection: from the time's end to the exchange's number on it, and behind that."""
        before = {"interface": _text(connection.interface), "connection": connection.number, "conn_seq": 0}
        processes = NOBODY if connection.known is None else connection.known.processes
        client, server = processes[:: -1 if connection.client_end else 1]
        ends = {
            "client": _endpoint(connection.client, client, self.show_secrets),
            "server": _endpoint(connection.server, server, self.show_secrets),
        }
        return f'",{ENCODE(before)[1:-2]}'.encode(), f',{ENCODE(ends)[1:-1]},"request":'.encode()

    def said(self, head: Head) -> bytes:
        """What a line says of a message, up to the sizes of its body."""
        made = {**_start(head, self.show_secrets), "headers": _fields(head.headers, self.show_secrets)}
        return f'{ENCODE(made)[:-1]},"body":'.encode()

    def renumber(self, text: bytes, first_id: int) -> bytes:
        """Lines with other ids."""
        made = []
        for number, line in enumerate(text.splitlines(keepends=True), first_id):
            before, key, after = line.partition(b'"id":')
            made.append(b"%s%s%d%s" % (before, key, number, after[after.index(b",") :]))
        return b"".join(made)

    def render(self, exchange: Exchange) -> bytes:
        """The exchange's line."""
        made = to_dict(exchange, bodies=self.has_bodies, show_secrets=self.show_secrets)
        return ENCODE(made).encode() + b"\n"


def to_dict(exchange: Exchange, *, bodies: bool = True, show_secrets: bool = True) -> Json:
    """The exchange in the form of the contract.

    Args:
        exchange: the exchange.
        bodies: with what was kept of the bodies.
        show_secrets: nothing is masked.
    """
    parts = exchange.timing
    timing = (parts.connect, parts.send, parts.wait, parts.receive, parts.total)
    return {
        "kind": "exchange",
        "id": exchange.id,
        "time": None if exchange.start_ns is None else time_text(exchange.start_ns),
        "interface": _text(exchange.connection.interface),
        "connection": exchange.connection.number,
        "conn_seq": exchange.conn_seq,
        "client": _endpoint(exchange.client, exchange.client_process, show_secrets),
        "server": _endpoint(exchange.server, exchange.server_process, show_secrets),
        "request": _message(exchange.request, bodies, show_secrets),
        "response": _message(exchange.response, bodies, show_secrets),
        "informational": [{"status": message.status} for message in exchange.informational],
        "timing": {name: seconds for name, seconds in zip(TIMES, timing, strict=True) if seconds is not None},
        "complete": exchange.complete,
        "problems": [problem.value for problem in exchange.problems],
        **({"retransmissions": exchange.retransmissions} if exchange.retransmissions else {}),
    }


def time_text(ns: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 writes them."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def _endpoint(endpoint: Endpoint, process: Process | None, show_secrets: bool) -> Json:
    made: Json = {"ip": _text(endpoint.ip), "port": endpoint.port}
    if process is not None:
        made.update(_process(process, show_secrets))
    return made


@lru_cache(PROCESSES_MAX)
def _process(process: Process, show_secrets: bool) -> Json:
    """Not to be changed: it is the same for all exchanges of a process."""
    made = fields_of(process, show_secrets)
    for name, value in made.items():
        if isinstance(value, list):
            made[name] = [_text(one) for one in value]
        elif isinstance(value, str):
            made[name] = _text(value)
    return made


def _start(head: Head, show_secrets: bool) -> Json:
    """What the first line says: of a request, if it has a method."""
    if head.method:
        target = head.target if show_secrets else mask_target(head.target)
        return {"method": _text(head.method), "target": _text(target), "version": head.version or None}
    # HTTP/0.9 has no status
    reason = head.reason if show_secrets else mask_reason(head.reason)
    return {"status": head.status or None, "reason": _text(reason), "version": head.version or None}


def _message(message: Message | None, bodies: bool, show_secrets: bool) -> Json | None:
    if message is None:
        return None
    made = _start(message.head, show_secrets)
    made["headers"] = _fields(message.headers, show_secrets)
    made["body"] = _body(message, bodies, show_secrets)
    if Problem.BAD_HEAD in message.problems and message.head.has_text:
        raw = message.raw if show_secrets else mask_head(message.raw)
        made["raw"] = raw.decode("latin-1")
    if message.body.trailer:
        made["trailers"] = _fields(message.trailers, show_secrets)
    return made


def _fields(headers: Headers, show_secrets: bool) -> list[list[str]]:
    fields = list(headers)
    return [[_text(name), _text(value)] for name, value in (fields if show_secrets else mask_fields(fields))]


def _text(words: str) -> str:
    """Lone surrogates, which stand for bytes that are no UTF-8, are not for JSON (RFC 8259, 8.2)."""
    if words.isascii():
        return words
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-8", "surrogateescape").decode("latin-1")
    return words


def _is_shorter_in_base64(body: bytes) -> bool:
    """Whether a long body has so many control characters that their escapes take more than base64 does."""
    if len(body) < LONG_BYTES:
        return False
    return ESCAPED_BYTES * len(body.translate(None, PLAIN)) > len(body) // 3


def _body(message: Message, with_content: bool, show_secrets: bool) -> Json:
    body = message.body
    made: Json = {"wire_len": body.wire_len}
    if body.length is not None:
        made["len"] = body.length
    if with_content and body:
        content = body if show_secrets else mask_body(message)
        text = None if _is_shorter_in_base64(content) else body.text_of(content)
        if text is None:
            made["base64"] = b64encode(content).decode()
        else:
            made["text"] = text
    if with_content and body.is_cut:
        made["kept"] = len(body)
    return made
