"""Lines that fit a terminal: how its columns are shared out, anew for each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.forms import routes
from sockfilter.forms.columns import DOTS, RecentWidth, padded, shortened, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Exchange

GAP = "  "
# columns that the request should have, and those that it keeps where the route is long
REQUEST_GOOD, REQUEST_MIN = 40, 16
# those that it keeps on a line with problems
REQUEST_LEAST = 8
# columns of a route: the ports of loopback fit the first; with fewer than the second, there is none
ROUTE_GOOD, ROUTE_MIN = 15, 7
# columns that a request takes at least where there is room: most targets fit, and what is behind stays where it is
REQUEST_WIDTH = 24
UNNAMED = (None, None)


class Cells(NamedTuple):
    """What stands on a line, as plain text; an empty one is left out.

    Attributes:
        interface: where the exchange was seen.
        time: when it began.
        route: who asked whom.
        request: what was asked.
        status: of the response.
        sizes: size and duration.
        problems: in brackets.
    """

    interface: str
    time: str
    route: str
    request: str
    status: str
    sizes: str
    problems: str

    def line(self) -> str:
        """All of it, without the end of the line."""
        return GAP.join(filter(None, self))


class Fitting:
    """Shares the columns of a terminal out. What comes lately decides; nothing keeps room for good.

    Args:
        named: routes have the processes.
    """

    def __init__(self, named: bool) -> None:
        self._named = named
        self._interface, self._route, self._request = RecentWidth(), RecentWidth(), RecentWidth()

    def fit(
        self, exchange: Exchange, columns: int, interface: str, time: str, request: str, status: str, sizes: str
    ) -> Cells:
        """The cells of a line that takes at most so many columns, if there are a few tens of them.

        Args:
            exchange: whose line it is.
            columns: of the terminal.
            interface, time, request, status, sizes: as they would be with room for all.
        """
        wanted, problems = width(request), exchange.problems
        if exchange.response is None:
            sizes = ""  # there are none, and the problems say why
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

    def _around_request(self, cells: Cells, columns: int) -> tuple[Cells, int]:
        """The cells beside route and request, fewer where there is hardly room, and the columns that they leave."""
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

    def _fit_route(self, exchange: Exchange, room: int, least: int, wanted: int) -> str:
        """Who asked whom, padded where the request does not need the room; empty: there is none.

        Args:
            exchange: whose route it is.
            room: columns for it and the request.
            least: columns that it leaves to the request.
            wanted: columns that the request could use before others are padded.
        """
        most = room - least
        if most < ROUTE_MIN:
            return ""
        good = min(most, max(ROUTE_GOOD, room - REQUEST_GOOD))
        processes = (exchange.client_process, exchange.server_process) if self._named else UNNAMED
        made = routes.fitted(exchange.client, exchange.server, processes, good, most)
        return padded(made, min(self._route.follow(width(made)), room - wanted))


def _fitting(problems: Sequence[str], room: int, *, least: bool) -> str:
    """The problems in brackets, as many as there is room for; empty: for none.

    Args:
        problems: their names.
        room: columns.
        least: one is enough.
    """
    most = min(1, len(problems)) if least else len(problems)
    for count in range(most, -1, -1):
        names = [*problems[:count], *([DOTS] if count < len(problems) else [])]
        text = f"[{', '.join(names)}]"
        if names and width(text) <= room:
            return text
    return ""
