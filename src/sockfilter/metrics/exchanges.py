"""Counts exchanges and messages by the semantic conventions of OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.metrics import names
from sockfilter.metrics.registry import BYTES, OTHER, SECONDS
from sockfilter.model.grpc_kind import is_call
from sockfilter.model.headers import text
from sockfilter.model.locality import is_here
from sockfilter.model.tallies import NOT_COUNTED
from sockfilter.statistics.routes import router

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from sockfilter.metrics.registry import Histogram, Registry
    from sockfilter.model import Connection, Exchange, StreamMessage
    from sockfilter.model.process import Process
    from sockfilter.model.tallies import Tally
    from sockfilter.model.tcp import ExchangeTcp, TcpEnd

# methods with a name of their own (OpenTelemetry, http.request.method); others are _OTHER
METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))
OTHER_METHOD = "_OTHER"
GRPC = "grpc"
SERVER, CLIENT = "server", "client"
# statuses from here on are errors: for a client, and for a server
ERRORS_FROM = {SERVER: 500, CLIENT: 400}
# Ports of servers with a number of their own in groups of connections; the series have a limit of their own.
GROUPS_MAX = 1000
# Start lines whose histograms are known: as many as a site has pages.
KNOWN_MAX = 4096


class ConnectionGroup(NamedTuple):
    """What the exchanges of some connections have in common.

    Attributes:
        sides: "server", "client" or both: which ends are on this machine.
        scheme: "http" or "https".
        port: the server's port.
    """

    sides: tuple[str, ...]
    scheme: str
    port: str


class Histograms(NamedTuple):
    """The histograms of an exchange on one side."""

    duration: Histogram
    request_size: Histogram
    response_size: Histogram


class ExchangeCounts:
    """Counts exchanges and messages.

    Args:
        registry: receives the counts.
        routes: templates of routes, as for router().
        more: names of further labels: "host", "process", "container".
        addresses: the addresses of this machine.
        is_other: whether to count what a connection carries. None: all is counted.

    Attributes:
        duration_bounds_ns, size_bounds: see Tallies.

    Raises InvalidArgument.
    """

    def __init__(
        self,
        registry: Registry,
        routes: Sequence[str] = (),
        more: Sequence[str] = (),
        addresses: Collection[str] = (),
        is_other: Callable[[Connection], bool] | None = None,
    ) -> None:
        self._registry = registry
        self._route = router(routes)
        self._more = tuple(more)
        self._addresses = addresses
        self._is_other = is_other
        labels = tuple(names.MORE_LABELS[name] for name in self._more)
        self._sides = {side: names.side_metrics(side, labels) for side in (SERVER, CLIENT)}
        for metric in (*self._sides[SERVER], *self._sides[CLIENT], *names.OTHERS):
            registry.declare(metric)
        self._groups: dict[ConnectionGroup, int] = {}
        self._grouped: list[ConnectionGroup] = []
        self._known: dict[tuple[bytes, int], list[Histograms]] = {}
        self.duration_bounds_ns = [round(bound * 1e9) for bound in SECONDS]
        self.size_bounds = [int(bound) for bound in BYTES]

    def group_of(self, connection: Connection) -> int:
        """Returns the group of a connection, see Tallies."""
        if self._is_other is not None and not self._is_other(connection):
            return NOT_COUNTED
        group = self._group(connection)
        number = self._groups.get(group)
        if number is None:
            if len(self._groups) >= GROUPS_MAX:
                group = group._replace(port=OTHER)  # of which there are few
            number = self._groups.setdefault(group, len(self._groups))
            if number == len(self._grouped):
                self._grouped.append(group)
        return number

    def take_tally(self, tally: Tally) -> None:
        """Takes counts that the lane has made, see Tallies."""
        found = self._known.get((tally.lines, tally.group))
        if found is None:
            request, _, response = tally.lines.partition(b"\n")
            method, target, version = request.rstrip(b"\r").split(b" ", 2)
            group, status = self._grouped[tally.group], int(response[-3:])
            said = (text(method), text(target), status, "", text(version).removeprefix("HTTP/"))
            found = [self._histograms(side, group, *said) for side in group.sides]
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[tally.lines, tally.group] = found
        for duration, request_size, response_size in found:
            duration.add_counts(tally.durations, tally.duration_ns / 1e9)
            request_size.add_counts(tally.requests, tally.request_bytes)
            response_size.add_counts(tally.responses, tally.response_bytes)

    def add(self, exchange: Exchange) -> None:
        """Counts an exchange."""
        connection = exchange.connection
        if self._is_other is not None and not self._is_other(connection):
            return
        group = self._group(connection)
        request, response = exchange.request, exchange.response
        status = 0 if response is None else response.status or 0
        half = request or response
        method, target = ("", "") if request is None else (request.method, request.target)
        problem, version = (exchange.problems or ("",))[0], "" if half is None else half.version
        more = self._values_of_more(exchange)
        duration_ns = exchange.duration_ns
        for side in group.sides:
            found = self._histograms(side, group, method, target, status, str(problem), version, more)
            if duration_ns is not None:
                found.duration.add(duration_ns / 1e9)
            if request is not None:
                found.request_size.add(request.body.wire_len)
            if response is not None:
                found.response_size.add(response.body.wire_len)
        for each in exchange.problems:
            self._registry.add(names.PROBLEMS, 1, str(each), group.port)
        if is_call(exchange):
            self._add_call(exchange, group)
        if exchange.tcp is not None:
            self._add_tcp(exchange.tcp, group)

    def add_message(self, message: StreamMessage) -> None:
        """Counts a message without a response."""
        if self._is_other is not None and not self._is_other(message.connection):
            return
        labels = (message.protocol, message.kind, message.sender, str(message.server.port))
        self._registry.add(names.MESSAGES, 1, *labels)
        self._registry.add(names.MESSAGE_BYTES, message.body.wire_len, *labels)

    def note_active(self, pending: Iterable[Exchange]) -> None:
        """Takes the exchanges that are under way at this moment."""
        registry = self._registry
        for metrics in self._sides.values():
            registry.clear(metrics.active)
        for exchange in pending:
            connection, request = exchange.connection, exchange.request
            if request is None or (self._is_other is not None and not self._is_other(connection)):
                continue
            group = self._group(connection)
            for side in group.sides:
                registry.add(self._sides[side].active, 1, _method(request.method), group.scheme, group.port)

    def _group(self, connection: Connection) -> ConnectionGroup:
        sides = tuple(
            side
            for side, end in ((SERVER, connection.server), (CLIENT, connection.client))
            if is_here(end.ip, self._addresses)
        )
        scheme = "http" if connection.tls is None else "https"
        return ConnectionGroup(sides or (SERVER,), scheme, str(connection.server.port))

    def _histograms(
        self,
        side: str,
        group: ConnectionGroup,
        method: str,
        target: str,
        status: int,
        problem: str,
        version: str,
        more: tuple[str, ...] = (),
    ) -> Histograms:
        registry, metrics = self._registry, self._sides[side]
        error = str(status) if status >= ERRORS_FROM[side] else "" if status else problem
        labels = (
            *(self._route(target) if target else "", _method(method), str(status or ""), error, version),
            *(group.scheme, group.port, *more),
        )
        return Histograms(*(registry.histogram(metric, *labels) for metric in metrics[:3]))

    def _values_of_more(self, exchange: Exchange) -> tuple[str, ...]:
        if not self._more:
            return ()
        request, process = exchange.request, exchange.server_process or exchange.client_process
        known = {
            "host": "" if request is None else request.host,
            "process": _name(process),
            "container": "" if process is None else process.container or "",
        }
        return tuple(known[name] for name in self._more)

    def _add_call(self, exchange: Exchange, group: ConnectionGroup) -> None:
        call = exchange.grpc
        if call is None or exchange.duration_ns is None:
            return
        status = call.status_name or ("" if call.status is None else str(call.status))
        for side in group.sides:
            metric = self._sides[side].call
            self._registry.observe(metric, exchange.duration_ns / 1e9, GRPC, call.name or "", status, group.port)

    def _add_tcp(self, tcp: ExchangeTcp, group: ConnectionGroup) -> None:
        for name, end in ((CLIENT, tcp.client), (SERVER, tcp.server)):
            if end is not None:
                self._add_end(name, end, group.port)
        for drop in tcp.drops:
            self._registry.add(names.DROPPED, 1, drop.reason or "", group.port)

    def _add_end(self, name: str, end: TcpEnd, port: str) -> None:
        if end.rtt is not None:
            self._registry.set(names.TCP_RTT, end.rtt, name, port)
        if end.retransmitted:
            self._registry.add(names.RETRANSMITTED, end.retransmitted, name, port)
            self._registry.add(names.RETRANSMITTED_BYTES, end.retransmitted_bytes, name, port)


def _method(method: str) -> str:
    return method if method in METHODS or not method else OTHER_METHOD


def _name(process: Process | None) -> str:
    return "" if process is None else process.comm
