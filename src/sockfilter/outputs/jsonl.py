"""JSON lines: one exchange in each line. The form is a public contract: fields are only added.

Lines are ASCII, and all text in them consists of valid Unicode characters. A head that is not UTF-8 is read as Latin-1,
each byte as a character, which is the historical encoding of HTTP fields (RFC 9110, 5.5).
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.forms.json_dict import body_of, endpoint_of, odd_parts, rare_members, start_of, time_text, timing_of
from sockfilter.forms.json_values import ENCODE, clean_text, header_fields
from sockfilter.masking import has_own_names, is_proper, mask_field
from sockfilter.masking.tables import KeptTable
from sockfilter.model.grpc_kind import is_call
from sockfilter.model.headers import text
from sockfilter.model.process import NOBODY
from sockfilter.outputs.output import ByteSink, Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Connection, Exchange, Message, StreamMessage
    from sockfilter.model.head import Head
    from sockfilter.model.process import Process
    from sockfilter.model.tcp import ExchangeTcp

# Heads whose text is cached: as many as the parser of HTTP/1 keeps; at most 4 MB.
HEADS_MAX = 512
# Fields that are cached, and the bytes of such a field: the usual ones of many clients and servers; at most 3 MB.
FIELDS_MAX, FIELD_BYTES_MAX = 2048, 512
# Field names that are cached, up to the length of a field: those of the IANA registry and some of each application.
NAMES_MAX = 512
# Connections: as many as a busy server has at a time; 2 MB and the processes at their ends.
CONNECTIONS_MAX = 4096


class ConnectionText(NamedTuple):
    """The text of a connection in a line, and what it depends on.

    Attributes:
        client_end: which end was the client.
        processes: the processes at its ends.
        before, behind: the text before the exchange's number on the connection, and after it.
        place: the text before, for a message, which has no such number.
    """

    client_end: int | None
    processes: tuple[Process | None, Process | None]
    before: str
    behind: str
    place: str


class JsonOutput(Output):
    """JSON lines for programs.

    A line equals the result of to_dict(), byte for byte. Heads and connections recur, so their text is cached. Only
    numbers remain to be written for each exchange.

    Args:
        sink: receives the bytes.
        bodies: whether to write what was kept of bodies.
        show_secrets: whether to show secrets instead of masking them.
    """

    is_json = True

    def __init__(self, sink: ByteSink, *, bodies: bool = False, show_secrets: bool = False) -> None:
        super().__init__(sink)
        self.has_bodies = bodies
        self.show_secrets = show_secrets
        self._heads: KeptTable[Head, str] = KeptTable(HEADS_MAX)
        self._fields: KeptTable[bytes, str] = KeptTable(FIELDS_MAX)
        self._new_fields = 0  # since the output began
        self._names: KeptTable[bytes, tuple[str, str]] = KeptTable(NAMES_MAX)
        self._connections: KeptTable[Connection, ConnectionText] = KeptTable(CONNECTIONS_MAX)
        self._second, self._second_text = -1, ""

    @property
    def lines(self) -> JsonOutput | None:
        """The output itself if it writes no bodies. Code in C knows the built-in names of secrets only."""
        return None if self.has_bodies or has_own_names() else self

    def around(self, connection: Connection) -> tuple[bytes, bytes]:
        """What a line says of a connection without processes: before the number of the exchange, and behind it."""
        about = self._about(connection, NOBODY)
        return about.before.encode(), about.behind.encode()

    def render(self, exchange: Exchange) -> bytes:
        """Returns the line of an exchange."""
        connection, start_ns = exchange.connection, exchange.start_ns
        about = self._connections.get(connection)
        if about is None or about.client_end != connection.client_end or about.processes != exchange.processes:
            about = self._describe(exchange)
        informational = [{"status": message.status} for message in exchange.informational]
        problems = exchange.problems
        stream = "" if exchange.stream is None else f',"stream":{exchange.stream}'
        is_rare = (
            exchange.retransmissions
            or exchange.tcp is not None
            or exchange.reset is not None
            or exchange.is_pushed
            or exchange.tls is not None
            or exchange.connection.hops
            or exchange.parent is not None
        )
        rare = f",{ENCODE(rare_members(exchange))[1:-1]}" if is_rare else ""
        if is_call(exchange):
            from sockfilter.forms.grpc import call_member  # imported late: most captures have no gRPC

            rare += f",{ENCODE(call_member(exchange, self.has_bodies, self.show_secrets))[1:-1]}"
        return (
            f'{{"kind":"exchange","id":{exchange.id},"time":{"null" if start_ns is None else self._time(start_ns)},'
            f"{about.before}{exchange.conn_seq}{stream}{about.behind}"
            f'"request":{self._message(exchange.request)},"response":{self._message(exchange.response)},'
            f'"informational":{ENCODE(informational) if informational else "[]"},"timing":{_timing_text(exchange)},'
            f'"complete":{"true" if exchange.complete else "false"},'
            f'"problems":{ENCODE([problem.value for problem in problems]) if problems else "[]"}{rare}}}\n'
        ).encode()

    def render_message(self, message: StreamMessage) -> bytes:
        """Returns the line of a message without a response."""
        from sockfilter.forms.message_dict import message_dict  # imported late: most captures have no such messages

        is_more = message.fields or message.close is not None or message.problems or (self.has_bodies and message.body)
        if message.frames and not is_more:
            return self._brief(message)
        return f"{ENCODE(message_dict(message, bodies=self.has_bodies, show_secrets=self.show_secrets))}\n".encode()

    def _brief(self, message: StreamMessage) -> bytes:
        """Returns the line of a message in a frame, without content. It equals the result of message_dict()."""
        connection, body, start_ns, exchange = message.connection, message.body, message.start_ns, message.exchange
        about = self._connections.get(connection)
        if about is None or about.client_end != connection.client_end or about.processes != message.processes:
            about = self._describe(message)
        length = "" if body.length is None else f',"len":{body.length}'
        kept = f',"kept":{len(body)}' if self.has_bodies and body.is_cut else ""
        compressed = "" if message.compressed is None else f',"compressed":{"true" if message.compressed else "false"}'
        number = "null" if exchange is None else exchange.id
        return (
            f'{{"kind":"message","protocol":"{message.protocol}","exchange":{number}'
            f',"time":{"null" if start_ns is None else self._time(start_ns)},{about.place}{about.behind}'
            f'"from":"{message.sender}","type":"{message.kind}","frames":{message.frames}{compressed}'
            f',"wire_len":{body.wire_len}{length}{kept},"problems":[]}}\n'
        ).encode()

    def pieces(self, exchange: Exchange) -> Iterator[bytes]:
        """Returns the line of an exchange with a large body, in pieces."""
        from sockfilter.outputs.jsonl_large import line_in_pieces  # few lines have a large body

        return line_in_pieces(exchange, self.show_secrets)

    def _time(self, ns: int) -> str:
        """Returns time_text() in quotes. The text of a second is made once for all lines in it."""
        second, rest = divmod(ns, 1_000_000_000)
        if second != self._second:
            self._second, self._second_text = second, time_text(ns)[:-10]
        return f'"{self._second_text}{rest:09d}Z"'

    def _describe(self, exchange: Exchange | StreamMessage) -> ConnectionText:
        """Renders a connection's text and caches it until the processes at its ends change."""
        connection = exchange.connection
        return self._connections.keep(connection, self._about(connection, exchange.processes))

    def _about(self, connection: Connection, processes: tuple[Process | None, Process | None]) -> ConnectionText:
        """Returns the text of a connection with these processes at its ends."""
        client = connection.client_end or 0
        before = {"interface": clean_text(connection.interface), "connection": connection.number, "conn_seq": 0}
        ends = {
            "client": endpoint_of(connection.client, processes[client], self.show_secrets),
            "server": endpoint_of(connection.server, processes[1 - client], self.show_secrets),
        }
        text = ENCODE(before)[1:-2]
        return ConnectionText(
            connection.client_end,
            processes,
            text,
            f",{ENCODE(ends)[1:-1]},",
            text.removesuffix(',"conn_seq":'),
        )

    def _message(self, message: Message | None) -> str:
        if message is None:
            return "null"
        head, body = message.head, message.body
        text = self._heads.get(head) or self._head(head)
        more = self._more(message) if message.problems or message.has_trailers else ""
        if self.has_bodies and (body or body.is_cut):
            return f"{text}{ENCODE(body_of(message, True, self.show_secrets))}{more}}}"
        length = "" if body.length is None else f',"len":{body.length}'
        return f'{text}{{"wire_len":{body.wire_len}{length}}}{more}}}'

    def _more(self, message: Message) -> str:
        """Returns the rare members that follow a message's body."""
        made = odd_parts(message, self.show_secrets)
        return f",{ENCODE(made)[1:-1]}" if made else ""

    def _head(self, head: Head) -> str:
        """Returns a message's text up to its body. Caches it if all its fields were already cached."""
        before = self._new_fields
        start = [
            f'"{name}":{quote(value) if isinstance(value, str) else "null" if value is None else value}'
            for name, value in start_of(head, self.show_secrets).items()
        ]
        made = f'{{{",".join(start)},"headers":{self._headers(head)},"body":'
        is_shared = head.is_shared and self._new_fields == before
        return self._heads.keep(head, made) if is_shared else made

    def _headers(self, head: Head) -> str:
        """Returns the fields. Most of them recur, even in heads that do not."""
        raw = head.raw if head.has_text else b""
        if raw.endswith(b"\r\n\r\n"):
            known = self._fields.get
            start, *lines = raw[:-4].split(b"\r\n")
            made = [known(line) or self._field(line) for line in lines]
            if "" not in made and b"\n" not in start:
                return f"[{','.join(made)}]"
        return ENCODE(header_fields(head.headers, self.show_secrets))

    def _field(self, line: bytes) -> str:
        """Returns a field. Empty: it must be parsed together with its neighbours."""
        raw_name, colon, raw_value = line.partition(b":")
        name, quoted = self._names.get(raw_name) or self._name(raw_name)
        if not colon or not quoted or b"\n" in raw_value or b"\r" in raw_value:
            return ""
        value = text(raw_value.strip(b" \t"))
        if not self.show_secrets:
            value = mask_field(name, value)
        made = f"[{quoted},{quote(clean_text(value))}]"
        if len(line) > FIELD_BYTES_MAX:
            return made
        self._new_fields += 1
        return self._fields.keep(line, made)

    def _name(self, raw: bytes) -> tuple[str, str]:
        """Returns a field's name, and the name in quotes. The latter is empty if the name is invalid."""
        name = text(raw)
        made = name, quote(clean_text(name)) if is_proper(name) else ""
        return self._names.keep(raw, made) if len(raw) <= FIELD_BYTES_MAX else made


