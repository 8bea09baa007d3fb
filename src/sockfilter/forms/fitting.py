"""Lines that fit a terminal: divides its columns among the cells of each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.forms import routes
from sockfilter.forms.columns import DOTS, RecentWidth, padded, shortened, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Exchange, StreamMessage

GAP = "  "
# columns that the request should have, and the minimum beside a long route
REQUEST_GOOD, REQUEST_MIN = 40, 16
# the minimum columns of the request on a line with problems
REQUEST_LEAST = 8
# columns of a route: the first is enough for the ports of loopback; with fewer than the second, the route is left out
ROUTE_GOOD, ROUTE_MIN = 15, 7
# minimum columns of the request if there is room: most targets fit, so that the cells after it are aligned
REQUEST_WIDTH = 24
UNNAMED = (None, None)


class Cells(NamedTuple):
    """The cells of a line, as plain text; an empty cell is left out.

    Attributes:
        interface: the interface on which the exchange was seen.
        time: when it began.
        route: client and server.
        request: method and target.
        status: the status of the response.
        sizes: size and duration.
        problems: the names of the problems, in brackets.
    """

    interface: str
    time: str
    route: str
    request: str
    status: str
    sizes: str
    problems: str

    def line(self) -> str:
        """The whole line, without a line feed."""
        return GAP.join(filter(None, self))


class Fitting:
    """Divides the columns of a terminal among the cells. The widths depend on recent lines.

    Args:
        named: routes show the processes.
    """

    def __init__(self, named: bool) -> None:
        self._named = named
        self._interface, self._route, self._request = RecentWidth(), RecentWidth(), RecentWidth()

    def fit(
        self, exchange: Exchange, columns: int, interface: str, time: str, request: str, status: str, sizes: str
    ) -> Cells:
        """The cells of a line that takes at most columns, if the terminal has a few tens of columns.

        Args:
            exchange: the exchange of the line.
            columns: columns of the terminal.
            interface, time, request, status, sizes: the full text of the cells.
        """
        wanted, problems = width(request), exchange.problems
        if exchange.response is None:
            sizes = ""  # not known, and the problems say why
        cells, left = self._around_request(Cells(interface, time, "", request, status, sizes, ""), columns)
        has_all = (cells.time, cells.sizes) == (time, sizes)
        noted = _fitting(problems, left - REQUEST_LEAST - len(GAP), least=True)
        left -= width(noted) + len(GAP) if noted else 0
        least = REQUEST_LEAST if noted else REQUEST_MIN
        room = left - len(GAP)
        route = self._fit_route(exchange, room, least, min(wanted, REQUEST_WIDTH)) if has_all else ""
        left -= width(route) + len(GAP) if route else 0
        if noted:
            both = left + width(noted)
            noted = _fitting(problems, max(width(noted), both - wanted), least=False)
            left = both - width(noted)
        room = min(left, self._request.follow(max(REQUEST_WIDTH, wanted)))
        return cells._replace(route=route, request=padded(shortened(cells.request, room), room), problems=noted)

    def fit_message(self, message: StreamMessage, columns: int, interface: str, time: str, what: str) -> str:
        """The line of a message without a response, in at most columns.

        Args:
            message: the message of the line.
            columns: columns of the terminal.
            interface, time, what: the full text of the cells.
        """
        cells, left = self._around_request(Cells(interface, time, "", what, "", "", ""), columns)
        noted = _fitting(message.problems, left - REQUEST_MIN - len(GAP), least=True)
        left -= width(noted) + len(GAP) if noted else 0
        room = left - len(GAP)
        route = (
            self._fit_route(message, room, REQUEST_MIN, min(width(what), REQUEST_WIDTH)) if cells.time == time else ""
        )
        left -= width(route) + len(GAP) if route else 0
        return shortened(cells._replace(route=route, request=shortened(what, left), problems=noted).line(), columns)

    def _around_request(self, cells: Cells, columns: int) -> tuple[Cells, int]:
        """The cells beside route and request, without some if there is little room; and the columns that are left."""
        if cells.interface:
            cells = cells._replace(interface=padded(cells.interface, self._interface.follow(width(cells.interface))))
        left = columns
        for cell in (cells.interface, cells.time, cells.status, cells.sizes):
            left -= width(cell) + len(GAP) if cell else 0
        for given_up in ("sizes", "time"):
            cell = getattr(cells, given_up)
            if left < REQUEST_MIN and cell:
                left += width(cell) + len(GAP)
                cells = cells._replace(**{given_up: ""})
        return cells, left

    def _fit_route(self, exchange: Exchange | StreamMessage, room: int, least: int, wanted: int) -> str:
        """The route, padded if the request does not need the room; empty if there is no room for it.

        Args:
            exchange: the exchange of the line.
            room: columns for the route and the request together.
            least: minimum columns of the request.
            wanted: columns that the request gets before the route is padded.
        """
        most = room - least
        if most < ROUTE_MIN:
            return ""
        good = min(most, max(ROUTE_GOOD, room - REQUEST_GOOD))
        processes = (exchange.client_process, exchange.server_process) if self._named else UNNAMED
        made = routes.fitted(exchange.client, exchange.server, processes, good, most)
        return padded(made, min(self._route.follow(width(made)), room - wanted))


def _fitting(problems: Sequence[str], room: int, *, least: bool) -> str:
    """The problems in brackets, as many as there is room for; empty if there is room for none.

    Args:
        problems: the names of the problems.
        room: columns.
        least: show at most one problem.
    """
    most = min(1, len(problems)) if least else len(problems)
    for count in range(most, -1, -1):
        names = [*problems[:count], *([DOTS] if count < len(problems) else [])]
        text = f"[{', '.join(names)}]"
        if names and width(text) <= room:
            return text
    return ""
