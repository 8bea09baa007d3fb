"""JSON lines: one exchange a line. The form is a public contract; fields are only ever added.

Lines are ASCII, and all text in them is of characters that Unicode has: what a peer sent in a head that is no
UTF-8 is read as Latin-1, which it is where it comes from HTTP's past (RFC 9110, 5.5); each byte is a character.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.forms.json_dict import (
    ENCODE,
    body_of,
    clean_text,
    endpoint_of,
    header_fields,
    odd_parts,
    start_of,
    time_text,
    timing_of,
)
from sockfilter.masking import is_proper, mask_field
from sockfilter.masking.tables import KeptTable
from sockfilter.model.headers import text
from sockfilter.outputs.output import ByteSink, Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Connection, Exchange, Message
    from sockfilter.model.head import Head
    from sockfilter.model.process import Process

# Heads whose text is kept, and bytes of such a head: as many as the parser keeps, 4 MB at most.
HEADS_MAX, HEAD_BYTES_MAX = 512, 4096
# Fields, and bytes of such a field: the usual ones of many clients and servers, 3 MB at most.
FIELDS_MAX, FIELD_BYTES_MAX = 2048, 512
# Names of fields, as long as a field may be: those of the IANA registry, and some of each application.
NAMES_MAX = 512
# Connections: those that a busy server has at a time, 2 MB and the processes at their ends.
CONNECTIONS_MAX = 4096


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

    def __init__(self, sink: ByteSink, *, bodies: bool = False, show_secrets: bool = False) -> None:
        super().__init__(sink)
        self.has_bodies = bodies
        self._show_secrets = show_secrets
        self._heads: KeptTable[Head, str] = KeptTable(HEADS_MAX)
        self._fields: KeptTable[bytes, str] = KeptTable(FIELDS_MAX)
        self._new_fields = 0  # since it began
        self._names: KeptTable[bytes, tuple[str, str]] = KeptTable(NAMES_MAX)
        self._connections: KeptTable[Connection, ConnectionText] = KeptTable(CONNECTIONS_MAX)
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

    def pieces(self, exchange: Exchange) -> Iterator[bytes]:
        """The same of an exchange with a large body."""
        from sockfilter.outputs.jsonl_large import line_in_pieces  # few lines have one

        return line_in_pieces(exchange, self._show_secrets)

    def _time(self, ns: int) -> str:
        """time_text() in quotes; a second is put into words once for all lines in it."""
        second, rest = divmod(ns, 1_000_000_000)
        if second != self._second:
            self._second, self._second_text = second, time_text(ns)[:-10]
        return f'"{self._second_text}{rest:09d}Z"'

    def _describe(self, exchange: Exchange) -> ConnectionText:
        """Renders what a line says of a connection, and keeps it until who is at its ends changes."""
        connection = exchange.connection
        before = {"interface": clean_text(connection.interface), "connection": connection.number, "conn_seq": 0}
        ends = {
            "client": endpoint_of(connection.client, exchange.client_process, self._show_secrets),
            "server": endpoint_of(connection.server, exchange.server_process, self._show_secrets),
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
        if self.has_bodies and (body or body.is_cut):
            return f"{text}{ENCODE(body_of(message, True, self._show_secrets))}{more}}}"
        length = "" if body.length is None else f',"len":{body.length}'
        return f'{text}{{"wire_len":{body.wire_len}{length}}}{more}}}'

    def _more(self, message: Message) -> str:
        """What few messages have behind their body."""
        made = odd_parts(message, self._show_secrets)
        return f",{ENCODE(made)[1:-1]}" if made else ""

    def _head(self, head: Head) -> str:
        """What a line says of a message, up to its body; kept where its fields have all come before."""
        before = self._new_fields
        start = [
            f'"{name}":{quote(value) if isinstance(value, str) else "null" if value is None else value}'
            for name, value in start_of(head, self._show_secrets).items()
        ]
        made = f'{{{",".join(start)},"headers":{self._headers(head)},"body":'
        is_shared = head.has_text and len(head.raw) <= HEAD_BYTES_MAX and self._new_fields == before
        return self._heads.keep(head, made) if is_shared else made

    def _headers(self, head: Head) -> str:
        """The fields. Most of them come again and again, also where their heads do not."""
        raw = head.raw if head.has_text else b""
        if raw.endswith(b"\r\n\r\n"):
            known = self._fields.get
            start, *lines = raw[:-4].split(b"\r\n")
            made = [known(line) or self._field(line) for line in lines]
            if "" not in made and b"\n" not in start:
                return f"[{','.join(made)}]"
        return ENCODE(header_fields(head.headers, self._show_secrets))

    def _field(self, line: bytes) -> str:
        """A field; empty where it must be read together with those beside it."""
        raw_name, colon, raw_value = line.partition(b":")
        name, quoted = self._names.get(raw_name) or self._name(raw_name)
        if not colon or not quoted or b"\n" in raw_value or b"\r" in raw_value:
            return ""
        value = text(raw_value.strip(b" \t"))
        if not self._show_secrets:
            value = mask_field(name, value)
        made = f"[{quoted},{quote(clean_text(value))}]"
        if len(line) > FIELD_BYTES_MAX:
            return made
        self._new_fields += 1
        return self._fields.keep(line, made)

    def _name(self, raw: bytes) -> tuple[str, str]:
        """A field's name, and the same in quotes; that is empty where it is no proper name."""
        name = text(raw)
        made = name, quote(clean_text(name)) if is_proper(name) else ""
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
    return ENCODE(timing_of(exchange))
