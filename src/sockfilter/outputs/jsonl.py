"""JSON lines: one exchange a line. The form is a public contract; fields are only ever added.

Lines are ASCII, and all text in them is of characters that Unicode has: what a peer sent in a head that is no
UTF-8 is read as Latin-1, which it is where it comes from HTTP's past (RFC 9110, 5.5); each byte is a character.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sockfilter.model.headers import text
from sockfilter.model.problem import Problem
from sockfilter.outputs.output import Output, Sink
from sockfilter.outputs.processes import fields_of
from sockfilter.outputs.secrets import (
    is_proper,
    mask_body,
    mask_field,
    mask_fields,
    mask_head,
    mask_reason,
    mask_target,
)
from sockfilter.outputs.secrets.tables import Table, kept

if TYPE_CHECKING:
    from sockfilter.model import Connection, Endpoint, Exchange, Headers, Message
    from sockfilter.model.head import Head
    from sockfilter.model.process import Process

Json: TypeAlias = "dict[str, Any]"

# processes whose fields are kept: masking secrets in a command line takes 100 us
PROCESSES_MAX = 256

# Heads whose text is kept, and bytes of such a head: as many as the parser keeps, 4 MB at most.
HEADS_MAX, HEAD_BYTES_MAX = 512, 4096
# Fields, and bytes of such a field: the usual ones of many clients and servers, 3 MB at most.
FIELDS_MAX, FIELD_BYTES_MAX = 2048, 512
# Names of fields, as long as a field may be: those of the IANA registry, and some of each application.
NAMES_MAX = 512
# Connections: those that a busy server has at a time, 2 MB and the processes at their ends.
CONNECTIONS_MAX = 4096

TIMES = ("connect", "send", "wait", "receive", "total")

# a body of which it is looked whether base64 is the shorter form
LONG_BYTES = 4096
# all but control characters, which JSON writes as six; how much longer those are then
PLAIN = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\b\t\n\f\r"})
ESCAPED_BYTES = 5

# made once: json.dumps() with options makes one for each call
ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class ConnectionText(NamedTuple):
    """What a line says of a connection, and what of that may change.

    Attributes:
        client_end: which of its ends was the client.
        processes: those at its ends.
        before, behind: what stands before the exchange's number on it, and behind that.
    """

    client_end: int | None
    processes: tuple[Process | None, Process | None]
    before: str
    behind: str


class JsonOutput(Output):
    """JSON lines for programs.

    A line says what to_dict() says, byte for byte. Heads and connections come again and again, so that what is
    said of them is kept as text; what is left for each exchange are numbers.

    Args:
        sink: takes the bytes.
        bodies: with what was kept of the bodies.
        show_secrets: nothing is masked.
    """

    def __init__(self, sink: Sink, *, bodies: bool = False, show_secrets: bool = False) -> None:
        super().__init__(sink)
        self._has_bodies = bodies
        self._show_secrets = show_secrets
        self._heads: Table[Head, str] = Table(HEADS_MAX)
        self._fields: Table[bytes, str] = Table(FIELDS_MAX)
        self._new_fields = 0  # since it began
        self._names: Table[bytes, tuple[str, str]] = Table(NAMES_MAX)
        self._connections: Table[Connection, ConnectionText] = Table(CONNECTIONS_MAX)
        self._second, self._second_text = -1, ""

    def render(self, exchange: Exchange) -> bytes:
        """The exchange's line."""
        connection, start_ns = exchange.connection, exchange.start_ns
        about = self._connections.get(connection)
        if about is None or about.client_end != connection.client_end or about.processes != exchange.processes:
            about = self._describe(exchange)
        informational = [{"status": message.status} for message in exchange.informational]
        problems = exchange.problems
        retransmissions = f',"retransmissions":{exchange.retransmissions}' if exchange.retransmissions else ""
        return (
            f'{{"kind":"exchange","id":{exchange.id},"time":{"null" if start_ns is None else self._time(start_ns)},'
            f"{about.before}{exchange.conn_seq}{about.behind}"
            f'"request":{self._message(exchange.request)},"response":{self._message(exchange.response)},'
            f'"informational":{ENCODE(informational) if informational else "[]"},"timing":{_timing_text(exchange)},'
            f'"complete":{"true" if exchange.complete else "false"},'
            f'"problems":{ENCODE([problem.value for problem in problems]) if problems else "[]"}{retransmissions}}}\n'
        ).encode()

    def _time(self, ns: int) -> str:
        """time_text() in quotes; a second is put into words once for all lines in it."""
        second, rest = divmod(ns, 1_000_000_000)
        if second != self._second:
            self._second, self._second_text = second, time_text(ns)[:-10]
        return f'"{self._second_text}{rest:09d}Z"'

    def _describe(self, exchange: Exchange) -> ConnectionText:
        """Renders what a line says of a connection, and keeps it until who is at its ends changes."""
        connection = exchange.connection
        before = {"interface": _text(connection.interface), "connection": connection.number, "conn_seq": 0}
        ends = {
            "client": _endpoint(connection.client, exchange.client_process, self._show_secrets),
            "server": _endpoint(connection.server, exchange.server_process, self._show_secrets),
        }
        made = ConnectionText(
            connection.client_end, exchange.processes, ENCODE(before)[1:-2], f",{ENCODE(ends)[1:-1]},"
        )
        return self._connections.keep(connection, made)

    def _message(self, message: Message | None) -> str:
        if message is None:
            return "null"
        head, body = message.head, message.body
        text = self._heads.get(head) or self._head(head)
        more = self._more(message) if message.problems or body.trailer else ""
        if self._has_bodies and (body or body.is_cut):
            return f"{text}{ENCODE(_body(message, True, self._show_secrets))}{more}}}"
        length = "" if body.length is None else f',"len":{body.length}'
        return f'{text}{{"wire_len":{body.wire_len}{length}}}{more}}}'

    def _more(self, message: Message) -> str:
        """What few messages have behind their body."""
        made = _odd_parts(message, self._show_secrets)
        return f",{ENCODE(made)[1:-1]}" if made else ""

    def _head(self, head: Head) -> str:
        """What a line says of a message, up to its body; kept where its fields have all come before."""
        before = self._new_fields
        start = [
            f'"{name}":{quote(value) if isinstance(value, str) else "null" if value is None else value}'
            for name, value in _start(head, self._show_secrets).items()
        ]
        made = f'{{{",".join(start)},"headers":{self._headers(head)},"body":'
        is_new = self._new_fields != before
        return made if is_new or len(head.raw) > HEAD_BYTES_MAX else self._heads.keep(head, made)

    def _headers(self, head: Head) -> str:
        """The fields. Most of them come again and again, also where their heads do not."""
        raw = head.raw
        if raw.endswith(b"\r\n\r\n"):
            known = self._fields.get
            made = [known(line) or self._field(line) for line in raw[:-4].split(b"\r\n")[1:]]
            if "" not in made:
                return f"[{','.join(made)}]"
        return ENCODE(_fields(head.headers, self._show_secrets))

    def _field(self, line: bytes) -> str:
        """A field; empty where it must be read together with those beside it."""
        raw_name, colon, raw_value = line.partition(b":")
        name, quoted = self._names.get(raw_name) or self._name(raw_name)
        if not colon or not quoted or b"\n" in raw_value or b"\r" in raw_value:
            return ""
        value = text(raw_value.strip(b" \t"))
        if not self._show_secrets:
            value = mask_field(name, value)
        made = f"[{quoted},{quote(_text(value))}]"
        if len(line) > FIELD_BYTES_MAX:
            return made
        self._new_fields += 1
        return self._fields.keep(line, made)

    def _name(self, raw: bytes) -> tuple[str, str]:
        """A field's name, and the same in quotes; that is empty where it is no proper name."""
        name = text(raw)
        made = name, quote(_text(name)) if is_proper(name) else ""
        return self._names.keep(raw, made) if len(raw) <= FIELD_BYTES_MAX else made


