"""Collects the figures of exchanges, from the exchanges or from their numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sockfilter.escape import printable_target
from sockfilter.masking import mask_target
from sockfilter.model.grpc_kind import is_call
from sockfilter.model.headers import text
from sockfilter.statistics.groups import ERROR_STATUS, GROUPS_MAX, Group, Groups, Top
from sockfilter.statistics.keys import ROUTE, UNKNOWN, key_of
from sockfilter.statistics.routes import router
from sockfilter.statistics.spread import WAITING_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Connection, Exchange

# status, whether it is an error, nanoseconds in all and of the wait, bytes of both bodies
Figures: TypeAlias = "tuple[int, bool, int | None, int | None, int, int]"
# Start lines of requests whose group is known: as many as a site has pages; 1 MB at most.
LINES_MAX = 4096
# status by the beginning of a usual response
STATUSES = {b"HTTP/1.%d %d" % (minor, status): status for minor in (0, 1) for status in range(200, 600)}
STATUS_END = len(b"HTTP/1.1 200")
# characters of a target in the name of an exchange
TARGET_MAX = 100


class Collector:
    """The figures of all exchanges.

    Args:
        by: what to group by.
        routes: templates of routes, as for router().
        limit: the number of groups with figures of their own.

    Raises InvalidArgument.
    """

    def __init__(self, by: Sequence[str] = (ROUTE,), routes: Sequence[str] = (), limit: int = GROUPS_MAX) -> None:
        self.by = tuple(by)
        self.groups = Groups(limit)
        self._route = router(routes)
        self._key = key_of(self.by, self._route)
        self._known: dict[bytes, Group] = {}  # by the start line of the request
        # the number of exchanges of which only the numbers came
        self.figures_taken = 0
        self.is_by_route = self.by == (ROUTE,)

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        request, response = exchange.request, exchange.response
        status = 0 if response is None else response.status
        wait_s = exchange.timing.wait
        is_error = not status or status >= ERROR_STATUS
        if is_call(exchange):
            call = exchange.grpc
            is_error = is_error or (call is not None and bool(call.status))
        figures = (
            status,
            is_error,
            exchange.duration_ns,
            None if wait_s is None else round(wait_s * 1e9),
            0 if request is None else request.body.wire_len,
            0 if response is None else response.body.wire_len,
        )
        self._add(self.groups.group(self._key(exchange)), figures, exchange.start_ns)
        duration_ns, size = figures[2], figures[4] + figures[5]
        if (duration_ns or 0) > self.groups.slowest.least or size > self.groups.largest.least:
            method, target = ("", "") if request is None else (request.method, request.target)
            said = (_named(method, target, status), exchange.start_ns, str(exchange.client), str(exchange.server))
            self._note_top(duration_ns, size, said)

    def take_figures(
        self,
        connection: Connection,
        heads: bytes,
        request_at: int,
        response_at: int,
        asked_ns: int,
        sent_ns: int,
        answered_ns: int,
        received_ns: int,
        request_bytes: int,
        response_bytes: int,
    ) -> bool:
        """Takes the numbers of an exchange, see model/figures.py. Returns False if the exchange is needed for it.

        It is called for almost every exchange, so it does what _add() does without further calls.
        """
        line = heads[request_at : heads.find(b"\n", request_at)]
        group = self._known.get(line) or self._group_of(line)
        status = STATUSES.get(heads[response_at : response_at + STATUS_END])
        if group is None or status is None:
            return False
        if line[:4] == b"POST" and heads.find(b"/grpc", request_at, response_at) >= 0:
            return False
        groups = self.groups
        group.count += 1
        groups.count += 1
        self.figures_taken += 1
        group.statuses[status // 100] += 1
        if status >= ERROR_STATUS:
            group.errors += 1
        group.request_bytes += request_bytes
        group.response_bytes += response_bytes
        duration_ns = (received_ns if received_ns > sent_ns else sent_ns) - asked_ns
        group.durations.waiting.append(duration_ns)
        if answered_ns >= sent_ns:
            group.waits.waiting.append(answered_ns - sent_ns)
        if not group.count % WAITING_MAX:
            group.durations.settle()
            group.waits.settle()
        if asked_ns > groups.last_ns:
            groups.last_ns = asked_ns
        if asked_ns < groups.first_ns:
            groups.first_ns = asked_ns
        size = request_bytes + response_bytes
        if duration_ns > groups.slowest.least or size > groups.largest.least:
            method, target = map(text, line.split(b" ")[:2])
            said = (_named(method, target, status), asked_ns, str(connection.client), str(connection.server))
            self._note_top(duration_ns, size, said)
        return True

    def _add(self, group: Group, figures: Figures, start_ns: int | None) -> None:
        status, is_error, duration_ns, wait_ns, sent, received = figures
        group.count += 1
        group.statuses[status // 100] += 1
        if is_error:
            group.errors += 1
        group.request_bytes += sent
        group.response_bytes += received
        if duration_ns is not None:
            group.durations.add(duration_ns)
        if wait_ns is not None:
            group.waits.add(wait_ns)
        groups = self.groups
        groups.count += 1
        if start_ns is not None:
            groups.last_ns = max(groups.last_ns, start_ns)
            groups.first_ns = min(groups.first_ns, start_ns)

    def _note_top(self, duration_ns: int | None, size: int, said: tuple[str, int | None, str, str]) -> None:
        """Notes an exchange that is among the slowest or the largest."""
        groups = self.groups
        if duration_ns is not None and duration_ns > groups.slowest.least:
            groups.slowest.add(Top(duration_ns, -groups.count, *said))
        if size > groups.largest.least:
            groups.largest.add(Top(size, -groups.count, *said))

    def _group_of(self, line: bytes) -> Group | None:
        """Returns the group of a request by its start line. None: the line is unusual."""
        words = line.rstrip(b"\r").split(b" ")
        if len(words) != 3 or not words[1]:
            return None
        group = self.groups.group(f"{printable_target(text(words[0])) or UNKNOWN} {self._route(text(words[1]))}")
        if len(self._known) >= LINES_MAX:
            self._known.clear()
        self._known[line] = group
        return group


def _named(method: str, target: str, status: int | None) -> str:
    shown = printable_target(mask_target(target))
    if len(shown) > TARGET_MAX:
        shown = f"{shown[: TARGET_MAX - 3]}..."
    return f"{printable_target(method) or UNKNOWN} {shown or UNKNOWN} {status or UNKNOWN}"
