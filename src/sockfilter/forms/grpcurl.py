"""A gRPC call as a grpcurl command that makes the same call."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sockfilter.errors import BodyError, NotSeen
from sockfilter.forms.json_values import ENCODE
from sockfilter.model.grpc import GrpcCall, is_metadata
from sockfilter.protobuf import schema

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Request


def as_grpcurl(exchange: Exchange, request: Request) -> str:
    """The command line of grpcurl that makes the same call, its secrets included.

    The command is for a POSIX shell. grpcurl sends the messages uncompressed, at once, and without a deadline.

    Args:
        exchange: the exchange that carries the call.
        request: its request, which was kept whole.

    Raises:
        NotSeen: grpcurl cannot make the call, or there is no schema for its messages.
        BodyError: not all messages were kept.
    """
    call = GrpcCall(exchange)
    if call.name is None:
        raise NotSeen(f"repeating {exchange!r}: its target does not name a method of gRPC")
    words = ["grpcurl", *([] if request.head.scheme == "https" or exchange.tls is not None else ["-plaintext"])]
    server = str(exchange.server)
    if request.authority and request.authority != server:
        words += ["-authority", shlex.quote(request.authority)]
    for name, value in request.headers:
        if is_metadata(name):
            words += ["-H", shlex.quote(f"{name}: {value}")]
    for path in schema.paths():
        words += ["-protoset", shlex.quote(path)]
    return " ".join([*words, *_data(exchange, call), shlex.quote(server), shlex.quote(call.name)])


def _data(exchange: Exchange, call: GrpcCall) -> list[str]:
    """The option with the messages; none if the only message is empty."""
    side = call.request
    messages = side.messages
    if side.count is None or side.count > len(messages):
        raise BodyError(f"repeating {exchange!r}: not all of its messages were kept")
    if len(messages) == 1 and messages[0].length == 0:
        return []
    decoded = [{} if message.length == 0 else message.decoded for message in messages]
    if None in decoded:
        raise NotSeen(
            f"repeating {exchange!r}: grpcurl takes messages as JSON, which needs their schema; set_protos() reads one"
        )
    return ["-d", shlex.quote(" ".join(map(ENCODE, decoded)))]
