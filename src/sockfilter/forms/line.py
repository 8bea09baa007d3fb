"""An exchange as a line of text, and its heads and bodies if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from sockfilter.escape import printable, printable_target, without_backslashes
from sockfilter.forms import times
from sockfilter.forms.columns import shortened, width
from sockfilter.forms.content_lines import content_lines
from sockfilter.forms.heads import UNKNOWN, fields_of, lost_fields_of, start_line
from sockfilter.forms.notes import notes_of
from sockfilter.forms.processes import line_of, name_of
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.masking import mask_body, mask_fields, mask_target
from sockfilter.masking.tables import KeptTable
from sockfilter.model.grpc_kind import is_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sockfilter.forms.fitting import Fitting
    from sockfilter.model import Exchange, Headers, Message, StreamMessage
    from sockfilter.model.head import Head

HEADERS, BODIES = 1, 2

# initial and maximum widths of columns, in characters; a column grows with its text
ROUTE_WIDTH, ROUTE_WIDTH_MAX = 33, 60
# maximum width of a route with two processes
NAMED_WIDTH_MAX = 90
REQUEST_WIDTH, REQUEST_WIDTH_MAX = 24, 60

# heads whose text is kept: as many as the parser of HTTP/1 keeps, 4 MB at most
HEADS_MAX = 512

RESET, BOLD, DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
STATUS_COLOURS = {1: "\x1b[36m", 2: "\x1b[32m", 3: "\x1b[36m", 4: "\x1b[33m", 5: "\x1b[31m"}


class TextOptions(TypedDict, total=False):
    """The arguments of a TextForm."""

    verbosity: int
    colour: bool
    show_secrets: bool
    interfaces: bool
    processes: bool
    time: str
    columns: Callable[[], int | None] | None


class TextForm:
    """Writes exchanges as text: one line each, and the heads and bodies if wanted.

    Args:
        verbosity: 0 for a line, HEADERS to add the heads, BODIES to add the heads and the bodies.
        colour: use the terminal's colours.
        show_secrets: do not mask secrets.
        interfaces: each line names the interface.
        processes: each line names the processes at both ends, if known.
        time: the form of a line's time, one of times.FORMS.
        columns: returns the columns that the terminal has now; it is called for each line, and the line fits them.
            Lines have any length if this is None or returns None.
    """

    def __init__(
        self,
        *,
        verbosity: int = 0,
        colour: bool = False,
        show_secrets: bool = False,
        interfaces: bool = False,
        processes: bool = False,
        time: str = times.CLOCK,
        columns: Callable[[], int | None] | None = None,
    ) -> None:
        self._verbosity = verbosity
        self.has_bodies = verbosity >= BODIES
        self._colour = colour
        self.show_secrets = show_secrets
        self._interfaces = interfaces
        self._processes = processes
        self._route_width_max = NAMED_WIDTH_MAX if processes else ROUTE_WIDTH_MAX
        self._asked: KeptTable[Head, str] = KeptTable(HEADS_MAX)
        self._heads: KeptTable[Head, str] = KeptTable(HEADS_MAX)
        self._is_usual = time == times.CLOCK and columns is None
        self._tell, self._unknown_time = times.FORMS[time](), times.NOT_KNOWN[time]
        self._columns = columns
        self._fitting: Fitting | None = None
        if columns is not None:
            from sockfilter.forms.fitting import Fitting  # imported late: only needed for a terminal

            self._fitting = Fitting(processes)
        self._route_width = ROUTE_WIDTH
        self._request_width = REQUEST_WIDTH
        self._title: Callable[[StreamMessage, bool], str] | None = None  # what a line says of a message

    def render(self, exchange: Exchange) -> bytes:
        """The exchange's line, with its heads and bodies if wanted."""
        text = self._line(exchange)
        if self._verbosity:
            text += "".join(self._details(exchange))
        return text.encode()

    def pieces(self, exchange: Exchange) -> Iterator[bytes]:
        """As render(), piece by piece, for an exchange with a large body."""
        yield self._line(exchange).encode()
        for text in self._details(exchange):
            yield text.encode()

    def render_message(self, message: StreamMessage) -> bytes:
        """The line of a message without a response, with its properties and its content if wanted."""
        if self._title is None:
            from sockfilter.forms.message_line import title  # imported late: most captures have no such messages

            self._title = title
        start_ns = message.start_ns
        time = self._unknown_time if start_ns is None else self._tell(start_ns)
        what = self._title(message, self.show_secrets)
        if self._is_usual and not (self._verbosity or self._interfaces or self._processes or message.problems):
            route = message.connection.route
            if len(route) <= self._route_width and route.isprintable():  # the usual case, without the rest
                return f"{time}  {route.ljust(self._route_width)}  {what}\n".encode()
        columns = None if self._columns is None else self._columns()
        interface = f"{printable(message.connection.interface):<8}" if self._interfaces else ""
        if columns is not None:
            assert self._fitting is not None  # it is set if there are columns
            text = self._fitting.fit_message(message, columns, interface.rstrip(), time, what)
        else:
            route = self._named_route(message) if self._processes else printable(message.connection.route)
            if len(route) > self._route_width:
                self._route_width = min(len(route), self._route_width_max)
            problems = f"[{', '.join(message.problems)}]" if message.problems else ""
            text = "  ".join(filter(None, (interface, time, route.ljust(self._route_width), what, problems)))
        text += "\n"
        if self._verbosity:
            from sockfilter.forms import message_line

            is_whole = self._verbosity >= BODIES
            text += "".join(message_line.details(message, self.show_secrets, with_content=is_whole))
        return text.encode()

    def _line(self, exchange: Exchange) -> str:
        request, response = exchange.request, exchange.response
        start_ns = exchange.start_ns
        time = self._unknown_time if start_ns is None else self._tell(start_ns)
        what = "(no request)" if request is None else self._asked.get(request.head) or self._ask(request.head)
        if response is None:
            status, size, took = "-", "-", "-"
        else:
            status, size = str(response.status or "-"), size_text(response.body.wire_len)
            took = duration_text(exchange.duration_ns)
        if is_call(exchange):
            from sockfilter.forms.grpc import call_cells  # imported late: most captures have no gRPC

            what, status, size = call_cells(exchange, what)
        columns = None if self._columns is None else self._columns()
        if columns is not None:
            return self._fitted(exchange, columns, time, what, f"{status:>3}", f"{size:>8}  {took:>8}")
        route = self._named_route(exchange) if self._processes else printable(exchange.connection.route)
        if len(route) > self._route_width:
            self._route_width = min(len(route), self._route_width_max)
        if len(what) > self._request_width:
            self._request_width = min(len(what), REQUEST_WIDTH_MAX)
        route, what = route.ljust(self._route_width), what.ljust(self._request_width)
        if self._colour:
            what, status = f"{BOLD}{what}{RESET}", self._coloured(exchange, status)
        # this takes half the time of an f-string, and runs once per exchange
        line = "%s  %s  %3s  %8s  %8s" % (route, what, status, size, took)
        if time:
            line = f"{time}  {line}"
        is_plain = exchange.stream is None and exchange.connection.tls is None and exchange.tcp is None
        notes = exchange.problems if is_plain else notes_of(exchange)
        if notes:
            line += f"  [{', '.join(notes)}]"
        if self._interfaces:
            line = f"{printable(exchange.connection.interface):<8}  {line}"
        return line + "\n"

    def _fitted(self, exchange: Exchange, columns: int, time: str, what: str, status: str, sizes: str) -> str:
        """The line for a terminal with this many columns."""
        assert self._fitting is not None  # it is set if there are columns
        interface = printable(exchange.connection.interface) if self._interfaces else ""
        cells = self._fitting.fit(exchange, columns, interface, time, what, status, sizes)
        line = cells.line()
        if width(line) > columns:  # the terminal has only a few columns
            return shortened(line, columns) + "\n"
        if self._colour:
            bold = cells.request and f"{BOLD}{cells.request}{RESET}"
            line = cells._replace(request=bold, status=self._coloured(exchange, status)).line()
        return line + "\n"

    def _coloured(self, exchange: Exchange, status: str) -> str:
        """The status in its colour, padded to the width of its column."""
        response = exchange.response
        colour = STATUS_COLOURS.get(response.status // 100, "") if response else DIM
        if is_call(exchange):
            from sockfilter.forms.grpc import call_colour

            colour = call_colour(exchange) or DIM
        return f"{colour}{status:>3}{RESET}"

    def _named_route(self, exchange: Exchange | StreamMessage) -> str:
        """Client and server, each with its process in front."""
        ends = (exchange.client_process, exchange.client), (exchange.server_process, exchange.server)
        named = (printable(f"{end}") if process is None else f"{name_of(process)} {end}" for process, end in ends)
        return " > ".join(named)

    def _ask(self, head: Head) -> str:
        """The text of a request; it is cached, because most requests are repeated."""
        target = head.target if self.show_secrets else mask_target(head.target)
        asked = f"{printable_target(head.method) or UNKNOWN} {printable_target(target) or UNKNOWN}"
        return self._asked.keep(head, asked) if head.is_shared else asked

    def _details(self, exchange: Exchange) -> Iterable[str]:
        for end, process in (("client", exchange.client_process), ("server", exchange.server_process)):
            if process is not None:
                yield f"    {end} {line_of(process, self.show_secrets)}\n"
        if exchange.tcp is not None:
            from sockfilter.forms.tcp import tcp_lines  # imported late: only where the kernel's TCP is asked

            yield from (f"    {printable(line)}\n" for line in tcp_lines(exchange, exchange.tcp))
        if exchange.connection.hops:
            from sockfilter.forms.paths import lost_lines, path_line  # imported late: most cross one interface

            yield f"    path {path_line(exchange)}\n"
            for text in lost_lines(exchange):
                yield f"    {text}\n"
        for mark, message in (
            (">", exchange.request),
            *(("<", informational) for informational in exchange.informational),
            ("<", exchange.response),
        ):
            if message is not None:
                yield from self._message(mark, message, exchange)
        yield "\n"

    def _message(self, mark: str, message: Message, exchange: Exchange) -> Iterable[str]:
        yield self._heads.get(message.head) or self._head(mark, message.head)
        if self._verbosity >= BODIES and message.body.wire_len:
            yield f"    {mark}\n"
            yield from self._body(message, f"    {mark} ", exchange)
        for trailers in (_web_trailers(message), message.trailers if message.has_trailers else None):
            if trailers is not None:
                yield f"    {mark}\n"
                yield from self._fields(mark, list(trailers))

    def _head(self, mark: str, head: Head) -> str:
        """The lines of a head; they are cached, because most heads are repeated."""
        start = start_line(head, self.show_secrets)
        # without backslashes, everything that looks like an escape is one
        lines = f"    {mark} {printable(without_backslashes(start))}\n" + "".join(self._fields(mark, fields_of(head)))
        lines += "".join(
            f"    {mark} {printable(name)}: {printable(value)}\n"
            for name, value in lost_fields_of(head, self.show_secrets)
        )
        return self._heads.keep(head, lines) if head.is_shared else lines

    def _body(self, message: Message, margin: str, exchange: Exchange) -> Iterable[str]:
        if message.grpc is not None:
            from sockfilter.forms.grpc import message_lines

            return (f"{margin}{line}\n" for line in message_lines(exchange, message, self.show_secrets))
        content = message.body if self.show_secrets else mask_body(message)
        return content_lines(message.body, content, margin)

    def _fields(self, mark: str, fields: list[tuple[str, str]]) -> Iterable[str]:
        for name, value in fields if self.show_secrets else mask_fields(fields):
            yield f"    {mark} {printable(name)}: {printable(value)}\n"


def _web_trailers(message: Message) -> Headers | None:
    """The trailers of gRPC-Web, which are in the body."""
    return None if message.grpc is None else message.grpc.trailers
