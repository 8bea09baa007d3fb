"""The details of an exchange as lines: what it is, its timing, its processes, its problems, its two halves."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from sockfilter.errors import SockfilterError
from sockfilter.escape import printable, printable_lines
from sockfilter.forms.heads import fields_of, lost_fields_of, start_line
from sockfilter.forms.json_dict import shown_body
from sockfilter.forms.paths import lost_lines, path_line
from sockfilter.forms.problems import explained
from sockfilter.forms.processes import line_of
from sockfilter.forms.sizes import size_text
from sockfilter.forms.tcp import tcp_lines
from sockfilter.forms.times import date
from sockfilter.masking import mask_fields
from sockfilter.screen.bars import timing_lines
from sockfilter.screen.bodies import laid_out
from sockfilter.screen.looks import BAD, BOLD, DIM, NAME, NOTE, TITLE, WARNING, of_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Exchange, Message, StreamMessage

# messages on a stream that are listed, and lines of the content of each
MESSAGES_MAX, MESSAGE_LINES_MAX = 200, 6
GRPC_LINES_MAX = 1000
# characters of a field's value that are shown
VALUE_MAX = 4000


def described(exchange: Exchange, room: int, *, show_secrets: bool, as_hex: bool) -> list[Text]:
    """Returns the lines of an exchange's details. Everything that the network sent is escaped.

    Args:
        exchange: the exchange.
        room: the columns of a line; longer ones are folded by the pane.
        show_secrets: do not mask secrets.
        as_hex: show bodies in hexadecimal.
    """
    made = [*_about(exchange, room, show_secrets)]
    for words, half in (("Request", exchange.request), ("Response", exchange.response)):
        made.append(Text())
        if half is None:
            made.append(Text(f"{words}: none was seen ({exchange.reason})", BAD))
        else:
            made += _half(words, exchange, half, show_secrets, as_hex)
    made += _messages(exchange, show_secrets)
    return made


def _about(exchange: Exchange, room: int, show_secrets: bool) -> Iterator[Text]:
    start_ns = exchange.start_ns
    when = "at a time that is not known" if start_ns is None else date()(start_ns)
    stream = "" if exchange.stream is None else f", stream {exchange.stream}"
    yield (
        Text()
        .append(f"Exchange {exchange.id}", TITLE)
        .append(
            f"  {when}, connection {exchange.connection.number}, no. {exchange.conn_seq} on it{stream},"
            f" {printable(exchange.connection.interface)}",
            DIM,
        )
    )
    for problem in explained(exchange.problems):
        yield (
            Text()
            .append(f"! {problem.name}: ", BAD)
            .append(problem.meaning, WARNING)
            .append(f" {problem.remedy}", NOTE)
        )
    if exchange.retransmissions:
        yield Text(f"! {exchange.retransmissions} segments were sent again", WARNING)
    if exchange.reset is not None:
        code, name, ender = exchange.reset
        by = "client" if ender == (exchange.connection.client_end or 0) else "server"
        yield Text(f"! the {by} reset the stream: {printable(name) or code}", WARNING)
    if exchange.is_pushed:
        yield Text("pushed: the server sent the response without being asked")
    for segments in timing_lines(exchange, room):
        line = Text()
        for segment in segments:
            line.append(segment.text, segment.style)
        yield line
    for words, end, process in (
        ("client", exchange.client, exchange.client_process),
        ("server", exchange.server, exchange.server_process),
    ):
        known = "process not known" if process is None else line_of(process, show_secrets)
        yield Text().append(f"{words}  ", NAME).append(f"{printable(str(end))}  ", BOLD).append(known)
    if exchange.tcp is not None:
        for text in tcp_lines(exchange, exchange.tcp):
            yield Text(printable(text), WARNING if text.startswith("slow") else "")
    if exchange.connection.hops:
        yield Text().append("path    ", NAME).append(path_line(exchange))
        for text in lost_lines(exchange):
            yield Text(f"        {text}")
    tls = exchange.tls
    if tls is not None:
        said = [f"{name} {printable(str(value))}" for name, value in tls._asdict().items() if value is not None]
        yield Text().append("TLS     ", NAME).append(", ".join(said))
    call = exchange.grpc
    if call is not None:
        status = "no status" if call.status is None else f"{call.status} {printable(str(call.status_name or ''))}"
        yield Text().append("gRPC    ", NAME).append(f"{printable(call.name or 'unknown method')}: {status}")


def _half(words: str, exchange: Exchange, half: Message, show_secrets: bool, as_hex: bool) -> Iterator[Text]:
    body = half.body
    sizes = size_text(body.wire_len)
    if body.length is not None and body.length != body.wire_len:
        sizes += f" sent, {size_text(body.length)} decoded"
    yield Text().append(words, TITLE).append(f"  HTTP/{half.version}, body {sizes}", DIM)
    status = half.head.status
    yield Text(printable(start_line(half.head, show_secrets)[:VALUE_MAX]), of_status(status) if status else BOLD)
    fields = fields_of(half.head)
    yield from _fields(fields if show_secrets else mask_fields(fields))
    yield from _fields(lost_fields_of(half.head, show_secrets))
    yield from _body(exchange, half, show_secrets, as_hex)
    if half.has_trailers:
        yield Text("trailers", DIM)
        trailers = list(half.trailers)
        yield from _fields(trailers if show_secrets else mask_fields(trailers))


def _fields(fields: list[tuple[str, str]]) -> Iterator[Text]:
    for name, value in fields:
        shown = value if len(value) <= VALUE_MAX else f"{value[:VALUE_MAX]}... ({len(value)} characters)"
        yield Text().append(f"{printable(name)}: ", NAME).append(printable(shown))


def _body(exchange: Exchange, half: Message, show_secrets: bool, as_hex: bool) -> Iterator[Text]:
    body = half.body
    if half.grpc is not None and not as_hex:
        from sockfilter.forms.grpc import message_lines

        yield Text()
        for line in islice(message_lines(exchange, half, show_secrets), GRPC_LINES_MAX):
            yield Text(printable_lines(line))
        return
    if not body and not body.is_cut:
        return
    yield Text()
    content = shown_body(half, show_secrets)
    if content is None:
        yield Text("(not shown: it may have secrets)", NOTE)
        return
    kind, lines = laid_out(content, body, half.headers.get("content-type", ""), as_hex=as_hex)
    kept = f", {size_text(len(body))} kept; --body keeps more" if body.is_cut else ""
    yield Text(f"[{kind}{kept}]", NOTE)
    yield from lines


def _messages(exchange: Exchange, show_secrets: bool) -> Iterator[Text]:
    messages = list(exchange.messages)
    if not messages:
        return
    from sockfilter.forms.message_line import title

    yield Text()
    shown = f", of which the last {MESSAGES_MAX}" if len(messages) > MESSAGES_MAX else ""
    yield Text().append("Messages", TITLE).append(f"  {len(messages)}{shown}", DIM)
    for message in messages[-MESSAGES_MAX:]:
        yield Text(title(message, show_secrets), BOLD if message.is_from_client else NAME)
        yield from _content(message, show_secrets)


def _content(message: StreamMessage, show_secrets: bool) -> Iterator[Text]:
    from sockfilter.forms.message_dict import content_shown

    if not message.body:
        return
    try:
        content = content_shown(message, show_secrets)
    except SockfilterError:
        return
    lines = laid_out(content, message.body, "").lines
    for line in lines[:MESSAGE_LINES_MAX]:
        yield Text("  ").append_text(line)
    if len(lines) > MESSAGE_LINES_MAX:
        yield Text(f"  ... {len(lines) - MESSAGE_LINES_MAX} more lines", NOTE)
