"""The fields of exchanges, as the filter language reads them: the kind of each, and how to get its value."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sockfilter.errors import BodyError
from sockfilter.filters import kinds
from sockfilter.model import target as targets
from sockfilter.model.culprit import WORDS as CULPRITS
from sockfilter.model.grpc import STATUS_NAMES
from sockfilter.model.problem import Problem
from sockfilter.model.protocols import OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.filters.kinds import Kind
    from sockfilter.model import Exchange, Message
    from sockfilter.model.process import Process

    # takes an exchange (or what has the same attributes); returns the value, or all values if the field has many
    Get: TypeAlias = Callable[[Any], Any]

PROBLEMS = tuple(problem.value for problem in Problem)
PROTOCOLS = ("http", "http1", "http2", "grpc", "websocket", "sse", *OPTIONAL)
EVENT_STREAM = "text/event-stream"
# elements of JSON that one path leads to; a path such as a.*.* would otherwise multiply
VALUES_MAX = 10_000
# stands for any member or element in a path of JSON
EACH = "*"
Key: TypeAlias = "str | tuple[Any, ...] | None"


class FilterField(NamedTuple):
    """A field.

    Attributes:
        kind: the kind of its values.
        get: returns its value, or None if there is none. With many: returns all values. With keys: takes a key, and
            returns such a function.
        many: whether it may have several values.
        keys: what the key after its name is: "name", "path", or nothing.
        reads_body: whether it needs the content of bodies.
        where_from: what of a connection narrows a capture to it: "port", "ip" or "family".
        of_half: the half that it concerns: "request", "response" or nothing.
    """

    kind: Kind
    get: Any
    many: bool = False
    keys: str = ""
    reads_body: bool = False
    where_from: str = ""
    of_half: str = ""


def of_request(name: str) -> FilterField:
    """The field for an attribute of the request's head, as text."""

    def get(exchange: Exchange) -> Any:
        request = exchange.request
        return None if request is None else getattr(request, name)

    return FilterField(kinds.TEXT, get, of_half="request")


def _method(exchange: Exchange) -> str | None:
    request = exchange.request
    return None if request is None else request.head.method


def _target(exchange: Exchange) -> str | None:
    request = exchange.request
    return None if request is None else request.head.target


def _path(exchange: Exchange) -> str | None:
    request = exchange.request
    if request is None:
        return None
    target = request.head.target
    # the usual form, read here because urllib takes several times as long
    return target.partition("?")[0] if target[:1] == "/" and "%" not in target else request.path


def _hosts(exchange: Exchange) -> tuple[str, ...]:
    request = exchange.request
    if request is None:
        return ()
    head = request.head
    # the usual form first, as in _path()
    authority = head.headers.get("host", "") if head.has_text and head.target[:1] == "/" else head.authority
    return _hosts_of(authority)


@lru_cache(1024)
def _hosts_of(authority: str) -> tuple[str, ...]:
    """Returns the host without and with its port, in lower case."""
    return tuple(dict.fromkeys((targets.host(authority), authority.lower()))) if authority else ()


def _query(name: str | None) -> Get:
    def get(exchange: Exchange) -> list[str]:
        request = exchange.request
        if request is None:
            return []
        query = request.query
        return [one for values in query.values() for one in values] if name is None else query.get(name, [])

    return get


def headers(*halves: str) -> FilterField:
    """The field for the header fields of some halves."""

    def make(name: str | None) -> Get:
        def get(exchange: Exchange) -> list[str]:
            found: list[str] = []
            for half in halves:
                message = getattr(exchange, half)
                if message is not None:
                    fields = message.headers
                    found += [value for _, value in fields] if name is None else fields.get_all(name)
            return found

        return get

    return FilterField(kinds.TEXT, make, many=True, keys="name", of_half=halves[0] if len(halves) == 1 else "")


def bodies(*halves: str) -> FilterField:
    """The field for the bodies of some halves, as text."""

    def get(exchange: Exchange) -> list[str]:
        return [message.text for message in _messages(exchange, halves) if message.body]

    return FilterField(kinds.TEXT, get, many=True, reads_body=True, of_half=halves[0] if len(halves) == 1 else "")


def json(*halves: str) -> FilterField:
    """The field for values in the JSON of the bodies of some halves."""

    def make(path: tuple[Any, ...] | None) -> Get:
        def get(exchange: Exchange) -> list[Any]:
            return [value for message in _messages(exchange, halves) for value in _json_values(message, path or ())]

        return get

    only = halves[0] if len(halves) == 1 else ""
    return FilterField(kinds.ANY, make, many=True, keys="path", reads_body=True, of_half=only)


def _messages(exchange: Exchange, halves: tuple[str, ...]) -> Iterator[Message]:
    for half in halves:
        message = getattr(exchange, half)
        if message is not None:
            yield message


def _json_values(message: Message, path: tuple[Any, ...]) -> list[Any]:
    if not message.body:
        return []
    try:
        found = [message.json()]
    except BodyError:
        return []
    return at_path(found, path)


def at_path(found: list[Any], path: tuple[Any, ...]) -> list[Any]:
    """Returns the values that a path leads to from some values of JSON."""
    for part in path:
        found = [inner for value in found for inner in _step(value, part)][:VALUES_MAX]
    return found


def _step(value: Any, part: Any) -> Any:
    if part is EACH:
        return value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    if isinstance(value, dict):
        return (value[part],) if isinstance(part, str) and part in value else ()
    if isinstance(value, list) and (isinstance(part, int) or (part.isascii() and part.isdigit() and len(part) < 10)):
        at = int(part)
        return (value[at],) if at < len(value) else ()
    return ()


