"""What the server has agreed to in Sec-WebSocket-Extensions (RFC 6455, 9.1; RFC 7692, 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange

FIELD = "sec-websocket-extensions"
DEFLATE = "permessage-deflate"
# parameters by which an end begins each message with an empty window, in the order of client and server
RESETS = ("client_no_context_takeover", "server_no_context_takeover")


class Extensions(NamedTuple):
    """The extensions of a connection.

    The numbers of window bits are not needed: an inflater with the largest window reads all of them.

    Attributes:
        deflates: whether messages may be compressed.
        keeps_window: for the client and the server, whether the window of a message continues that of the last.
        has_others: whether there are extensions that are not known. Reserved bits may then have any meaning.
    """

    deflates: bool = False
    keeps_window: tuple[bool, bool] = (True, True)
    has_others: bool = False


def extensions_of(exchange: Exchange | None) -> Extensions:
    """The extensions to which the response of an exchange agrees."""
    if exchange is None or exchange.response is None:
        return Extensions(has_others=True)
    names, parameters = [], set()
    for each in ",".join(exchange.response.headers.get_all(FIELD)).split(","):
        name, *said = (part.strip().lower() for part in each.split(";"))
        if not name:
            continue
        if name == DEFLATE and name not in names:
            parameters = {one.partition("=")[0].strip() for one in said}
        names.append(name)
    client, server = (name not in parameters for name in RESETS)
    return Extensions(DEFLATE in names, (client, server), any(name != DEFLATE for name in names))
