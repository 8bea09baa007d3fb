"""The columns of the table, and the cells of an exchange in them. All text of the network is escaped here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment

from sockfilter.escape import printable, printable_target
from sockfilter.forms.columns import padded, shortened, shortened_front, width
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.forms.times import clock
from sockfilter.masking import mask_target
from sockfilter.screen.looks import BAD, BOLD, DIM, PLAIN, WARNING, of_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.style import Style

    from sockfilter.model import Exchange

WATERFALL, TARGET = "waterfall", "path"
# characters of a target that are looked at for its cell
TARGET_MAX = 1000
# The waterfall takes this part of the width, within these limits.
WATERFALL_PART, WATERFALL_MIN, WATERFALL_MAX = 5, 10, 60
TARGET_MIN = 12


class ShownCell(NamedTuple):
    """The text of a cell, and its style."""

    text: str
    style: Style = PLAIN


class ShownColumn(NamedTuple):
    """A column.

    Attributes:
        title: its title, which is the name of its order, if it has one.
        width: the columns that it takes.
        least: the width of the terminal from which on it is shown.
        cell: returns its cell.
        is_right: whether it is aligned on the right.
    """

    title: str
    width: int
    least: int
    cell: Callable[[Exchange, bool], ShownCell]
    is_right: bool = False


_clock = clock()


def _time(exchange: Exchange, show_secrets: bool) -> ShownCell:
    start_ns = exchange.start_ns
    return ShownCell("--:--:--.---" if start_ns is None else _clock(start_ns), DIM)


def _short_time(exchange: Exchange, show_secrets: bool) -> ShownCell:
    return ShownCell(_time(exchange, show_secrets).text[:8], DIM)


def _method(exchange: Exchange, show_secrets: bool) -> ShownCell:
    return ShownCell("-" if exchange.request is None else printable_target(exchange.request.method), BOLD)


def _status(exchange: Exchange, show_secrets: bool) -> ShownCell:
    response = exchange.response
    if response is None:
        return ShownCell("---", BAD)
    return ShownCell(str(response.status or "-"), of_status(response.status))


def _target(exchange: Exchange, show_secrets: bool) -> ShownCell:
    request = exchange.request
    if request is None:
        return ShownCell(f"({exchange.reason}) {exchange.connection.route}", DIM)
    target = request.target[:TARGET_MAX]
    shown = printable_target(target if show_secrets else mask_target(target))
    return ShownCell(shown or "-")


def _host(exchange: Exchange, show_secrets: bool) -> ShownCell:
    request = exchange.request
    authority = "" if request is None else printable_target(request.authority[:TARGET_MAX])
    return ShownCell(authority or printable(str(exchange.server)))


def _type(exchange: Exchange, show_secrets: bool) -> ShownCell:
    if exchange.response is None:
        return ShownCell("")
    words = exchange.response.headers.get("content-type", "").partition(";")[0]
    return ShownCell(printable(words.strip().removeprefix("application/")[:TARGET_MAX]), DIM)


def _size(exchange: Exchange, show_secrets: bool) -> ShownCell:
    return ShownCell("-" if exchange.response is None else size_text(exchange.response.body.wire_len))


def _duration(exchange: Exchange, show_secrets: bool) -> ShownCell:
    return ShownCell(duration_text(exchange.duration_ns))


def _process(exchange: Exchange, show_secrets: bool) -> ShownCell:
    client, server = exchange.client_process, exchange.server_process
    if client is None and server is None:
        return ShownCell(str(exchange.client), DIM)
    names = [
        str(end) if process is None else printable(process.comm)
        for process, end in ((client, exchange.client), (server, exchange.server))
    ]
    return ShownCell(" > ".join(names), DIM)


def _problems(exchange: Exchange, show_secrets: bool) -> ShownCell:
    return ShownCell(", ".join(exchange.problems), WARNING)


def _nothing(exchange: Exchange, show_secrets: bool) -> ShownCell:
    return ShownCell("")


# What is shown from which width on. An entry with the width 0 takes what is left.
COLUMNS = (
    ShownColumn("time", 8, 0, _short_time),
    ShownColumn("time", 12, 100, _time),
    ShownColumn("method", 7, 0, _method),
    ShownColumn("status", 6, 0, _status, is_right=True),
    ShownColumn("host", 21, 100, _host),
    ShownColumn(TARGET, 0, 0, _target),
    ShownColumn("type", 14, 150, _type),
    ShownColumn("problems", 14, 170, _problems),
    ShownColumn("process", 22, 130, _process),
    ShownColumn("size", 7, 0, _size, is_right=True),
    ShownColumn("duration", 8, 0, _duration, is_right=True),
    ShownColumn(WATERFALL, 0, 50, _nothing),
)


def columns_of(room: int) -> list[ShownColumn]:
    """Returns the columns for a width, with their widths."""
    chosen = {column.title: column for column in COLUMNS if room >= column.least}  # the last of a title is the widest
    bar = max(WATERFALL_MIN, min(WATERFALL_MAX, room // WATERFALL_PART))
    fixed = sum(column.width for column in chosen.values()) + len(chosen) - 1
    rest = room - fixed - (bar if WATERFALL in chosen else 0)
    return [
        column._replace(width=bar if column.title == WATERFALL else column.width or max(TARGET_MIN, rest))
        for column in chosen.values()
    ]


def title_segments(columns: list[ShownColumn], order: str, is_descending: bool) -> list[Segment]:
    """Returns the line above the table, in which the column that it is sorted by has an arrow."""
    made = []
    for column in columns:
        sign = ("v" if is_descending else "^") if column.title == order else ""
        room = max(0, column.width - len(sign))
        text = column.title[:room] + sign
        made.append(Segment((text.rjust(column.width) if column.is_right else text.ljust(column.width)) + " ", BOLD))
    return made


def cell_segments(exchange: Exchange, column: ShownColumn, show_secrets: bool) -> Segment:
    """Returns a cell with the space behind it."""
    text, style = column.cell(exchange, show_secrets)
    if width(text) > column.width:
        text = shortened_front(text, column.width) if column.title == "process" else shortened(text, column.width)
    text = " " * (column.width - width(text)) + text if column.is_right else padded(text, column.width)
    return Segment(f"{text} ", style)
