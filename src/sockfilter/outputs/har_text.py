"""The text of a HAR file, entry by entry, and the end that makes it complete at any moment."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from sockfilter.forms.har import har_entry, websocket_message
from sockfilter.forms.json_values import ENCODE

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage

START, END = '{"log":{"version":"1.2","creator":', "\n]}}\n"
BETWEEN = ",\n"
WEBSOCKET = "websocket"
SWITCHED = 101
# Open WebSockets whose entries still grow, and the characters that all of them have together. They are written anew
# with each batch, so they are few: a busy page has ten, and 256 KiB take 0.1 ms.
GROWING_MAX, GROWING_CHARACTERS_MAX = 256, 256 << 10


class _Growing:
    """The entry of an open WebSocket.

    Attributes:
        text: the entry without its messages and its end; empty if the exchange has not ended yet.
        messages: the text of the messages so far.
        size: the characters of all.
        closed_by: the ends that have closed it.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.messages: list[str] = []
        self.size = len(text)
        self.closed_by: set[int] = set()

    def __str__(self) -> str:
        return f'{self.text},"_webSocketMessages":[{",".join(self.messages)}]}}'


class HarText:
    """Makes the text of a HAR file.

    An exchange that opens a WebSocket has its messages in its entry, so the entry belongs to the end until both sides
    have closed the WebSocket, or until there is no room for more. Later messages are counted as missed.

    Args:
        version: the version of sockfilter.
        bodies: whether to write what was kept of bodies.
        show_secrets: whether to show secrets instead of masking them.
        messages: whether messages of WebSockets will come.

    Attributes:
        missed: the number of messages for which there was no room.
    """

    def __init__(
        self, version: str = "", *, bodies: bool = True, show_secrets: bool = False, messages: bool = True
    ) -> None:
        self._bodies = bodies
        self._show_secrets = show_secrets
        self._messages = messages
        creator = ENCODE({"name": "sockfilter", "version": version})
        self._ready = [f'{START}{creator},"entries":[\n']
        self._has_entries = False
        self._growing: OrderedDict[int, _Growing] = OrderedDict()  # by the number of the exchange
        self._size = 0  # characters of all that grow
        self.missed = 0

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        entry = har_entry(exchange, bodies=self._bodies, show_secrets=self._show_secrets)
        if not (self._messages and _opens_websocket(exchange)):
            self._settle(ENCODE(entry))
            return
        text = ENCODE({**entry, "_resourceType": WEBSOCKET})[:-1]
        before = self._growing.pop(exchange.id, None)
        if before is not None:  # the exchange of HTTP/2 ends with its WebSocket
            self._size -= before.size
            before.text = text
            self._settle(str(before))
            return
        self._growing[exchange.id] = _Growing(text)
        self._size += len(text)
        self._make_room()

    def add_message(self, message: StreamMessage) -> None:
        """Adds a message, if it is one of a WebSocket."""
        if message.protocol != WEBSOCKET:
            return  # the messages of other streams are in the body of their exchange
        exchange = message.exchange
        growing = None if exchange is None else self._growing.get(exchange.id)
        if growing is None:
            if exchange is None or exchange.response is None or exchange.response.status == SWITCHED:
                self.missed += 1
                return
            growing = self._growing[exchange.id] = _Growing()
        text = ENCODE(websocket_message(message, bodies=self._bodies, show_secrets=self._show_secrets))
        growing.messages.append(text)
        growing.size += len(text)
        self._size += len(text)
        if message.kind == "close":
            growing.closed_by.add(message.end)
            if len(growing.closed_by) == len(message.connection.ends):
                self._close(exchange.id)
        self._make_room()

    def take(self) -> list[tuple[bytes, bytes]]:
        """Returns the text since the last call, entry by entry, each with the end that makes the file complete."""
        grown = BETWEEN.join(str(growing) for growing in self._growing.values() if growing.text)
        ready, self._ready = self._ready or [""], []
        ends = [f"{BETWEEN if grown and has_entries else ''}{grown}{END}".encode() for has_entries in (False, True)]
        made = []
        for text in ready:
            has_entries = self._has_entries and not text.startswith(START)
            made.append((text.encode(), ends[has_entries]))
        return made

    @property
    def has_more(self) -> bool:
        """Whether something was added since the last take()."""
        return bool(self._ready or self._growing)

    def _settle(self, entry: str) -> None:
        self._ready.append(f"{BETWEEN}{entry}" if self._has_entries else entry)
        self._has_entries = True

    def _close(self, number: int) -> None:
        """Ends an entry that has grown."""
        growing = self._growing.pop(number)
        self._size -= growing.size
        if growing.text:
            self._settle(str(growing))
        else:
            self.missed += len(growing.messages)

    def _make_room(self) -> None:
        while len(self._growing) > GROWING_MAX or (self._growing and self._size > GROWING_CHARACTERS_MAX):
            self._close(next(iter(self._growing)))


def _opens_websocket(exchange: Exchange) -> bool:
    request, response = exchange.request, exchange.response
    if request is None or response is None:
        return False
    if response.status == SWITCHED:
        return response.headers.get("upgrade", "").lower() == WEBSOCKET
    return request.method == "CONNECT" and request.headers.get(":protocol", "").lower() == WEBSOCKET
