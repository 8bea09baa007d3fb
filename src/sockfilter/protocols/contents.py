"""Chooses what reads a body, by its media type: a protocol inside a body has messages of its own.

A new protocol is a row of the table here. If the lane may meet its bodies, its media type must also be in
road/express/heads.c, because the lane passes a body on when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request
    from sockfilter.protocols.interface import ContentReader, Context


class BodyStart(NamedTuple):
    """A body that begins.

    Attributes:
        message: the message with the body.
        request: the request that it answers; itself, if it is a request; None if not known.
        exchange: the exchange of the message; None if not known.
        end: the end that sends the message.
        connection: the connection, as messages refer to it.
    """

    message: Message
    request: Request | None
    exchange: Exchange | None
    end: int
    connection: Connection


MakeReader: TypeAlias = "Callable[[BodyStart, Context], ContentReader | None]"


class ContentRow(NamedTuple):
    """A protocol inside bodies.

    Attributes:
        media: the media type, in lower case, or its beginning up to a "+" or "-".
        make: makes its reader; imports the modules that only this protocol needs. Returns None to leave a body alone.
    """

    media: str
    make: MakeReader


def _events(start: BodyStart, context: Context) -> ContentReader | None:
    from sockfilter.protocols.sse.reader import EventReader

    return EventReader(start.exchange, start.end, start.connection, context)


def _grpc(start: BodyStart, context: Context) -> ContentReader | None:
    from sockfilter.protocols.grpc.reader import read_grpc

    return read_grpc(start.message, context.policy, context.budget)


TABLE = (ContentRow("text/event-stream", _events), ContentRow("application/grpc", _grpc))
MEDIA = tuple(row.media.encode() for row in TABLE)
# characters after which a media type may continue
CONTINUES = ("+", "-")


def reader_of(start: BodyStart, context: Context) -> ContentReader | None:
    """The reader of a body that begins; None if there is no protocol for its media type.

    Args:
        start: the body.
        context: what the reader needs from its capture.
    """
    media = start.message.headers.get("content-type", "").partition(";")[0].strip().lower()
    for row in TABLE:
        if media == row.media or (media.startswith(row.media) and media[len(row.media)] in CONTINUES):
            return row.make(start, context)
    return None
