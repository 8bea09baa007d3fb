"""The messages between a broker and its clients: JSON objects, some with file descriptors. See docs/broker.md."""

from __future__ import annotations

import json
import socket
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter import errors
from sockfilter.errors import BrokerError, SockfilterError

if TYPE_CHECKING:
    from collections.abc import Sequence

Message: TypeAlias = "dict[str, Any]"

# the default path of a broker's socket
SOCKET = "/run/sockfilter.sock"
# bytes of a message; its largest field, the map of ports, has 8 KiB, and base64 adds a third
MESSAGE_BYTES_MAX = 64 << 10
# "[" and "{" in a message: an answer has one for each of at most 64 interfaces. The decoder recurses at most once for
# each, and Python's limit is 1000 levels
BRACKETS_MAX = 200
# digits of a number: a counter has 64 bits, and int() takes quadratic time
DIGITS_MAX = 20
# descriptors with a message: ring, shared memory, skip hints
DESCRIPTORS = 3
# seconds to wait for an answer: the kernel's verifier takes 0.1 s on an idle machine, and seconds on an emulated one
ANSWER_S = 60.0


def encoded(message: Message) -> bytes:
    """Returns a message in the form that is sent, in ASCII."""
    return json.dumps(message).encode()


def decoded(data: bytes) -> Message:
    """Returns the message in received bytes. Raises BrokerError, and no other error, for invalid bytes."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise BrokerError("a message is too long")
    if data.count(b"[") + data.count(b"{") > BRACKETS_MAX:
        raise BrokerError("a message is nested too deeply")
    try:
        message = json.loads(
            data.decode(),
            parse_int=_whole_number,
            parse_float=_no_number,
            parse_constant=_no_number,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError) as error:
        raise BrokerError("a message is not valid JSON, or has an invalid number or name") from error
    if not isinstance(message, dict):
        raise BrokerError("a message has an unknown form")
    return message


def _whole_number(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise ValueError
    return int(digits)


def _no_number(text: str) -> None:
    raise ValueError


def _distinct(pairs: list[tuple[str, Any]]) -> Message:
    """Returns an object with distinct names: parsers disagree on which of two equal names counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def send(to: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Sends a message. Raises OSError."""
    data = encoded(message)
    if descriptors:
        socket.send_fds(to, [data], list(descriptors))
    else:
        to.sendall(data)


def receive(source: socket.socket) -> tuple[Message, list[int]]:
    """Receives the next message and its descriptors. The caller owns the descriptors.

    Raises:
        OSError: no message arrived.
        BrokerError: the peer has closed the connection, or has sent an invalid message.
    """
    data, descriptors, flags, _ = socket.recv_fds(source, MESSAGE_BYTES_MAX, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    try:
        if not data:
            raise BrokerError("the other end has closed the connection")
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise BrokerError("a message is too long")
        return decoded(data), descriptors
    except BaseException:
        for fd in descriptors:
            socket.close(fd)
        raise


def packed(data: bytes) -> str:
    """Returns bytes as base64, for JSON."""
    return b64encode(data).decode()


def unpacked(text: Any) -> bytes:
    """Decodes base64. Raises BrokerError."""
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise BrokerError("a message is not valid UTF-8") from error


def refusal(error: SockfilterError) -> Message:
    """Returns an error as a message."""
    return {"error": type(error).__name__, "words": str(error)}


def raise_refusal(message: Message) -> None:
    """Raises the error that a message contains, if any."""
    if "error" in message:
        kind = getattr(errors, str(message["error"]), BrokerError)
        is_known = isinstance(kind, type) and issubclass(kind, SockfilterError)
        raise (kind if is_known else BrokerError)(f"the broker says: {message.get('words')}")
