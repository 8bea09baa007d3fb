"""A view on an exchange as a gRPC call, by gRPC over HTTP/2 or by gRPC-Web."""

from __future__ import annotations

import re
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sockfilter.errors import BodyError
from sockfilter.model.body import Body
from sockfilter.model.grpc_kind import is_call, kind_of
from sockfilter.model.headers import Headers
from sockfilter.model.moment import elapsed_ns

if TYPE_CHECKING:
    from sockfilter.model.grpc_kind import CarryingExchange
    from sockfilter.model.message import Message
    from sockfilter.model.message_log import LoggedMessage, MessageLog

PATH = re.compile(r"/([^/?#]+)/([^/?#]+)$")
STATUS = re.compile(r"[0-9]{1,9}")
# by their codes (google.rpc.Code)
STATUS_NAMES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED"
    " RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS"
    " UNAUTHENTICATED"
).split()
BINARY = "-bin"
BASE64 = re.compile(r"[A-Za-z0-9+/]*")
# fields that the protocol uses itself; names that begin with grpc- are reserved too
RESERVED = frozenset(("te", "content-type", "user-agent", "host", "content-length", "transfer-encoding", "trailer"))

Metadata = tuple[tuple[str, "str | bytes"], ...]


class GeneratedMessage(Protocol):
    """What this module needs of a class that protoc has generated."""

    @classmethod
    def FromString(cls: type[Decoded], content: bytes, /) -> Decoded:  # noqa: N802  # protobuf's name
        """Parses a message."""


Decoded = TypeVar("Decoded", bound=GeneratedMessage)


def call_of(exchange: CarryingExchange) -> GrpcCall | None:
    """The exchange as a gRPC call; None if it does not carry one."""
    return GrpcCall(exchange) if is_call(exchange) else None


class GrpcCall:
    """A gRPC call. All values are those that passed on the wire; a value that is not known is None.

    Args:
        exchange: the exchange that carried the call.
    """

    __slots__ = ("_exchange",)

    def __init__(self, exchange: CarryingExchange) -> None:
        self._exchange = exchange

    def __repr__(self) -> str:
        from sockfilter.escape import printable_target  # imported late: only needed to show it

        status = "no status" if self.status is None else f"{self.status} {self.status_name or ''}".rstrip()
        return f"<GrpcCall {printable_target(self.name or '(unknown)')} {status}>"

    @property
    def service(self) -> str | None:
        """The full name of the service: "shop.v1.Cart"."""
        return self._path[0]

    @property
    def method(self) -> str | None:
        """The name of the method: "Get"."""
        return self._path[1]

    @property
    def name(self) -> str | None:
        """Service and method: "shop.v1.Cart/Get"."""
        service, method = self._path
        return None if service is None else f"{service}/{method}"

    @property
    def _path(self) -> tuple[str | None, str | None]:
        request = self._exchange.request
        found = None if request is None else PATH.fullmatch(request.target)
        return (None, None) if found is None else (found[1], found[2])

    @property
    def web(self) -> bool:
        """Whether it is gRPC-Web."""
        for half in (self._exchange.request, self._exchange.response):
            kind = None if half is None else kind_of(half.headers.get("content-type", ""))
            if kind is not None:
                return kind.is_web
        return False

    @property
    def status(self) -> int | None:
        """The status code: 0 for OK. None if no status passed, for example because the client cancelled the call."""
        found = self._trailers.get("grpc-status", "").strip()
        return int(found) if STATUS.fullmatch(found) else None

    @property
    def status_name(self) -> str | None:
        """The name of the status: "NOT_FOUND". None if there is no status, or if its code has no name."""
        status = self.status
        return None if status is None else name_of_status(status)

    @property
    def message(self) -> str | None:
        """The message beside the status, percent-decoded; empty if there is none, and None without a status."""
        if self.status is None:
            return None
        found = self._trailers.get("grpc-message", "")
        if "%" not in found:
            return found
        from urllib.parse import unquote  # imported late: most captures do not need it

        return unquote(found)

    @property
    def metadata(self) -> Metadata:
        """The metadata of the request: names and values. Values of names that end in -bin are bytes."""
        request = self._exchange.request
        return () if request is None else metadata_of(request.headers)

    @property
    def initial_metadata(self) -> Metadata:
        """The metadata that the server sent before its first message."""
        response = self._exchange.response
        return () if response is None or self._trailers is response.headers else metadata_of(response.headers)

    @property
    def trailing_metadata(self) -> Metadata:
        """The metadata that the server sent with the status."""
        return metadata_of(self._trailers)

    @property
    def _trailers(self) -> Headers:
        """The fields with the status: trailers, the last frame of gRPC-Web, or the head if there is no body."""
        response = self._exchange.response
        if response is None:
            return NO_FIELDS
        if response.grpc is not None and response.grpc.trailers is not None:
            return response.grpc.trailers
        trailers = response.trailers
        if not len(trailers) and "grpc-status" in response.headers and not response.body.wire_len:
            return response.headers
        return trailers

    @property
    def request(self) -> GrpcMessages:
        """The messages of the client."""
        return GrpcMessages(self._exchange, self._exchange.request)

    @property
    def response(self) -> GrpcMessages:
        """The messages of the server."""
        return GrpcMessages(self._exchange, self._exchange.response)