def _timing_text(exchange: Exchange) -> str:
    """The timing; without the detours of Exchange.timing where all four times are of one clock, and in order."""
    request, response, connection = exchange.request, exchange.response, exchange.connection
    if request is not None and response is not None and not connection.clocks_differ:
        asked, sent, answered, received = request.start_ns, request.end_ns, response.start_ns, response.end_ns
        if (
            type(asked) is type(sent) is type(answered) is type(received) is int
            and asked <= sent <= answered <= received
        ):
            connect_ns = connection.connect_ns if exchange.conn_seq == 1 else None
            connect = "" if connect_ns is None else f'"connect":{connect_ns / 1e9},'
            return (
                f'{{{connect}"send":{(sent - asked) / 1e9},"wait":{(answered - sent) / 1e9},'
                f'"receive":{(received - answered) / 1e9},"total":{(received - asked) / 1e9}}}'
            )
    return ENCODE(_timing(exchange))


def to_dict(exchange: Exchange, *, bodies: bool = True, show_secrets: bool = True) -> Json:
    """The exchange in the form of the contract.

    Args:
        exchange: the exchange.
        bodies: with what was kept of the bodies.
        show_secrets: nothing is masked.
    """
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
        "timing": _timing(exchange),
        "complete": exchange.complete,
        "problems": [problem.value for problem in exchange.problems],
        **({"retransmissions": exchange.retransmissions} if exchange.retransmissions else {}),
    }


def time_text(ns: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 writes them."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def _timing(exchange: Exchange) -> dict[str, float]:
    return {name: seconds for name, seconds in zip(TIMES, exchange.timing, strict=True) if seconds is not None}


def _endpoint(endpoint: Endpoint, process: Process | None, show_secrets: bool) -> Json:
    made: Json = {"ip": _text(endpoint.ip), "port": endpoint.port}
    if process is not None:
        made.update(_process(process, show_secrets))
    return made


def _process_now(process: Process, show_secrets: bool) -> Json:
    """Not to be changed: it is the same for all exchanges of a process."""
    made = fields_of(process, show_secrets)
    for name, value in made.items():
        if isinstance(value, list):
            made[name] = [_text(one) for one in value]
        elif isinstance(value, str):
            made[name] = _text(value)
    return made


_process = kept(_process_now, PROCESSES_MAX)


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
    made.update(_odd_parts(message, show_secrets))
    return made


def _odd_parts(message: Message, show_secrets: bool) -> Json:
    """What few messages have behind their body."""
    made: Json = {}
    if Problem.BAD_HEAD in message.problems:
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
