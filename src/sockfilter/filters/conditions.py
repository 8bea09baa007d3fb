"""The conditions on exchanges, by name: how to find a value in an exchange, and how to compare it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import BodyError, InvalidArgument
from sockfilter.filters import fields, kinds
from sockfilter.filters.fields import PROBLEMS
from sockfilter.filters.values import content_test, fields_test, is_number, is_text, test_for, texts
from sockfilter.model.culprit import WORDS as CULPRITS
from sockfilter.model.grpc import STATUS_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.filters.fields import FilterField
    from sockfilter.model import Exchange, Message
    from sockfilter.model.grpc import GrpcCall
    from sockfilter.model.process import Process

Halves = tuple[str, ...]
BOTH: Halves = ("request", "response")


class Condition(NamedTuple):
    """One condition.

    Attributes:
        test: makes a test of exchanges from the wanted value. Raises InvalidArgument.
        value: the value that an exchange has, for messages to people.
        field: the field of the filter language.
    """

    test: Callable[[Any], Callable[[Exchange], bool]]
    value: Callable[[Exchange, Any], Any]
    field: FilterField


def _halves(exchange: Exchange, halves: Halves) -> list[Message]:
    return [half for half in (getattr(exchange, name) for name in halves) if half is not None]


def _simple(
    value: Callable[[Exchange], Any], is_exact: Callable[[Any], bool], kind: str, field: FilterField
) -> Condition:
    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(wanted, is_exact, kind)
        return lambda exchange: test(value(exchange))

    return Condition(make, lambda exchange, _: value(exchange), field)


def _of_request(name: str, field: FilterField) -> Condition:
    def value(exchange: Exchange) -> Any:
        return None if exchange.request is None else getattr(exchange.request, name)

    return _simple(value, is_text, "a string", field)


def _any_of(field: FilterField, is_exact: Callable[[Any], bool], kind: str) -> Condition:
    """A condition on a field with several values, one of which must match."""

    def value(exchange: Exchange, _: Any) -> tuple[Any, ...]:
        return tuple(field.get(exchange))

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(wanted, is_exact, kind)
        return lambda exchange: any(map(test, field.get(exchange)))

    return Condition(make, value, field)


def _text(field: FilterField) -> Condition:
    return _simple(field.get, is_text, "a string", field)


def _number(field: FilterField) -> Condition:
    return _simple(field.get, is_number, "a number", field)


def _flag(field: FilterField) -> Condition:
    return _simple(field.get, lambda wanted: isinstance(wanted, bool), "True or False", field)


def _seconds(field: FilterField) -> Condition:
    def value(exchange: Exchange) -> float | None:
        time_ns = field.get(exchange)
        return None if time_ns is None else time_ns / 1e9

    def is_exact(wanted: Any) -> bool:
        return isinstance(wanted, float) or is_number(wanted)

    return _simple(value, is_exact, "a number of seconds", field)


def _at_most(field: FilterField) -> Condition:
    """The condition that a duration is known, and not longer than a number of seconds."""
    plain = _seconds(field)

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        if not isinstance(wanted, (int, float)) or isinstance(wanted, bool):
            raise InvalidArgument(f"{wanted!r}: it must be a number of seconds")
        return lambda exchange: (found := plain.value(exchange, None)) is not None and found <= wanted

    return plain._replace(test=make)


def _culprit() -> Condition:
    def is_exact(wanted: Any) -> bool:
        return wanted is None or is_text(wanted)

    made = _simple(fields.CULPRIT.get, is_exact, "a culprit, or None for none", fields.CULPRIT)

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        unknown = [name for name in texts(wanted) if name not in CULPRITS]
        if unknown:
            raise InvalidArgument(f"there is no culprit {unknown[0]!r}; there are {', '.join(CULPRITS)}")
        return made.test(wanted)

    return made._replace(test=make)


def _method() -> Condition:
    plain = _of_request("method", fields.METHOD)

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        # methods are case-sensitive (RFC 9110, 9.1): a lower-case one would never match
        for method in texts(wanted):
            if method.islower():
                raise InvalidArgument(f"methods are in upper case: {method.upper()!r}")
        return plain.test(wanted)

    return Condition(make, plain.value, plain.field)


def _path() -> Condition:
    plain = _of_request("path", fields.PATH)

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        if any("?" in one for one in texts(wanted)):
            raise InvalidArgument("a path has no query: use target= for both, or query= for the parameters")
        return plain.test(wanted)

    return Condition(make, plain.value, plain.field)


def _host() -> Condition:
    def value(exchange: Exchange, _: Any) -> str | None:
        return None if exchange.request is None else exchange.request.authority

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(_lower(wanted), is_text, "a string")

        def matches(exchange: Exchange) -> bool:
            request = exchange.request
            return request is not None and (test(request.host) or test(request.authority.lower()))

        return matches

    return Condition(make, value, fields.HOST)


def _lower(wanted: Any) -> Any:
    if isinstance(wanted, (set, frozenset)):
        return frozenset(map(_lower, wanted))
    return wanted.lower() if isinstance(wanted, str) else wanted


def _query() -> Condition:
    def value(exchange: Exchange, wanted: Any) -> Any:
        query = {} if exchange.request is None else exchange.request.query
        return {name: query.get(name) for name in wanted} if isinstance(wanted, Mapping) else query

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = fields_test(wanted)
        return lambda exchange: (
            exchange.request is not None and test(lambda name: exchange.request.query.get(name, []))  # type: ignore[union-attr]  # checked before
        )

    return Condition(make, value, fields.QUERY)


def _header(halves: Halves) -> Condition:
    def value(exchange: Exchange, wanted: Any) -> Any:
        fields = [field for half in _halves(exchange, halves) for field in half.headers]
        if isinstance(wanted, Mapping):
            names = {name.lower() for name in wanted}
            fields = [field for field in fields if field[0].lower() in names]
        return fields

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = fields_test(wanted)
        # a field that must be absent must be absent from both halves; a wanted field may be in either
        absent = [name for name, one in wanted.items() if one is None] if isinstance(wanted, Mapping) else []

        def matches(exchange: Exchange) -> bool:
            found = [half.headers for half in _halves(exchange, halves)]
            return any(test(headers.get_all) for headers in found) and not any(
                name in headers for headers in found for name in absent
            )

        return matches

    return Condition(make, value, fields.headers(*halves))


def _body(halves: Halves) -> Condition:
    def value(exchange: Exchange, _: Any) -> Any:
        bodies = [bytes(half.body) for half in _halves(exchange, halves) if half.body.wire_len]
        return bodies[0] if len(bodies) == 1 else bodies

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = content_test(wanted)
        return lambda exchange: any(map(test, _halves(exchange, halves)))

    return Condition(make, value, fields.bodies(*halves))


def _json(halves: Halves) -> Condition:
    def values(exchange: Exchange) -> list[Any]:
        found = []
        for half in _halves(exchange, halves):
            try:
                found.append(half.json())
            except BodyError:
                continue
        return found

    def value(exchange: Exchange, _: Any) -> Any:
        found = values(exchange)
        return found[0] if len(found) == 1 else found or "no JSON"

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(wanted, lambda _: True, "a value")
        return lambda exchange: any(map(test, values(exchange)))

    return Condition(make, value, fields.json(*halves))


def _status() -> Condition:
    def value(exchange: Exchange) -> int | None:
        return None if exchange.response is None else exchange.response.status

    kind = "a number, or None for no response"
    return _simple(value, lambda wanted: wanted is None or is_number(wanted), kind, fields.STATUS)


def _grpc() -> Condition:
    def value(exchange: Exchange, _: Any = None) -> str | None:
        call = exchange.grpc
        return None if call is None else call.name

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        for name in texts(wanted):
            if name.startswith("/") or name.count("/") > 1:
                raise InvalidArgument("a call has the name of its service, or both names: 'shop.v1.Cart/Get'")
        test = test_for(wanted, is_text, "a string")

        def matches(exchange: Exchange) -> bool:
            call = exchange.grpc
            return call is not None and (test(call.name) or test(call.service))

        return matches

    return Condition(make, value, fields.GRPC)


def _grpc_status() -> Condition:
    def value(exchange: Exchange, _: Any) -> str | int | None:
        call = exchange.grpc
        return None if call is None else call.status_name or call.status

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        unknown = [name for name in texts(wanted) if name not in STATUS_NAMES]
        if unknown:
            raise InvalidArgument(f"there is no status {unknown[0]!r}; the names are {', '.join(STATUS_NAMES)}")
        test = _matches_status(wanted)

        def matches(exchange: Exchange) -> bool:
            call = exchange.grpc
            return call is not None and test(call)

        return matches

    return Condition(make, value, fields.GRPC_STATUS)


def _matches_status(wanted: Any) -> Callable[[GrpcCall], bool]:
    """Names and patterns are compared with the name of a status, everything else with its number."""
    if isinstance(wanted, (set, frozenset)):
        tests = [_matches_status(one) for one in wanted]
        return lambda call: any(test(call) for test in tests)
    if is_text(wanted) or isinstance(wanted, re.Pattern):
        named = test_for(wanted, is_text, "a name")
        return lambda call: named(call.status_name)
    kind = "a name, a number, or None for no status"
    numbered = test_for(wanted, lambda one: one is None or is_number(one), kind)
    return lambda call: numbered(call.status)


def _problems() -> Condition:
    def value(exchange: Exchange, _: Any = None) -> list[str]:
        return [problem.value for problem in exchange.problems]

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        is_list = isinstance(wanted, (list, tuple))
        unknown = [name for name in (wanted if is_list else texts(wanted)) if name not in PROBLEMS]
        if unknown:
            raise InvalidArgument(f"there is no problem {unknown[0]!r}; the problems are {', '.join(PROBLEMS)}")
        if is_list:
            names = sorted(map(str, wanted))
            return lambda exchange: sorted(value(exchange)) == names
        test = test_for(wanted, is_text, "a problem's name")
        return lambda exchange: any(map(test, value(exchange)))

    return Condition(make, value, fields.PROBLEM)


def _stream() -> Condition:
    kind = "a number, or None for no stream"
    return _simple(fields.STREAM.get, lambda wanted: wanted is None or is_number(wanted), kind, fields.STREAM)


def _reset() -> Condition:
    def is_exact(wanted: Any) -> bool:
        return wanted is None or is_text(wanted)

    kind = "the name of an error, such as 'CANCEL', or None for no reset"
    return _simple(fields.RESET.get, is_exact, kind, fields.RESET)


def _protocol() -> Condition:
    made = _any_of(fields.PROTOCOL, is_text, "a protocol's name")

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        unknown = [name for name in texts(wanted) if name not in fields.PROTOCOLS]
        if unknown:
            raise InvalidArgument(f"there is no protocol {unknown[0]!r}; there are {', '.join(fields.PROTOCOLS)}")
        return made.test(wanted)

    return made._replace(test=make)


def _process(get: Callable[[Process], Any], *ends: str) -> Condition:
    return _any_of(fields.process(get, kinds.TEXT, *ends), is_text, "a string")


def _pid(*ends: str) -> Condition:
    return _any_of(fields.process(lambda process: process.pid, kinds.WHOLE, *ends), is_number, "a number")


# each is an argument of Where, and a field of the filter language
CONDITIONS = {
    "method": _method(),
    "path": _path(),
    "target": _of_request("target", fields.TARGET),
    "query": _query(),
    "host": _host(),
    "header": _header(BOTH),
    "request_header": _header(("request",)),
    "response_header": _header(("response",)),
    "body": _body(BOTH),
    "request_body": _body(("request",)),
    "response_body": _body(("response",)),
    "json": _json(BOTH),
    "request_json": _json(("request",)),
    "response_json": _json(("response",)),
    "status": _status(),
    "grpc": _grpc(),
    "grpc_status": _grpc_status(),
    "port": _any_of(fields.PORT, is_number, "a number"),
    "process": _process(lambda process: process.comm, *fields.ENDS),
    "pid": _pid(*fields.ENDS),
    "version": _of_request("version", fields.of_request("version")),
    "stream": _stream(),
    "reset": _reset(),
    "duration": _seconds(fields.DURATION),
    "problems": _problems(),
    "complete": _flag(fields.COMPLETE),
    "request": _flag(fields.REQUEST),
    "response": _flag(fields.RESPONSE),
    "protocol": _protocol(),
    "connect": _seconds(fields.phase("connect")),
    "send": _seconds(fields.phase("send")),
    "wait": _seconds(fields.phase("wait")),
    "receive": _seconds(fields.phase("receive")),
    "queued": _seconds(fields.phase("queued")),
    "think": _seconds(fields.phase("think")),
    "accept": _seconds(fields.phase("accept")),
    "max_queued": _at_most(fields.phase("queued")),
    "size": _number(fields.body_bytes(*BOTH)),
    "request_size": _number(fields.body_bytes("request")),
    "response_size": _number(fields.body_bytes("response")),
    "ip": _any_of(fields.IP, is_text, "a string"),
    "client_ip": _text(fields.CLIENT_IP),
    "server_ip": _text(fields.SERVER_IP),
    "client_port": _number(fields.CLIENT_PORT),
    "server_port": _number(fields.SERVER_PORT),
    "family": _number(fields.FAMILY),
    "client_process": _process(lambda process: process.comm, "client"),
    "server_process": _process(lambda process: process.comm, "server"),
    "client_pid": _pid("client"),
    "server_pid": _pid("server"),
    "container": _process(lambda process: process.container, *fields.ENDS),
    "pod": _process(lambda process: process.pod, *fields.ENDS),
    "interface": _text(fields.INTERFACE),
    "connection": _number(fields.CONNECTION),
    "pushed": _flag(fields.PUSHED),
    "retransmissions": _number(fields.RETRANSMISSIONS),
    "retransmitted": _number(fields.RETRANSMITTED),
    "drops": _number(fields.DROPS),
    "culprit": _culprit(),
}
