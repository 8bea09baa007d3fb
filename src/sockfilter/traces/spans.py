"""Makes spans of exchanges, by OpenTelemetry's semantic conventions for HTTP, RPC and TLS.

The names of attributes that have no convention begin with "sockfilter.".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.forms.json_values import clean_text
from sockfilter.masking import mask_field, mask_target
from sockfilter.model import target as targets
from sockfilter.model.grpc_kind import is_call
from sockfilter.model.moment import wall_ns
from sockfilter.traces.context import NO_CONTEXT, SPAN_BYTES, TRACE_BYTES, context_of
from sockfilter.traces.ends import SpanKind
from sockfilter.traces.events import add_events
from sockfilter.traces.values import add, put

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, Request, Response
    from sockfilter.traces.context import TraceContext
    from sockfilter.traces.resources import Resources

# methods that the conventions know; others are _OTHER
METHODS = frozenset("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE QUERY".split())
PORTS = {"http": 80, "https": 443}
# flags of a span (OTLP, enum SpanFlags): sampled; and whether the parent is in another process is known, and is so
SAMPLED, HAS_IS_REMOTE, IS_REMOTE = 1, 0x100, 0x200
# status codes of OTLP
ERROR = 2
# characters of a name or a value: a target can be as long as a head
TEXT_MAX = 4096
# status codes of gRPC that are errors of the server (conventions for gRPC); for the client, all but OK are
GRPC_SERVER_ERRORS = frozenset((2, 4, 12, 13, 14, 15))


class MadeSpan(NamedTuple):
    """A span in the form of OTLP, and the resource that it belongs to."""

    resource: bytes
    span: bytes


class SpanMaker:
    """Makes spans.

    Args:
        resources: makes the resources.
        route_of: returns the name of a target's route.
        show_secrets: do not mask secrets.
    """

    def __init__(self, resources: Resources, route_of: Callable[[str], str], *, show_secrets: bool = False) -> None:
        from opentelemetry.proto.trace.v1.trace_pb2 import Span  # imported where spans are made

        self._span: Any = Span
        self._resources = resources
        self._route_of = route_of
        self._show_secrets = show_secrets

    def made(
        self, exchange: Exchange, kinds: tuple[SpanKind, ...], trace_id: bytes, context: TraceContext
    ) -> list[MadeSpan]:
        """Returns the spans of an exchange with a time; of two, the client's is the parent of the server's."""
        # Messages of protobuf may be joined as bytes (its encoding, "Last One Wins"): what both have is made once.
        shared = self._span(
            trace_id=trace_id,
            trace_state=context.state,
            name=self._name(exchange),
            start_time_unix_nano=exchange.start_ns or 0,
            end_time_unix_nano=_end_ns(exchange),
        )
        add_events(shared, exchange)
        _put_own(shared.attributes, exchange)
        common = shared.SerializeToString()
        found = []
        parent, is_remote = context.parent_id, True
        for kind in kinds:
            process = exchange.client_process if kind is SpanKind.CLIENT else exchange.server_process
            span_id = os.urandom(SPAN_BYTES)
            attributes: list[bytes] = []
            is_error = self._describe(attributes, exchange, kind)
            own = self._span(
                span_id=span_id,
                parent_span_id=parent or b"",
                flags=SAMPLED | HAS_IS_REMOTE | (IS_REMOTE if parent and is_remote else 0),
                kind=int(kind),
            )
            if is_error:
                own.status.code = ERROR
            span = b"".join((common, own.SerializeToString(), *attributes))
            found.append(MadeSpan(self._resources.of(process), span))
            parent, is_remote = span_id, False
        return found

    def _name(self, exchange: Exchange) -> str:
        """The method and the route; of a gRPC call, its name."""
        request = exchange.request
        if request is None:
            return "HTTP"
        if is_call(exchange) and exchange.grpc is not None and exchange.grpc.name:
            return _text(exchange.grpc.name)
        method = request.method if request.method in METHODS else "HTTP"
        return (
            method if method == "CONNECT" or not request.target else f"{method} {_text(self._route_of(request.target))}"
        )

    def _describe(self, at: list[bytes], exchange: Exchange, kind: SpanKind) -> bool:
        """Adds the attributes that depend on the end, or that many spans have. Returns whether it is an error."""
        request, response = exchange.request, exchange.response
        self._put_ends(at, exchange, kind)
        if request is not None:
            self._put_request(at, request, exchange, kind)
        error = ""
        if response is not None:
            self._put_response(at, response)
            if response.status >= (500 if kind is SpanKind.SERVER else 400):
                error = str(response.status)
        if is_call(exchange):
            error = _put_call(at, exchange, kind) or error
        if exchange.reset is not None:
            error = error or exchange.reset.name or str(exchange.reset.code)
        elif request is None or response is None:
            error = error or ("" if request is None else exchange.reason.value)
        if error:
            add(at, "error.type", clean_text(error))
        return bool(error)

    def _put_ends(self, at: list[bytes], exchange: Exchange, kind: SpanKind) -> None:
        here, peer = (
            (exchange.client, exchange.server) if kind is SpanKind.CLIENT else (exchange.server, exchange.client)
        )
        if here.port:
            add(at, "network.transport", "tcp")
            add(at, "network.type", "ipv6" if ":" in here.ip else "ipv4")
            add(at, "network.local.address", here.ip)
            add(at, "network.local.port", here.port)
            add(at, "network.peer.address", peer.ip)
            add(at, "network.peer.port", peer.port)
            if kind is SpanKind.SERVER:
                add(at, "client.address", peer.ip)
        else:
            add(at, "network.transport", "unix")
        tls = exchange.tls
        if tls is not None:
            for name, value in (
                ("tls.protocol.version", tls.version),
                ("tls.cipher", tls.suite),
                ("tls.next_protocol", tls.alpn),
                ("tls.client.server_name", tls.sni),
                ("tls.resumed", tls.resumed),
            ):
                if value is not None:
                    add(at, name, clean_text(value) if isinstance(value, str) else value)

    def _put_request(self, at: list[bytes], request: Request, exchange: Exchange, kind: SpanKind) -> None:
        method, target = request.method, request.target
        if method in METHODS:
            add(at, "http.request.method", method)
        elif method:
            add(at, "http.request.method", "_OTHER")
            add(at, "http.request.method_original", _text(method))
        add(at, "network.protocol.name", "http")
        if request.version:
            add(at, "network.protocol.version", request.version)
        scheme = clean_text(request.head.scheme) or ("https" if exchange.tls is not None else "http")
        authority = request.authority
        host, port = targets.host(authority), _port(authority)
        if host:
            add(at, "server.address", _text(host))
            add(at, "server.port", PORTS.get(scheme, 0) if port is None else port)
        else:
            add(at, "server.address", exchange.server.ip)
            add(at, "server.port", exchange.server.port)
        add(at, "url.scheme", scheme)
        shown = target if self._show_secrets else mask_target(target)
        _, path, query = targets.split(shown)
        if kind is SpanKind.CLIENT and host and path and target != "*":
            url = f"{scheme}://{authority}{path}{'?' if query else ''}{query}"
            add(at, "url.full", _text(url if self._show_secrets else mask_target(url)))
        else:
            if path:
                add(at, "url.path", _text(path))
            if query:
                add(at, "url.query", _text(query))
        if target and method != "CONNECT":
            add(at, "http.route" if kind is SpanKind.SERVER else "url.template", _text(self._route_of(target)))
        agent = request.headers.get("user-agent")
        if agent:
            add(at, "user_agent.original", _text(agent if self._show_secrets else mask_field("user-agent", agent)))
        if request.complete:
            add(at, "http.request.body.size", request.body.wire_len)

    def _put_response(self, at: list[bytes], response: Response) -> None:
        if response.status:
            add(at, "http.response.status_code", response.status)
        if response.complete:
            add(at, "http.response.body.size", response.body.wire_len)


def trace_of(exchange: Exchange) -> tuple[bytes, TraceContext]:
    """Returns the trace of an exchange: the one that its request names, or else a new one."""
    request = exchange.request
    context = NO_CONTEXT if request is None else context_of(request.headers)
    return context.trace_id or os.urandom(TRACE_BYTES), context


def _end_ns(exchange: Exchange) -> int:
    """When the last byte that is known passed, in nanoseconds since 1970; not before the first."""
    start_ns = exchange.start_ns or 0
    if exchange.duration_ns is not None:
        return start_ns + exchange.duration_ns
    halves = (exchange.request,) if exchange.connection.clocks_differ else (exchange.request, exchange.response)
    offset_ns = exchange.clock_offset_ns
    known = [
        wall_ns(half.start_ns if half.end_ns is None else half.end_ns, offset_ns) for half in halves if half is not None
    ]
    return max([start_ns, *(each for each in known if each is not None)])


def _put_call(at: list[bytes], exchange: Exchange, kind: SpanKind) -> str:
    """Adds what is known of a gRPC call. Returns the type of its error; empty: none."""
    call = exchange.grpc
    assert call is not None  # is_call() has said so
    add(at, "rpc.system", "grpc")
    if call.service is not None and call.method is not None:
        add(at, "rpc.service", _text(call.service))
        add(at, "rpc.method", _text(call.method))
    status = call.status
    if status is None:
        return ""
    add(at, "rpc.grpc.status_code", status)
    is_error = status in GRPC_SERVER_ERRORS if kind is SpanKind.SERVER else status != 0
    return (call.status_name or str(status)) if is_error else ""


def _put_own(at: Any, exchange: Exchange) -> None:
    """Adds what sockfilter alone knows."""
    put(at, "sockfilter.exchange.id", exchange.id)
    put(at, "sockfilter.interface", clean_text(exchange.connection.interface))
    put(at, "sockfilter.connection", exchange.connection.number)
    if exchange.stream is not None:
        put(at, "sockfilter.stream", exchange.stream)
    if not exchange.complete:
        put(at, "sockfilter.complete", False)
    if exchange.problems:
        put(at, "sockfilter.problems", [problem.value for problem in exchange.problems])
    if exchange.retransmissions:
        put(at, "sockfilter.retransmissions", exchange.retransmissions)
    for name, seconds in exchange.timing._asdict().items():
        if seconds is not None and name != "total":
            put(at, f"sockfilter.timing.{name}", seconds)
    tcp = exchange.tcp
    if tcp is not None:
        if tcp.drops:
            put(at, "sockfilter.tcp.drops", len(tcp.drops))
        culprit = exchange.culprit
        if culprit is not None:
            put(at, "sockfilter.culprit", culprit.word)
            put(at, "sockfilter.culprit.evidence", clean_text(culprit.evidence))


def _port(authority: str) -> int | None:
    """The port of an authority; None if it has none."""
    _, colon, digits = authority.rpartition(":")
    return int(digits) if colon and digits.isascii() and digits.isdecimal() and len(digits) <= 5 else None


def _text(words: str) -> str:
    """A text of a peer as a value: valid Unicode, not too long."""
    return clean_text(words[:TEXT_MAX])
