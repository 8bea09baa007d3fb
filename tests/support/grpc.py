"""gRPC by hand: frames, and exchanges that carry them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model import Body, Connection, Endpoint, Exchange, Request, Response
from sockfilter.model.budget import Budget
from sockfilter.model.policy import BodyPolicy
from sockfilter.protocols.grpc.reader import read_grpc
from tests.support.exchanges import answers, asks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sockfilter.model import Message

GRPC, WEB, WEB_TEXT = "application/grpc", "application/grpc-web+proto", "application/grpc-web-text"
COMPRESSED, TRAILERS = 0x01, 0x80
MILLISECOND = 1_000_000
POLICY = BodyPolicy(1 << 20)


def frame(content: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(content).to_bytes(4, "big") + content


def trailers(*lines: str, flag: int = TRAILERS) -> bytes:
    return frame("".join(f"{line}\r\n" for line in lines).encode(), flag)


def in_pieces(content: bytes, size: int) -> bytes:
    """In base64, each piece padded."""
    return b"".join(base64.b64encode(content[at : at + size]) for at in range(0, len(content), size))


class Part(NamedTuple):
    """Bytes of a body, and when they come, in milliseconds."""

    data: bytes
    at: int = 0


def cut(data: bytes, size: int) -> list[Part]:
    return [Part(data[at : at + size], number) for number, at in enumerate(range(0, len(data), size))]


def carry(
    message: Message, parts: Iterable[Part], *, policy: BodyPolicy = POLICY, kept: int | None = None, whole: bool = True
) -> Message:
    """Gives a message a body that comes in parts. kept: bytes of it that are kept; None: as the policy says."""
    reader = read_grpc(message, policy, Budget())
    body = b""
    for part in parts:
        body += part.data
        if reader is not None:
            reader.data(part.data, message.start_ns + part.at * MILLISECOND)
    if reader is not None:
        reader.end(whole)
    message.body = Body(len(body), len(body), body[: policy.limit if kept is None else kept])
    message.end_ns, message.complete = message.start_ns + MILLISECOND, whole
    return message


def request(
    *parts: Part,
    target: str = "/shop.v1.Cart/Get",
    fields: Sequence[tuple[str, str]] = (),
    kind: str = GRPC,
    **more: object,
) -> Request:
    made = Request(asks(target, ("content-type", kind), *fields, method="POST", version="2"), 0, (1, 1, 1))
    return carry(made, parts, **more)  # type: ignore[arg-type, return-value]  # passed on


def response(
    *parts: Part, fields: Sequence[tuple[str, str]] = (), kind: str = GRPC, status: int = 200, **more: object
) -> Response:
    made = Response(answers(status, ("content-type", kind), *fields, version="2"), 2 * MILLISECOND, (1, 1, 1))
    return carry(made, parts, **more)  # type: ignore[arg-type, return-value]  # passed on


def call(asked: Request | None, answered: Response | None) -> Exchange:
    ends = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 8082))
    made = Exchange(Connection(3, "lo", ends, 0), 1, asked, answered)
    made.id = 17
    return made


def contents(message: Message) -> Iterator[bytes]:
    """The messages in a body."""
    exchange = call(message, None) if isinstance(message, Request) else call(None, message)  # type: ignore[arg-type]
    found = exchange.grpc
    assert found is not None
    side = found.request if isinstance(message, Request) else found.response
    return (bytes(one.content) for one in side.messages)
