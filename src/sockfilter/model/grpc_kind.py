"""Whether a message or an exchange carries gRPC. The module is small, because it is used for every exchange."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.model.message import Message, Request, Response

CONTENT_TYPE = re.compile(r"application/grpc(-web(?:-text)?)?(?:\+[\w.-]+)?[ \t]*(?:;|$)", re.IGNORECASE)


class CarryingExchange(Protocol):
    """What this module needs of the exchange that carried a call."""

    @property
    def connection(self) -> Connection:
        """The connection."""

    @property
    def request(self) -> Request | None:
        """The request; None if it was not seen."""

    @property
    def response(self) -> Response | None:
        """The response; None if it was not seen."""

    @property
    def began_ns(self) -> int:
        """When its first byte passed, in the source's clock."""


class GrpcKind(NamedTuple):
    """A form of gRPC.

    Attributes:
        is_web: whether it is gRPC-Web, whose last frame has the trailers.
        is_text: whether the content is base64.
    """

    is_web: bool
    is_text: bool


def kind_of(content_type: str) -> GrpcKind | None:
    """The form of gRPC that a Content-Type names; None if it names none."""
    found = CONTENT_TYPE.match(content_type)
    if found is None:
        return None
    return GrpcKind(found[1] is not None, found[1] is not None and len(found[1]) > len("-web"))


def is_call(exchange: CarryingExchange) -> bool:
    """Whether an exchange carries a gRPC call: a half has messages of gRPC, or names it in its Content-Type.

    Most exchanges are no calls, so the fields are parsed only if there may be one.
    """
    request, response = exchange.request, exchange.response
    if request is not None and (request.grpc is not None or (request.head.method == "POST" and _names_grpc(request))):
        return True
    return response is not None and (response.grpc is not None or (request is None and _names_grpc(response)))


def _names_grpc(half: Message) -> bool:
    if half.head.has_text and b"/grpc" not in half.head.raw:
        return False
    return kind_of(half.headers.get("content-type", "")) is not None
