"""Messages without a response, made by hand, for what is made of them."""

from __future__ import annotations

from sockfilter.model import NO_BODY, Body, Close, Connection, Endpoint, StreamMessage
from tests.support.exchanges import exchange

ENDS = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))
CLIENT, SERVER = 0, 1
MICROSECOND = 1000


def body(content: bytes, wire_len: int | None = None) -> Body:
    """A body that was kept whole."""
    return Body(len(content) if wire_len is None else wire_len, len(content), content)


def message(protocol: str, end: int, kind: str, content: Body = NO_BODY, **more: object) -> StreamMessage:
    """One that passed six microseconds after the beginning. more: its other attributes."""
    made = StreamMessage(Connection(3, "lo", ENDS, CLIENT), protocol, end, kind, 6 * MICROSECOND, content)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def websocket(content: bytes = b"hello", end: int = SERVER, kind: str = "text", **more: object) -> StreamMessage:
    """A message of a WebSocket that exchange 17 opened."""
    more = {"frames": 1, "compressed": False, "exchange": exchange(), **more}
    return message("websocket", end, kind, body(content), **more)


DEFLATED = message("websocket", SERVER, "text", body(b"a" * 128, 9), frames=2, compressed=True, exchange=exchange())
CLOSE = websocket(b"\x03\xe8done", CLIENT, "close", close=Close(1000, "done"))
EVENT = message("sse", SERVER, "price", body(b"tick 42"), event_id="3", exchange=exchange())
PUBLISH = message(
    "mqtt",
    CLIENT,
    "publish",
    body(b"0123456789abcdef"),
    fields={"topic": "a/b", "qos": 1, "retain": False, "dup": False, "packet_id": 1},
)
DELIVERY = message(
    "amqp", CLIENT, "basic.publish", body(b"hello"), channel=1, fields={"exchange": "logs", "routing_key": ""}
)
MAIL = message(
    "smtp",
    CLIENT,
    "mail",
    fields={"helo": "client.test", "mail_from": "a@example.org", "rcpt": [{"to": "b@example.com", "code": 250}]},
)
