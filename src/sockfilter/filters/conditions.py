"""The conditions on exchanges, by name: how to find a value in an exchange, and how to compare it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import BodyError, InvalidArgument
from sockfilter.filters.values import content_test, fields_test, is_number, is_text, test_for, texts
from sockfilter.model.grpc import STATUS_NAMES
from sockfilter.model.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, Message
    from sockfilter.model.grpc import GrpcCall
    from sockfilter.model.process import Process

PROBLEMS = tuple(problem.value for problem in Problem)
Halves = tuple[str, ...]
BOTH: Halves = ("request", "response")


class Condition(NamedTuple):
    """One condition.

    Attributes:
        test: makes a test of exchanges from the wanted value. Raises InvalidArgument.
        value: the value that an exchange has, for messages to people.
    """

    test: Callable[[Any], Callable[[Exchange], bool]]
    value: Callable[[Exchange, Any], Any]


def _halves(exchange: Exchange, halves: Halves) -> list[Message]:
    return [half for half in (getattr(exchange, name) for name in halves) if half is not None]


def _simple(value: Callable[[Exchange], Any], is_exact: Callable[[Any], bool], kinds: str) -> Condition:
    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(wanted, is_exact, kinds)
        return lambda exchange: test(value(exchange))

    return Condition(make, lambda exchange, _: value(exchange))


def _of_request(name: str, kinds: str = "a string") -> Condition:
    def value(exchange: Exchange) -> Any:
        return None if exchange.request is None else getattr(exchange.request, name)

    return _simple(value, is_text, kinds)


def _method() -> Condition:
    plain = _of_request("method")

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        # methods are case-sensitive (RFC 9110, 9.1): a lower-case one would never match
        for method in texts(wanted):
            if method.islower():
                raise InvalidArgument(f"methods are in upper case: {method.upper()!r}")
        return plain.test(wanted)

    return Condition(make, plain.value)


def _path() -> Condition:
    plain = _of_request("path")

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        if any("?" in one for one in texts(wanted)):
            raise InvalidArgument("a path has no query: use target= for both, or query= for the parameters")
        return plain.test(wanted)

    return Condition(make, plain.value)


def _host() -> Condition:
    def value(exchange: Exchange, _: Any) -> str | None:
        return None if exchange.request is None else exchange.request.authority

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(_lower(wanted), is_text, "a string")

        def matches(exchange: Exchange) -> bool:
            request = exchange.request
            return request is not None and (test(request.host) or test(request.authority.lower()))

        return matches

    return Condition(make, value)


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

    return Condition(make, value)


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

    return Condition(make, value)


def _body(halves: Halves) -> Condition:
    def value(exchange: Exchange, _: Any) -> Any:
        bodies = [bytes(half.body) for half in _halves(exchange, halves) if half.body.wire_len]
        return bodies[0] if len(bodies) == 1 else bodies

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = content_test(wanted)
        return lambda exchange: any(map(test, _halves(exchange, halves)))

    return Condition(make, value)


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

    return Condition(make, value)


def _status() -> Condition:
    def value(exchange: Exchange) -> int | None:
        return None if exchange.response is None else exchange.response.status

    return _simple(value, lambda wanted: wanted is None or is_number(wanted), "a number, or None for no response")


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

    return Condition(make, value)


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

    return Condition(make, value)


def _matches_status(wanted: Any) -> Callable[[GrpcCall], bool]:
    """Names and patterns are compared with the name of a status, everything else with its number."""
    if isinstance(wanted, (set, frozenset)):
        tests = [_matches_status(one) for one in wanted]
        return lambda call: any(test(call) for test in tests)
    if is_text(wanted) or isinstance(wanted, re.Pattern):
        named = test_for(wanted, is_text, "a name")
        return lambda call: named(call.status_name)
    kinds = "a name, a number, or None for no status"
    numbered = test_for(wanted, lambda one: one is None or is_number(one), kinds)
    return lambda call: numbered(call.status)


def _port() -> Condition:
    def value(exchange: Exchange, _: Any) -> tuple[int, int]:
        return exchange.client.port, exchange.server.port

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(wanted, is_number, "a number")
        return lambda exchange: any(map(test, value(exchange, wanted)))

    return Condition(make, value)


def _processes(get: Callable[[Process], Any], is_exact: Callable[[Any], bool], kinds: str) -> Condition:
    """A condition on the process at either end."""

    def value(exchange: Exchange, _: Any) -> tuple[Any, ...]:
        return tuple(get(process) for process in exchange.processes if process is not None)

    def make(wanted: Any) -> Callable[[Exchange], bool]:
        test = test_for(wanted, is_exact, kinds)
        return lambda exchange: any(map(test, value(exchange, wanted)))

    return Condition(make, value)


def _duration() -> Condition:
    def value(exchange: Exchange) -> float | None:
        return exchange.timing.total

    return _simple(value, lambda wanted: isinstance(wanted, float) or is_number(wanted), "a number of seconds")


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

    return Condition(make, value)


def _stream() -> Condition:
    kinds = "a number, or None for no stream"
    return _simple(lambda exchange: exchange.stream, lambda wanted: wanted is None or is_number(wanted), kinds)


def _reset() -> Condition:
    def value(exchange: Exchange) -> str | None:
        return None if exchange.reset is None else exchange.reset.name

    def is_exact(wanted: Any) -> bool:
        return wanted is None or is_text(wanted)

    return _simple(value, is_exact, "the name of an error, such as 'CANCEL', or None for no reset")


def _complete() -> Condition:
    return _simple(lambda exchange: exchange.complete, lambda wanted: isinstance(wanted, bool), "True or False")


CONDITIONS = {
    "method": _method(),
    "path": _path(),
    "target": _of_request("target"),
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
    "port": _port(),
    "process": _processes(lambda process: process.comm, is_text, "a string"),
    "pid": _processes(lambda process: process.pid, is_number, "a number"),
    "version": _of_request("version"),
    "stream": _stream(),
    "reset": _reset(),
    "duration": _duration(),
    "problems": _problems(),
    "complete": _complete(),
}