class GrpcMessages:
    """The messages of one direction of a call.

    Args:
        exchange: the exchange that carried the call.
        half: the half that carried the messages; None if it was not seen.
    """

    __slots__ = ("_exchange", "_half")

    def __init__(self, exchange: CarryingExchange, half: Message | None) -> None:
        self._exchange = exchange
        self._half = half

    def __repr__(self) -> str:
        return f"<GrpcMessages {'?' if self.count is None else self.count}>"

    @property
    def _log(self) -> MessageLog | None:
        return None if self._half is None else self._half.grpc

    @property
    def count(self) -> int | None:
        """The number of messages that passed. None if it is not known, because bytes are missing."""
        if self._log is not None:
            return self._log.count
        is_empty = self._half is not None and not self._half.body.wire_len and self._half.complete
        return 0 if is_empty else None

    @property
    def messages(self) -> tuple[GrpcMessage, ...]:
        """The first messages; at most 1000 are kept."""
        if self._log is None or self._half is None:
            return ()
        return tuple(
            GrpcMessage(self._exchange, self._half, number) for number in range(1, len(self._log.messages) + 1)
        )

    @property
    def first_message(self) -> float | None:
        """Seconds from the first byte of the exchange to the first byte of the first message."""
        messages = self._log.messages if self._log is not None else ()
        return _since(self._exchange, self._half, messages[0].start_ns) if messages else None

    @property
    def max_gap(self) -> float | None:
        """The longest time between the first bytes of two neighbouring messages, in seconds."""
        gap_ns = None if self._log is None else self._log.max_gap_ns
        return None if gap_ns is None else gap_ns / 1e9


