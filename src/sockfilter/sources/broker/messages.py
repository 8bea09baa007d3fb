"""What a broker and its clients say to each other: JSON, a message each, with descriptors beside it."""

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

# where a broker listens, if nobody says otherwise
SOCKET = "/run/sockfilter.sock"
# bytes of a message: the map of ports has 8 KiB, a third more in base64
MESSAGE_BYTES_MAX = 64 << 10
# descriptors beside a message: ring, shared memory, orders
DESCRIPTORS = 3
# seconds for an answer: the kernel's verifier takes a tenth on a quiet machine, and some on an emulated one
ANSWER_S = 60.0


def send(to: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Sends a message. Raises OSError."""
    data = json.dumps(message).encode()
    if descriptors:
        socket.send_fds(to, [data], list(descriptors))
    else:
        to.sendall(data)


def receive(source: socket.socket) -> tuple[Message, list[int]]:
    """The next message, and the descriptors beside it, which are the caller's from then on.

    Raises:
        OSError: nothing came.
        BrokerError: the other end has gone, or said what is no message.
    """
    data, descriptors, flags, _ = socket.recv_fds(source, MESSAGE_BYTES_MAX, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    try:
        if not data:
            raise BrokerError("the other end has gone")
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise BrokerError("a message is longer than any should be")
        message = json.loads(data)
        if not isinstance(message, dict):
            raise BrokerError("a message is of no known form")
    except ValueError as error:
        _close(descriptors)
        raise BrokerError("a message is no JSON") from error
    except BrokerError:
        _close(descriptors)
        raise
    return message, descriptors


def _close(descriptors: list[int]) -> None:
    for fd in descriptors:
        socket.close(fd)


def packed(data: bytes) -> str:
    """Bytes as JSON has them."""
    return b64encode(data).decode()


def unpacked(text: Any) -> bytes:
    """The bytes. Raises BrokerError."""
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError) as error:
        raise BrokerError("a message has bytes that are none") from error


def refusal(error: SockfilterError) -> Message:
    """An error as a message."""
    return {"error": type(error).__name__, "words": str(error)}


def raise_refusal(message: Message) -> None:
    """Raises the error that a message is, if it is one."""
    if "error" in message:
        kind = getattr(errors, str(message["error"]), BrokerError)
        is_known = isinstance(kind, type) and issubclass(kind, SockfilterError)
        raise (kind if is_known else BrokerError)(f"the broker says: {message.get('words')}")
