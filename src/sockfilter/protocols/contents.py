"""Chooses what reads a body, by its media type: a protocol inside a body has messages of its own.

A new protocol is a row of the table here. If the short road may meet its bodies, its media type must also be in
road/express/heads.c, because the short road passes a body on when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request
    from sockfilter.protocols.interface import ContentReader, Context

# Makes a reader of the content of a message. Its arguments are those of reader_of().
MakeReader: TypeAlias = (
    "Callable[[Message, Request | None, Exchange | None, int, Connection, Context], ContentReader | None]"
)


class ContentRow(NamedTuple):
    """A protocol inside bodies.

    Attributes:
        media: the media type, in lower case, or its beginning up to a "+" or "-".
        make: makes its reader; imports the modules that only this protocol needs. Returns None to leave a body alone.
    """

    media: str
    make: MakeReader


def _events(
    message: Message,
    request: Request | None,
    exchange: Exchange | None,
    end: int,
    connection: Connection,
    context: Context,
) -> ContentReader | None:
    from sockfilter.protocols.sse.reader import EventReader

    return EventReader(exchange, end, connection, context)


TABLE = (ContentRow("text/event-stream", _events),)
MEDIA = tuple(row.media.encode() for row in TABLE)
# characters after which a media type may continue
CONTINUES = ("+", "-")


def reader_of(
    message: Message,
    request: Request | None,
    exchange: Exchange | None,
    end: int,
    connection: Connection,
    context: Context,
) -> ContentReader | None:
    """The reader of a body that begins; None if there is no protocol for its media type.

    Args:
        message: the message with the body.
        request: the request that it answers; itself, if it is a request; None if not known.
        exchange: the exchange of the message; None if not known.
        end: the end that sends the message.
        connection: the connection, as messages refer to it.
        context: what the reader needs from its capture.
    """
    media = message.headers.get("content-type", "").partition(";")[0].strip().lower()
    for row in TABLE:
        if media == row.media or (media.startswith(row.media) and media[len(row.media)] in CONTINUES):
            return row.make(message, request, exchange, end, connection, context)
    return None
