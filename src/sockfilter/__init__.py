"""Every HTTP exchange on a network interface, seen by an eBPF socket filter.

    with sockfilter.capture("lo", ports=[8000]) as capture:
        ...                     # anything that uses HTTP
        capture.flush()         # waits until all earlier traffic has been read
    for exchange in capture.exchanges:
        print(exchange.request.method, exchange.response.status)

Public names are imported when they are first used, so `import sockfilter` alone is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sockfilter import presentation

__version__ = "0.1.0"

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sockfilter.captures.capture import Capture, capture
    from sockfilter.captures.command import capture_command
    from sockfilter.captures.connections import Connections, connections
    from sockfilter.captures.file import Reading, read
    from sockfilter.captures.tcp_streams import TcpStream, tcp_streams
    from sockfilter.counting.counting import PacketCounting, count
    from sockfilter.counting.counts import PacketCounts
    from sockfilter.errors import BodyError, ExpectationFailed, NotSeen, SockfilterError
    from sockfilter.filters.where import Where
    from sockfilter.guarding.counts import GuardCounts
    from sockfilter.guarding.guard import Guard, guard
    from sockfilter.guarding.refused import RefusedOpening
    from sockfilter.ledger import Ledger
    from sockfilter.masking import set_masking
    from sockfilter.model import (
        Body,
        Connection,
        Endpoint,
        Exchange,
        Headers,
        Problem,
        Process,
        Request,
        Response,
        StreamMessage,
        Timing,
    )
    from sockfilter.model.exchange import Parent
    from sockfilter.model.grpc import GrpcCall, GrpcMessage, GrpcMessages
    from sockfilter.model.life import Life
    from sockfilter.model.lineage import link
    from sockfilter.model.tcp_connection import TcpConnection
    from sockfilter.model.tls import Tls
    from sockfilter.protobuf.schema import set_protos
    from sockfilter.views.view import View

_HOMES = {
    "Capture": "captures.capture",
    "capture": "captures.capture",
    "capture_command": "captures.command",
    "connections": "captures.connections",
    "Connections": "captures.connections",
    "TcpConnection": "model.tcp_connection",
    "read": "captures.file",
    "Reading": "captures.file",
    "tcp_streams": "captures.tcp_streams",
    "TcpStream": "captures.tcp_streams",
    "count": "counting.counting",
    "PacketCounting": "counting.counting",
    "PacketCounts": "counting.counts",
    "guard": "guarding.guard",
    "Guard": "guarding.guard",
    "GuardCounts": "guarding.counts",
    "RefusedOpening": "guarding.refused",
    "View": "views.view",
    "Where": "filters.where",
    "set_masking": "masking",
    "set_protos": "protobuf.schema",
    "SockfilterError": "errors",
    "BodyError": "errors",
    "ExpectationFailed": "errors",
    "NotSeen": "errors",
    "Ledger": "ledger",
    "GrpcCall": "model.grpc",
    "GrpcMessage": "model.grpc",
    "GrpcMessages": "model.grpc",
    "Life": "model.life",
    "Parent": "model.exchange",
    "link": "model.lineage",
    "Tls": "model.tls",
    "Body": "model",
    "Connection": "model",
    "Endpoint": "model",
    "Exchange": "model",
    "Headers": "model",
    "Problem": "model",
    "Process": "model",
    "Request": "model",
    "Response": "model",
    "StreamMessage": "model",
    "Timing": "model",
}

_FORMS = {
    "transcript": "forms.transcript",
    "to_dict": "forms.json_dict",
    "message_dict": "forms.message_dict",
    "as_curl": "forms.curl",
    "as_pytest": "forms.pytest_source",
}

__all__ = [
    "__version__",
    "capture",
    "capture_command",
    "connections",
    "read",
    "tcp_streams",
    "count",
    "guard",
    "link",
    "set_masking",
    "set_protos",
    "Reading",
    "TcpStream",
    "PacketCounting",
    "PacketCounts",
    "Guard",
    "GuardCounts",
    "RefusedOpening",
    "Connections",
    "TcpConnection",
    "Capture",
    "View",
    "Where",
    "Exchange",
    "Request",
    "Response",
    "StreamMessage",
    "Headers",
    "Body",
    "GrpcCall",
    "GrpcMessages",
    "GrpcMessage",
    "Connection",
    "Endpoint",
    "Timing",
    "Tls",
    "Problem",
    "Process",
    "Ledger",
    "Life",
    "Parent",
    "SockfilterError",
    "BodyError",
    "ExpectationFailed",
    "NotSeen",
]


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sockfilter' has no attribute {name!r}")
    return getattr(import_module(f"sockfilter.{_HOMES[name]}"), name)


def _late(name: str) -> Callable[..., Any]:
    """A form of an exchange, imported when it is first used."""

    def form(*arguments: Any, **options: Any) -> Any:
        return getattr(import_module(f"sockfilter.{_FORMS[name]}"), name)(*arguments, **options)

    return form


for _name in _FORMS:
    setattr(presentation, _name, _late(_name))