def _status(exchange: Exchange) -> int | None:
    response = exchange.response
    return None if response is None else response.head.status


def _half(name: str) -> FilterField:
    return FilterField(kinds.FLAG, lambda exchange: getattr(exchange, name) is not None, of_half=name)


def _grpc(exchange: Exchange) -> tuple[str, ...]:
    call = exchange.grpc
    return () if call is None else tuple(name for name in (call.name, call.service) if name is not None)


def _grpc_status(exchange: Exchange) -> tuple[Any, ...]:
    call = exchange.grpc
    return () if call is None or call.status is None else (call.status, call.status_name)


def _ports(exchange: Exchange) -> tuple[int, int]:
    one, other = exchange.connection.ends
    return one.port, other.port


def _ips(exchange: Exchange) -> tuple[str, str]:
    one, other = exchange.connection.ends
    return one.ip, other.ip


def _family(exchange: Exchange) -> int | None:
    end = exchange.connection.ends[0]
    return None if not end.port else 6 if ":" in end.ip else 4


def _protocols(exchange: Exchange) -> list[str]:
    found = ["http"]
    head = exchange.request or exchange.response
    if head is not None:
        found.append("http2" if head.version.startswith("2") else "http1")
    response = exchange.response
    if response is not None:
        if response.status == 101 and (response.headers.get("upgrade") or "").lower() == "websocket":
            found.append("websocket")
        if (response.headers.get("content-type") or "").lower().startswith(EVENT_STREAM):
            found.append("sse")
    if exchange.grpc is not None:
        found.append("grpc")
    return found


def process(get: Callable[[Process], Any], kind: Kind, *ends: str) -> FilterField:
    """The field for a property of the processes at the ends of the connection."""

    def values(exchange: Exchange) -> list[Any]:
        found = [get(each) for each in (getattr(exchange, f"{end}_process") for end in ends) if each is not None]
        return [value for value in found if value is not None]

    return FilterField(kind, values, many=True)


def body_bytes(*halves: str) -> FilterField:
    """The field for the bytes of the bodies of some halves as sent, together."""

    def get(exchange: Exchange) -> int | None:
        found = [message.body.wire_len for message in _messages(exchange, halves)]
        return sum(found) if found else None

    return FilterField(kinds.BYTES, get, of_half=halves[0] if len(halves) == 1 else "")


def phase(name: str) -> FilterField:
    """The field for one phase of an exchange, in nanoseconds."""

    def get(exchange: Exchange) -> int | None:
        seconds = getattr(exchange.timing, name)
        return None if seconds is None else round(seconds * 1e9)

    return FilterField(kinds.SECONDS, get)


BOTH = ("request", "response")
ENDS = ("client", "server")
METHOD = FilterField(kinds.METHOD, _method, of_half="request")
TARGET = FilterField(kinds.TEXT, _target, of_half="request")
PATH = FilterField(kinds.PATH, _path, of_half="request")
HOST = FilterField(kinds.FOLDED, _hosts, many=True, of_half="request")
QUERY = FilterField(kinds.TEXT, _query, many=True, keys="name", of_half="request")
STATUS = FilterField(kinds.WHOLE, _status, of_half="response")
REQUEST, RESPONSE = map(_half, BOTH)
GRPC = FilterField(kinds.TEXT, _grpc, many=True)
GRPC_STATUS = FilterField(kinds.one_of("a status of gRPC", tuple(STATUS_NAMES), numbers=True), _grpc_status, many=True)
PORT = FilterField(kinds.WHOLE, _ports, many=True, where_from="port")
CLIENT_PORT = FilterField(kinds.WHOLE, lambda exchange: exchange.client.port, where_from="port")
SERVER_PORT = FilterField(kinds.WHOLE, lambda exchange: exchange.server.port, where_from="port")
IP = FilterField(kinds.ADDRESS, _ips, many=True, where_from="ip")
CLIENT_IP = FilterField(kinds.ADDRESS, lambda exchange: exchange.client.ip, where_from="ip")
SERVER_IP = FilterField(kinds.ADDRESS, lambda exchange: exchange.server.ip, where_from="ip")
FAMILY = FilterField(kinds.WHOLE, _family, where_from="family")
PROTOCOL = FilterField(kinds.one_of("a protocol", PROTOCOLS), _protocols, many=True)
DURATION = FilterField(kinds.SECONDS, lambda exchange: exchange.duration_ns)
PROBLEM = FilterField(
    kinds.one_of("a problem", PROBLEMS),
    lambda exchange: [problem.value for problem in exchange.problems],
    many=True,
)
STREAM = FilterField(kinds.WHOLE, lambda exchange: exchange.stream)
RESET = FilterField(kinds.TEXT, lambda exchange: None if exchange.reset is None else exchange.reset.name)
COMPLETE = FilterField(kinds.FLAG, lambda exchange: exchange.complete)
PUSHED = FilterField(kinds.FLAG, lambda exchange: exchange.is_pushed)
RETRANSMISSIONS = FilterField(kinds.WHOLE, lambda exchange: exchange.retransmissions)
RETRANSMITTED = FilterField(kinds.BYTES, lambda exchange: exchange.tcp and exchange.tcp.retransmitted_bytes)
DROPS = FilterField(kinds.WHOLE, lambda exchange: exchange.tcp and len(exchange.tcp.drops))
CULPRIT = FilterField(kinds.one_of("a culprit", CULPRITS), lambda exchange: exchange.culprit and exchange.culprit.word)
INTERFACE = FilterField(kinds.TEXT, lambda exchange: exchange.connection.interface)
CONNECTION = FilterField(kinds.WHOLE, lambda exchange: exchange.connection.number)