class GrpcMessage:
    """One message of a call.

    Args:
        exchange: the exchange that carried the call.
        half: the half that carried the message.
        number: its place among the messages of its direction, from 1.
    """

    __slots__ = ("_exchange", "_half", "number")

    def __init__(self, exchange: CarryingExchange, half: Message, number: int) -> None:
        self._exchange = exchange
        self._half = half
        self.number = number

    def __repr__(self) -> str:
        return f"<GrpcMessage {self.number} of {'?' if self.length is None else self.length} bytes>"

    @property
    def _logged(self) -> LoggedMessage:
        assert self._half.grpc is not None  # it has this message
        return self._half.grpc.messages[self.number - 1]

    @property
    def length(self) -> int | None:
        """Bytes after decompression; None if not known."""
        return self._logged.length

    @property
    def wire_len(self) -> int:
        """Bytes as sent, without the five bytes before them."""
        return self._logged.wire_len

    @property
    def compressed(self) -> bool:
        """Whether its sender says that it is compressed."""
        return self._logged.is_compressed

    @property
    def time(self) -> float | None:
        """Seconds from the first byte of the exchange to the first byte of the message."""
        return _since(self._exchange, self._half, self._logged.start_ns)

    @property
    def content(self) -> Body:
        """What was kept of it, decompressed."""
        logged = self._logged
        content = logged.content
        if content is None:
            content = bytes(self._half.body[logged.offset : logged.offset + logged.wire_len])
        return Body(logged.wire_len, logged.length, content)

    @property
    def content_type(self) -> str:
        """The Content-Type of the request or response that carried it."""
        return self._half.headers.get("content-type", "")

    @property
    def fields(self) -> dict[int, Any] | None:
        """The fields of a protobuf message by their numbers, as far as they can be told without a schema.

        None if the content was not kept whole, or is not protobuf. A field that came more than once has a list. What
        has a length is a string, a dict, or bytes, as it looks. Packed numbers are bytes.
        """
        from sockfilter.protobuf.fields import fields_of

        content = self.content
        return None if content.is_cut else fields_of(content)

    def decode(self, kind: type[Decoded]) -> Decoded:
        """The content as a message of a class that protoc has generated.

        Args:
            kind: the class.

        Raises:
            BodyError: the content was not kept whole, or is not such a message.
        """
        content = self.content
        if content.is_cut:
            known = "" if self.length is None else f" of {self.length}"
            raise BodyError(f"decoding {self!r}: only {len(content)}{known} bytes were kept; body=None keeps all")
        try:
            return kind.FromString(bytes(content))
        except Exception as error:  # DecodeError of a package that is not imported here
            raise BodyError(f"decoding {self!r} as {kind.__name__}: {error}") from error

    @property
    def decoded(self) -> dict[str, Any] | None:
        """The content by the schema that set_protos() has read, in protobuf's JSON form.

        None if the schema does not have the method, or if the content was not kept whole or does not match.
        """
        from sockfilter.protobuf import schema

        if not schema.is_set():
            return None
        call, content = GrpcCall(self._exchange), self.content
        if call.service is None or call.method is None or content.is_cut:
            return None
        return schema.decode(call.service, call.method, self._half is self._exchange.request, bytes(content))


def name_of_status(code: int) -> str | None:
    """The name of a status; None if its code has none."""
    return STATUS_NAMES[code] if code < len(STATUS_NAMES) else None


def is_metadata(name: str) -> bool:
    """Whether a field belongs to the application, and not to the protocol."""
    lower = name.lower()
    return lower not in RESERVED and not lower.startswith(("grpc-", ":"))


def metadata_of(fields: Headers) -> Metadata:
    """The fields that belong to the application, in their order, with the values of -bin decoded."""
    made: list[tuple[str, str | bytes]] = []
    for name, value in fields:
        if not is_metadata(name):
            continue
        if not name.lower().endswith(BINARY):
            made.append((name, value))
        elif value.startswith("\0"):
            # gRPC's C core sends the bytes themselves after a NUL, if its peer allows that in SETTINGS
            made.append((name, value[1:].encode("utf-8", "surrogateescape")))
        else:
            made += [(name, _binary(one.strip())) for one in value.split(",")]
    return tuple(made)


def _binary(value: str) -> str | bytes:
    """The bytes of a value in base64, padded or not; the value itself if it is not base64."""
    digits = value.rstrip("=")
    if not BASE64.fullmatch(digits) or len(digits) % 4 == 1:
        return value
    return a2b_base64(digits + "=" * (-len(digits) % 4))


def _since(exchange: CarryingExchange, half: Message | None, time_ns: int) -> float | None:
    """Seconds from the first byte of an exchange to a time in one of its halves; None if not known."""
    if half is not exchange.request and exchange.connection.clocks_differ:
        return None
    found = elapsed_ns(exchange.began_ns, time_ns)
    return None if found is None else found / 1e9


NO_FIELDS = Headers([])
