"""The connections of the exchanges that a viewer has seen, with what each has carried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Connection, Exchange, Process

# Connections that are kept, the last that carried something: more than a person looks through.
CONNECTIONS_MAX = 10_000
ERROR_STATUS = 400


class SeenConnection:
    """A connection, and what the exchanges on it were.

    Attributes:
        connection: the connection.
        processes: the processes at its ends, in the order of connection.ends, as its last exchange knows them.
        exchanges, errors: how many exchanges it carried, and how many of them without a response or with an error.
        request_bytes, response_bytes: bytes of bodies as sent.
        versions: the versions of HTTP.
        first_ns, last_ns: when its first exchange began, and its last one, in nanoseconds since 1970; None if not
            known.
        last_number: the number of its last exchange in the store.
    """

    __slots__ = (
        "connection",
        "errors",
        "exchanges",
        "first_ns",
        "last_ns",
        "last_number",
        "processes",
        "request_bytes",
        "response_bytes",
        "versions",
    )

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.processes: tuple[Process | None, Process | None] = (None, None)
        self.exchanges = self.errors = self.request_bytes = self.response_bytes = 0
        self.versions: set[str] = set()
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.last_number = 0

    def add(self, number: int, exchange: Exchange) -> None:
        """Adds an exchange."""
        request, response = exchange.request, exchange.response
        self.exchanges += 1
        self.errors += response is None or response.status >= ERROR_STATUS
        if request is not None:
            self.request_bytes += request.body.wire_len
        if response is not None:
            self.response_bytes += response.body.wire_len
        half = request or response
        if half is not None:
            self.versions.add(half.version)
        self.processes = exchange.processes
        self.last_ns = exchange.start_ns
        if self.first_ns is None:
            self.first_ns = self.last_ns
        self.last_number = number


class SeenConnections:
    """The connections of exchanges, the last that carried something last.

    Args:
        limit: how many are kept.

    Attributes:
        let_go: how many were let go.
    """

    def __init__(self, limit: int = CONNECTIONS_MAX) -> None:
        self._limit = limit
        self._by_number: dict[int, SeenConnection] = {}
        self.let_go = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def add(self, number: int, exchange: Exchange) -> None:
        """Adds an exchange, with its number in the store."""
        connection = exchange.connection
        seen = self._by_number.pop(connection.number, None) or SeenConnection(connection)
        seen.add(number, exchange)
        self._by_number[connection.number] = seen
        if len(self._by_number) > self._limit:
            del self._by_number[next(iter(self._by_number))]
            self.let_go += 1

    def newest_first(self) -> Iterable[SeenConnection]:
        """Returns them, the last that carried something first."""
        return reversed(self._by_number.values())
