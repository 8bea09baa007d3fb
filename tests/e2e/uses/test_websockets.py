"""websockets at both ends: what is told is what both ends say, with and without compression."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

import sockfilter
from sockfilter.errors import ExpectationFailed
from tests.e2e.uses.shop import TIMEOUT_S
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.testing.wire import Wire

# as many, of any kind and size
MESSAGES = 60


def answer(connection: ServerConnection) -> None:
    """Greets, and says everything twice: whole, and in fragments."""
    connection.send("ready")
    for message in connection:
        connection.send(message)
        half = len(message) // 2
        connection.send(iter([message[:half], message[half:]]))


@contextmanager
def served(**options: object) -> Iterator[str]:
    with serve(answer, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]  # passed on
        assert isinstance(server, Server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/chat"
        finally:
            server.shutdown()
            thread.join(TIMEOUT_S)


def some_messages() -> list[str | bytes]:
    some = random.Random(7)
    texts = [
        " ".join(some.choices(["tick", "héllo", "{}", "price"], k=some.choice([0, 1, 30, 400, 9000])))
        for _ in range(MESSAGES)
    ]
    return [text if some.random() < 0.7 else some.randbytes(len(text)) for text in texts]


@pytest.mark.parametrize(
    "options",
    [
        {"compression": None},
        {},
        {"client_no_context_takeover": True, "server_no_context_takeover": True},
        {"server_max_window_bits": 9, "client_max_window_bits": 9},
        {"client_no_context_takeover": True, "server_max_window_bits": 12},
    ],
    ids=["plain", "deflate", "no takeover", "small windows", "mixed"],
)
def test_each_message_of_both_ends(wire: Wire, options: dict[str, object]):
    need_root()
    ours: dict[str, object] = {"compression": None}
    theirs: dict[str, object] = {"compression": None}
    if "compression" not in options:
        ours["extensions"] = [ClientPerMessageDeflateFactory(**options)]  # type: ignore[arg-type]
        theirs["extensions"] = [ServerPerMessageDeflateFactory(**options)]  # type: ignore[arg-type]
    messages, received = some_messages(), []
    with served(**theirs) as url:
        with connect(url, **ours) as client:  # type: ignore[arg-type]
            received.append(client.recv())
            for message in messages:
                client.send(message)
                received += [client.recv(), client.recv()]
            client.ping(b"how are you").wait(TIMEOUT_S)
            client.close(4000, "that is all")
        exchange = wire.one(path="/chat", status=101)
        found = exchange.websocket.messages
    assert not any(message.problems for message in found)
    data = [message for message in found if message.kind in ("text", "binary")]
    for sent, of_end in ((messages, "client"), (received, "server")):
        by_end = [message for message in data if message.sender == of_end]
        for message, said in zip(by_end, sent, strict=True):
            content = said.encode() if isinstance(said, str) else said
            assert message.kind == ("text" if isinstance(said, str) else "binary")
            assert message.body == content[: 16 << 10]
            assert message.body.length == len(content)
    assert {message.compressed for message in data} == {"compression" not in options}
    assert exchange.websocket.close == (4000, "that is all")
    wire.expect_message(type="ping", sender="client", body=b"how are you").once()
    wire.expect_message(type="pong", sender="server", body=b"how are you").once()


def test_in_a_test_of_ones_own(wire: Wire):
    need_root()
    with served() as url, connect(url) as client:
        ready = wire.expect_message(protocol="websocket", sender="server", text="ready", within=TIMEOUT_S)
        assert ready.exchange is wire.one(path="/chat")
        client.send('{"op": "buy", "count": 3}')
        client.recv()
        wire.expect_message(sender="client", json={"op": "buy", "count": 3}).once()
        wire.expect_message(text="sell").never()
        with pytest.raises(ExpectationFailed, match=r"WS < text 5 B .* ready"):
            wire.expect_message(text="steady", within=0.01)
        assert [message.text for message in wire.messages(sender="server")][:2] == [
            "ready",
            '{"op": "buy", "count": 3}',
        ]


def test_through_system_calls():
    need_root()
    with served() as url, sockfilter.capture(via="syscalls", pid=None) as capture, connect(url) as client:
        client.send("hello")
        client.recv()
        capture.expect_message(sender="client", text="hello").once()
