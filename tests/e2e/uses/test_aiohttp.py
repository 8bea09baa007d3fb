"""aiohttp at both ends, in one event loop with the capture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

import sockfilter
from sockfilter.views.aio import AsyncCapture
from tests.e2e.uses.shop import TIMEOUT_S
from tests.support.net import free_port
from tests.support.skips import need_root

PIECES = [b"first ", b"second ", b"third"]


async def greet(request: web.Request) -> web.Response:
    return web.json_response({"hello": request.match_info["name"]})


async def echo(request: web.Request) -> web.Response:
    response = web.Response(body=await request.read(), status=201)
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def pieces(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for piece in PIECES:
        await response.write(piece)
    await response.write_eof()
    return response


async def prices(request: web.Request) -> web.StreamResponse:
    """Events: one with all properties, a comment, one of several lines, one that is not whole."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    if request.query.get("gzip"):
        response.enable_compression(web.ContentCoding.gzip)
    await response.prepare(request)
    for piece in (b"id: 1\nevent: price\ndata: 42\n\n", b": comment\n\ndata: a\r\ndata: b\r\n", b"\r\ndata: cut\n"):
        await response.write(piece)
    await response.write_eof()
    return response


async def chat(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data.upper())
    return socket


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """The address of an application in this loop."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/hello/{name}", greet),
            web.post("/echo", echo),
            web.get("/pieces", pieces),
            web.get("/chat", chat),
            web.get("/prices", prices),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


Talk = Callable[[aiohttp.ClientSession, AsyncCapture], Awaitable[None]]


def talking(talk: Talk) -> None:
    """Runs a conversation between a session and the application, with a capture of it."""
    need_root()

    async def run() -> None:
        async with served() as base:
            port = int(base.rpartition(":")[2])
            async with sockfilter.capture("lo", ports=port) as capture:
                timeout = aiohttp.ClientTimeout(TIMEOUT_S)
                async with aiohttp.ClientSession(base, timeout=timeout) as session:
                    await talk(session, capture)
            assert capture.ledger.is_balanced, capture.ledger.imbalance

    asyncio.run(run())


def test_a_question() -> None:
    async def talk(session: aiohttp.ClientSession, capture: AsyncCapture) -> None:
        async with session.get("/hello/ann", params={"loud": "yes"}) as answer:
            assert await answer.json() == {"hello": "ann"}
        exchange = await capture.one(path="/hello/ann", query={"loud": "yes"}, response_json={"hello": "ann"})
        assert exchange.request.headers["user-agent"].startswith("Python/")
        assert 0 < exchange.timing.total < TIMEOUT_S
        capture.expect(path="/hello/ann").once()

    talking(talk)


def test_chunks_both_ways() -> None:
    async def some() -> AsyncIterator[bytes]:
        for piece in PIECES:
            yield piece

    async def talk(session: aiohttp.ClientSession, capture: AsyncCapture) -> None:
        async with session.post("/echo", data=some()) as answer:
            said = await answer.read()
        async with session.get("/pieces") as answer:
            assert await answer.read() == said == b"".join(PIECES)
        posted = await capture.one(method="POST", request_header={"transfer-encoding": "chunked"})
        assert posted.request.body == posted.response.body == said
        assert posted.response.headers["content-encoding"] == "gzip"
        streamed = await capture.one(path="/pieces", response_body=said)
        assert (streamed.conn_seq, streamed.connection.number) == (2, posted.connection.number)

    talking(talk)


def test_each_as_it_ends() -> None:
    async def talk(session: aiohttp.ClientSession, capture: AsyncCapture) -> None:
        async def ask() -> None:
            for name in ("ann", "bob", "cy"):
                async with session.get(f"/hello/{name}") as answer:
                    await answer.read()

        asking = asyncio.create_task(ask())
        found = []
        async for exchange in capture:
            found.append(exchange.request.path)
            if len(found) == 3:
                break
        await asking
        assert found == ["/hello/ann", "/hello/bob", "/hello/cy"]
        assert [x.request.path async for x in capture.each(timeout=0)] == found
        await capture.clear()
        assert await capture.all() == capture.exchanges == []

    talking(talk)


def test_an_upgrade_is_an_exchange() -> None:
    async def talk(session: aiohttp.ClientSession, capture: AsyncCapture) -> None:
        async with session.ws_connect("/chat") as socket:
            await socket.send_str("hello")
            assert (await socket.receive()).data == "HELLO"
            exchange = await capture.one(path="/chat", status=101, response_header={"upgrade": "websocket"})
        assert exchange.complete
        await capture.flush()
        assert len(capture.exchanges) == 1
        assert [message.text for message in exchange.websocket.messages[:2]] == ["hello", "HELLO"]
        assert await capture.wait_for_message(text="HELLO", timeout=TIMEOUT_S) is exchange.websocket.messages[1]
        assert (await capture.messages(type="close"))[0].close.code == 1000
        capture.expect_message(sender="server", type="text").once()
        assert not capture.ledger.messages.opaque_bytes

    talking(talk)


def test_server_sent_events() -> None:
    async def talk(session: aiohttp.ClientSession, capture: AsyncCapture) -> None:
        for path in ("/prices", "/prices?gzip=1"):
            async with session.get(path) as answer:
                await answer.read()
            exchange = await capture.one(target=path)
            assert [(each.kind, each.event_id, each.text) for each in exchange.events] == [
                ("price", "1", "42"),
                ("message", "1", "a\nb"),
            ]
        assert len(await capture.messages(protocol="sse", type="price")) == 2

    talking(talk)


def test_a_client_that_gives_up() -> None:
    async def talk(session: aiohttp.ClientSession, capture: AsyncCapture) -> None:
        # an open connection that never ends its request
        reader, writer = await asyncio.open_connection("127.0.0.1", session._base_url.port)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await reader.read()
        exchange = await capture.wait_for(path="/echo", complete=False, timeout=TIMEOUT_S)
        assert exchange.request.body == b"half"
        assert "closed" in exchange.problems

    talking(talk)
