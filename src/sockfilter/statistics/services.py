"""Who serves what: exchanges grouped by the process that answers, its port and its protocol."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.escape import printable
from sockfilter.model.grpc_kind import is_call
from sockfilter.statistics.groups import ERROR_STATUS, LATEST_NS, Group
from sockfilter.statistics.keys import ROUTE, UNKNOWN, key_of
from sockfilter.statistics.routes import router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Connection, Endpoint, Exchange, Process, StreamMessage

# services with figures of their own: more than a machine has; later ones are counted together. Each takes 0.1 MB.
SERVICES_MAX = 200
# routes of a service, and callers: later ones are counted together
ROUTES_MAX = 50
CALLERS_MAX = 50
OTHER = "(other)"
# workers of one program whose numbers are shown
WORKERS_MAX = 8


class ServiceKey(NamedTuple):
    """What makes a service.

    Attributes:
        name: the name of the process that answers, or its address if the process is not known.
        port: the port.
        protocol: the protocol: HTTP/1.1, HTTP/2, gRPC, MQTT.
    """

    name: str
    port: int
    protocol: str


class Service:
    """The figures of a service.

    Attributes:
        figures: of all its exchanges.
        messages: messages without a response.
        routes: the figures by route, and of those that found no room under OTHER.
        callers: how many exchanges each caller has asked for, by the name of its process or by its address.
        workers: the numbers of the processes that answered.
    """

    __slots__ = ("callers", "figures", "messages", "routes", "workers")

    def __init__(self) -> None:
        self.figures = Group()
        self.messages = 0
        self.routes: dict[str, Group] = {}
        self.callers: Counter[str] = Counter()
        self.workers: dict[int, None] = {}


class ServiceCollector:
    """Collects the figures of all services.

    Args:
        routes: templates of routes, as for router().

    Attributes:
        services: the services, in the order in which they came.
        count: all exchanges. unplaced: those of services for which there was no room.
        first_ns, last_ns: when the first and the last exchange began, in nanoseconds since 1970.

    Raises InvalidArgument.
    """

    def __init__(self, routes: Sequence[str] = ()) -> None:
        self.services: dict[ServiceKey, Service] = {}
        self.count = self.unplaced = self.messages = 0
        self.first_ns, self.last_ns = LATEST_NS, 0
        self._route = key_of((ROUTE,), router(routes))

    @property
    def seconds(self) -> float:
        """The seconds from the beginning of the first exchange to that of the last."""
        return max(0, self.last_ns - self.first_ns) / 1e9

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        self.count += 1
        if exchange.start_ns is not None:
            self.first_ns = min(self.first_ns, exchange.start_ns)
            self.last_ns = max(self.last_ns, exchange.start_ns)
        half = exchange.request or exchange.response
        protocol = "gRPC" if is_call(exchange) else f"HTTP/{half.version}" if half is not None else UNKNOWN
        service = self._service(exchange.server, exchange.server_process, protocol)
        if service is None:
            return
        for group in (service.figures, self._group(service, self._route(exchange))):
            _add(group, exchange)
        _count(service.callers, _name(exchange.client_process, exchange.client.ip))

    def add_message(self, message: StreamMessage) -> None:
        """Adds a message without a response."""
        self.messages += 1
        connection: Connection = message.connection
        processes = connection.known.processes if connection.known is not None else (None, None)
        client, server = processes if not connection.client_end else processes[::-1]
        service = self._service(connection.server, server, message.protocol.upper())
        if service is not None:
            service.messages += 1
            _count(service.callers, _name(client, connection.client.ip))

    def sorted(self) -> list[tuple[ServiceKey, Service]]:
        """Returns the services, the busiest first."""
        return sorted(self.services.items(), key=lambda one: (-one[1].figures.count - one[1].messages, one[0]))

    def _service(self, server: Endpoint, process: Process | None, protocol: str) -> Service | None:
        key = ServiceKey(_name(process, server.ip), server.port, protocol)
        found = self.services.get(key)
        if found is None:
            if len(self.services) >= SERVICES_MAX:
                self.unplaced += 1
                return None
            found = self.services[key] = Service()
        if process is not None and len(found.workers) < WORKERS_MAX:
            found.workers[process.pid] = None
        return found

    def _group(self, service: Service, route: str) -> Group:
        if route not in service.routes and len(service.routes) >= ROUTES_MAX:
            route = OTHER
        return service.routes.setdefault(route, Group())


def _add(group: Group, exchange: Exchange) -> None:
    """Adds an exchange to a group, as Collector.add() does."""
    request, response = exchange.request, exchange.response
    status = 0 if response is None else response.status
    is_error = not status or status >= ERROR_STATUS
    if is_call(exchange):
        call = exchange.grpc
        is_error = is_error or (call is not None and bool(call.status))
    group.count += 1
    group.statuses[status // 100] += 1
    group.errors += is_error
    group.request_bytes += 0 if request is None else request.body.wire_len
    group.response_bytes += 0 if response is None else response.body.wire_len
    if exchange.duration_ns is not None:
        group.durations.add(exchange.duration_ns)


def _count(callers: Counter[str], name: str) -> None:
    callers[name if name in callers or len(callers) < CALLERS_MAX else OTHER] += 1


def _name(process: Process | None, ip: str) -> str:
    return printable(ip) if process is None else printable(process.comm)
