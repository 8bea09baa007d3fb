"""httpx, both ways."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import httpx

import sockfilter
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import LINES, ORDERS, SLOW_S, TIMEOUT_S, Shop

SEVERAL = 8


def test_a_client_with_a_base(wire: Wire, shop: Shop):
    with httpx.Client(base_url=shop.url(""), headers={"X-Tenant": "acme"}, timeout=TIMEOUT_S) as client:
        client.get("/orders", params={"state": "open"})
        client.put("/orders/7", json={"item": "tea"})
        client.delete("/orders/7")
    found = wire.expect(shop.here, request_header={"x-tenant": "acme"}).in_order(
        {"method": "GET", "path": "/orders", "query": {"state": "open"}},
        {"method": "PUT", "request_json": {"item": "tea"}, "status": 201},
        {"method": "DELETE", "path": "/orders/7", "status": 204},
    )
    assert [exchange.conn_seq for exchange in found] == [1, 2, 3]


def test_a_packed_request(wire: Wire, shop: Shop):
    content = b"the same again " * 100
    httpx.post(
        shop.url("/orders"), content=gzip.compress(content), headers={"Content-Encoding": "gzip"}, timeout=TIMEOUT_S
    )
    exchange = wire.one(shop.here, request_header={"content-encoding": "gzip"}, request_body=content)
    assert exchange.request.body.wire_len < len(content)


def test_a_stream(wire: Wire, shop: Shop):
    with httpx.stream("GET", shop.url("/stream"), timeout=TIMEOUT_S) as answer:
        assert [f"{line}\n".encode() for line in answer.iter_lines()] == LINES
    assert wire.one(shop.here, path="/stream").response.body == b"".join(LINES)


def test_many_at_once_in_a_loop(shop: Shop):
    async def talk() -> None:
        async with (
            sockfilter.capture("lo", ports=shop.port) as capture,
            httpx.AsyncClient(base_url=shop.url(""), timeout=TIMEOUT_S) as client,
        ):
            await asyncio.gather(*(client.get("/slow", params={"n": i}) for i in range(SEVERAL)))
            found = await capture.all(path="/slow", status=200)
            assert {exchange.request.query["n"][0] for exchange in found} == {str(i) for i in range(SEVERAL)}
            assert all(exchange.timing.wait >= SLOW_S for exchange in found)
            # at once, not one after the other
            assert max(x.began_ns for x in found) < min(x.began_ns + x.duration_ns for x in found)
        assert capture.ledger.is_balanced

    asyncio.run(talk())


def test_waiting_while_it_happens(shop: Shop):
    async def talk() -> None:
        async with (
            sockfilter.capture("lo", ports=shop.port) as capture,
            httpx.AsyncClient(base_url=shop.url(""), timeout=TIMEOUT_S) as client,
        ):
            asking = asyncio.create_task(client.get("/slow"))
            exchange = await capture.wait_for(path="/slow", timeout=TIMEOUT_S)
            assert exchange.response.json() == ORDERS
            await asking
            after = await capture.mark()
            await client.get("/packed")
            assert (await after.one()).request.path == "/packed"
            assert await after.first(path="/slow") is None
            assert (await capture.first()).request.path == "/slow"

    asyncio.run(talk())


def test_two_wait_for_the_same(wire_factory: Callable[..., Wire], shop: Shop):
    wire = wire_factory(ports=shop.port)

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        async with httpx.AsyncClient(base_url=shop.url(""), timeout=TIMEOUT_S) as client:
            waiting = [asyncio.create_task(wire.aio.wait_for(path="/orders", timeout=TIMEOUT_S)) for _ in range(2)]
            await asyncio.sleep(0)
            await client.get("/orders")
            begun_s = loop.time()
            first, second = await asyncio.gather(*waiting)
            assert loop.time() - begun_s < TIMEOUT_S / 4
            assert first is second

    asyncio.run(talk())


def test_one_by_one_as_they_end(wire: Wire, shop: Shop):
    async def talk() -> None:
        async with httpx.AsyncClient(base_url=shop.url(""), timeout=TIMEOUT_S) as client:
            for i in range(3):
                await client.get("/orders", params={"n": i})
            found = [x.request.target async for x in wire.aio.each(timeout=0) if x.server.port == shop.port]
        assert found == [f"/orders?n={i}" for i in range(3)]

    asyncio.run(talk())