def _waits_text(tcp: ExchangeTcp) -> str:
    """Returns the parts of the timing that the kernel's TCP knows."""
    waits = ("queued", tcp.queued), ("think", tcp.think), ("accept", tcp.accept)
    return "".join(f',"{name}":{seconds}' for name, seconds in waits if seconds is not None)


def _timing_text(exchange: Exchange) -> str:
    """Returns the timing. It is faster than Exchange.timing if all four times are from one clock and in order."""
    request, response, connection = exchange.request, exchange.response, exchange.connection
    if request is not None and response is not None and not connection.clocks_differ:
        asked, sent, answered, received = request.start_ns, request.end_ns, response.start_ns, response.end_ns
        if (
            type(asked) is type(sent) is type(answered) is type(received) is int
            and asked <= sent <= answered <= received
        ):
            connect_ns = connection.connect_ns if exchange.conn_seq == 1 else None
            connect = "" if connect_ns is None else f'"connect":{connect_ns / 1e9},'
            waits = "" if exchange.tcp is None else _waits_text(exchange.tcp)
            return (
                f'{{{connect}"send":{(sent - asked) / 1e9},"wait":{(answered - sent) / 1e9},'
                f'"receive":{(received - answered) / 1e9},"total":{(received - asked) / 1e9}{waits}}}'
            )
    return ENCODE(timing_of(exchange))
