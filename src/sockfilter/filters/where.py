"""Conditions on exchanges: the same ones for finding, expecting, waiting and filtering."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import InvalidArgument
from sockfilter.filters.values import check_not_empty

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    from typing_extensions import Unpack

    from sockfilter.filters.conditions import Condition
    from sockfilter.filters.tree import Node
    from sockfilter.model import Exchange, StreamMessage

    class Conditions(TypedDict, total=False):
        """The conditions, as Where describes them."""

        method: Any
        path: Any
        target: Any
        query: Any
        host: Any
        header: Any
        request_header: Any
        response_header: Any
        body: Any
        request_body: Any
        response_body: Any
        json: Any
        request_json: Any
        response_json: Any
        status: Any
        grpc: Any
        grpc_status: Any
        port: Any
        process: Any
        pid: Any
        version: Any
        stream: Any
        reset: Any
        duration: Any
        problems: Any
        complete: Any
        request: Any
        response: Any
        protocol: Any
        connect: Any
        send: Any
        wait: Any
        receive: Any
        queued: Any
        think: Any
        accept: Any
        max_queued: Any
        size: Any
        request_size: Any
        response_size: Any
        ip: Any
        client_ip: Any
        server_ip: Any
        client_port: Any
        server_port: Any
        family: Any
        client_process: Any
        server_process: Any
        client_pid: Any
        server_pid: Any
        container: Any
        pod: Any
        interface: Any
        connection: Any
        pushed: Any
        retransmissions: Any
        retransmitted: Any
        drops: Any
        culprit: Any


# characters of a value that a message shows
SHOWN_MAX = 300


class Difference(NamedTuple):
    """A condition that an exchange does not meet: the value that it has, and the wanted one."""

    name: str
    found: Any
    wanted: Any


class Term(NamedTuple):
    """One of the conditions that must all hold.

    Attributes:
        name: the name of the condition; empty if wanted is a part of a filter.
        wanted: its value; or a Clause, which is a part of a filter.
        test: whether an exchange meets it.
        value: the value that an exchange has for it.
    """

    name: str
    wanted: Any
    test: Callable[[Exchange], bool]
    value: Callable[[Exchange, Any], Any]


class Where:
    """Conditions on exchanges. Each condition is optional; all that are given must hold.

        Where("status >= 500 and duration > 200ms", method="POST")

    A condition is the wanted value itself; a compiled pattern, which must match anywhere in the value; a predicate,
    which is called with the value; a range of numbers; or a set of these, one of which must match.

    Args:
        *others: further conditions, which must hold too: a Where, or a filter as -Y takes it.
        method: "GET", {"PUT", "PATCH"}.
        path: the path of the target, percent-decoded: "/items".
        target: the target as sent, with the query.
        query: parameters: {"id": "3"}. A list has all values of a parameter. None means that it is absent.
        host: the host of the request, with or without the port.
        header, request_header, response_header: fields, as with query; names are case-insensitive. A name alone must
            be present. With header, a field may be in either half; with None, it must be absent from both.
        body, request_body, response_body: bytes or text of the kept body. With body, that of either half.
        json, request_json, response_json: the parsed JSON of a body that was kept whole. With json, of either half.
        status: 200, range(500, 600). None means that there is no response.
        grpc: the gRPC call: "shop.v1.Cart", or with its method "shop.v1.Cart/Get".
        grpc_status: the status of the gRPC call: "NOT_FOUND" or 5. None means that no status passed.
        port: the port of either end.
        process, pid: the short name and the number of the process at either end, if known.
        version: the version of the request: "1.1", "2".
        stream: the number of the stream in HTTP/2. None means that there is none.
        reset: the name of the error with which an end reset the stream: "CANCEL". None means that none did.
        duration: seconds from the first byte of the request to the last of the exchange.
        problems: "gap" must be among the problems. Of a set, at least one must be. A list has exactly the problems, and
            [] means none.
        complete: whether both halves are there and have all their bytes.
        request, response: whether that half was seen.
        protocol: one of the protocols that it uses: "http1", "http2", "grpc", "websocket", "sse".
        connect, send, wait, receive: seconds of these phases, as in Exchange.timing.
        queued, think, accept: seconds of the wait, as in Exchange.timing, if the kernel's TCP knows them.
        max_queued: the request lay in the server's socket for at most that many seconds, and that is known.
        size, request_size, response_size: bytes of the bodies as sent. With size, of both together.
        ip: the address of either end.
        client_ip, server_ip, client_port, server_port: the address or the port of that end.
        family: 4 or 6.
        client_process, server_process, client_pid, server_pid: the short name or the number of the process at that end.
        container, pod: the id of the container or of the pod of the process at either end.
        interface: the name of the interface.
        connection: the number of the connection.
        pushed: whether the server sent the response without being asked.
        retransmissions: the number of retransmitted segments that were seen.
        retransmitted, drops: bytes that the kernel's TCP sent again, and the number of dropped segments.
        culprit: what made it slow, as in Exchange.culprit: "server". None means that nothing did, or it is not known.

    Raises:
        InvalidArgument: there is no such condition, or it can never hold.
    """

    def __init__(self, *others: Where | str, **conditions: Unpack[Conditions]) -> None:
        self._tests: list[Term] = []
        for other in others:
            if isinstance(other, str):
                self._tests += _terms(other)
            elif isinstance(other, Where):
                self._tests += other._tests
            else:
                raise InvalidArgument(f"{other!r} is not a condition: use a name, as in path={other!r}, or a filter")
        for name, wanted in conditions.items():
            condition = _conditions().get(name)
            if condition is None:
                raise InvalidArgument(f"there is no condition {name!r}{_hint(name)}")
            try:
                check_not_empty(wanted)
                self._tests.append(Term(name, wanted, condition.test(wanted), condition.value))
            except InvalidArgument as error:
                raise InvalidArgument(f"{name}={shown(wanted)}: {error}") from error

    @classmethod
    def parse(cls, text: str) -> Where:
        """Returns the conditions of a filter, as -Y takes it.

        Args:
            text: the filter, such as "status >= 500 and path ~ '^/api/'".

        Raises:
            InvalidArgument: it cannot be parsed, or can never hold. The message shows the place.
        """
        return cls(text)

    def __repr__(self) -> str:
        words = [f"{name}={shown(wanted)}" if name else repr(str(wanted)) for name, wanted in self.conditions]
        return f"Where({', '.join(words)})"

    def __str__(self) -> str:
        """The filter: Where.parse() makes the same conditions of it.

        The language cannot express predicates, bytes, and JSON values with members. These are shown as arguments.
        """
        nodes = self.nodes
        if None not in nodes and nodes:
            from sockfilter.filters.tree import all_of

            return str(all_of([node for node in nodes if node is not None]))
        words = [
            f"{term.name}={shown(term.wanted)}" if node is None else str(node)
            for term, node in zip(self._tests, nodes, strict=True)
        ]
        return ", ".join(words)

    @property
    def conditions(self) -> list[tuple[str, Any]]:
        """The names of the conditions, and the wanted values. A part of a filter has no name, and is a Clause."""
        return [(term.name, term.wanted) for term in self._tests]

    @property
    def nodes(self) -> list[Node | None]:
        """The conditions as trees. None: the filter language cannot express it."""
        from sockfilter.filters.keywords import node_of  # imported late: most expectations do not need it

        return [node_of(term.name, term.wanted) if term.name else term.wanted.node for term in self._tests]

    @cached_property
    def test(self) -> Callable[[Exchange], bool]:
        """The function that says whether an exchange meets all conditions."""
        if self._tests and not any(term.name for term in self._tests):
            from sockfilter.filters.closures import compiled
            from sockfilter.filters.tree import all_of

            return compiled(all_of([term.wanted.node for term in self._tests]))
        tests = [term.test for term in self._tests]
        return lambda exchange: all(test(exchange) for test in tests)

    def matches(self, exchange: Exchange) -> bool:
        """Whether all conditions hold."""
        return self.test(exchange)

    def matches_message(self, message: StreamMessage) -> bool:
        """Whether all conditions hold for a message without a response.

        It has the fields of its connection, its own, and those of the exchange that opened its stream.
        """
        return self._message_test(message)

    @cached_property
    def _message_test(self) -> Callable[[StreamMessage], bool]:
        from sockfilter.filters.closures import compiled, get_of_message

        nodes = [node for node in self.nodes if node is not None]
        tests = [compiled(node, get_of_message) for node in nodes]
        is_whole = len(nodes) == len(self._tests)
        return lambda message: is_whole and all(test(message) for test in tests)

    def differences(self, exchange: Exchange) -> list[Difference]:
        """The conditions that do not hold, in the order in which they were given."""
        return [
            Difference(term.name, term.value(exchange, term.wanted), term.wanted)
            for term in self._tests
            if not term.test(exchange)
        ]


def _terms(text: str) -> list[Term]:
    """Returns the conditions of a filter. The parser is imported late: it takes as long as all the rest."""
    from sockfilter.filters.clauses import clauses

    return [Term("", clause, clause.test, lambda exchange, clause: clause.values(exchange)) for clause in clauses(text)]


def _conditions() -> dict[str, Condition]:
    """All conditions. They are imported late, so that a capture starts without them."""
    from sockfilter.filters.conditions import CONDITIONS

    return CONDITIONS


def _hint(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, _conditions(), n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(_conditions())}"


def shown(wanted: Any, limit: int = SHOWN_MAX) -> str:
    """A wanted value, as people write it; cut after limit characters."""
    pattern = getattr(wanted, "pattern", None)
    if pattern is not None:
        return short(f"re.compile({pattern!r})", limit)
    name = getattr(wanted, "__name__", None)
    return str(name) if name and callable(wanted) else short(repr(wanted), limit)


def short(text: str, limit: int = SHOWN_MAX) -> str:
    """A text, cut after limit characters."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
