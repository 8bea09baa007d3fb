"""A FastAPI application under test: under uvicorn in a thread, and in a process of its own."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import fastapi
import httpx
import pytest
import uvicorn
from fastapi.responses import StreamingResponse

import sockfilter
from sockfilter import Where
from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import TIMEOUT_S, Shop
from tests.support.net import free_port
from tests.support.servers import serving
from tests.support.topologies import LOOPBACK

ELSEWHERE = """
import fastapi, httpx, os

app = fastapi.FastAPI()

@app.get("/items/{number}")
async def item(number: int, loud: bool = False):
    async with httpx.AsyncClient(base_url=os.environ["SHOP"]) as client:
        orders = (await client.get("/orders", params={"item": number})).json()
    return {"number": number, "loud": loud, "orders": len(orders)}
"""


def application(shop: Shop) -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.post("/items", status_code=201)
    async def add(item: dict[str, str], background: fastapi.BackgroundTasks) -> dict[str, str]:
        background.add_task(tell)
        return item

    async def tell() -> None:
        async with httpx.AsyncClient(base_url=shop.url(""), timeout=TIMEOUT_S) as client:
            await client.patch("/orders/7", json={"told": True})

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def some() -> AsyncIterator[str]:
            for i in range(3):
                yield f"data: {i}\n\n"

        return StreamingResponse(some(), media_type="text/event-stream")

    return app


@contextmanager
def running(app: fastapi.FastAPI) -> Iterator[str]:
    """The address of an application under uvicorn, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def base(shop: Shop) -> Iterator[str]:
    with running(application(shop)) as made:
        yield made


@pytest.fixture
def app(base: str) -> Where:
    return Where(port=int(base.rpartition(":")[2]))


def test_an_item_is_added_and_the_shop_told_behind_it(wire: Wire, base: str, app: Where, shop: Shop):
    httpx.post(f"{base}/items", json={"name": "tea"}, timeout=TIMEOUT_S)
    told = wire.wait_for(shop.here, method="PATCH", path="/orders/7", request_json={"told": True})
    added = wire.one(app, path="/items", request_json={"name": "tea"}, response_json={"name": "tea"}, status=201)
    assert told.began_ns > added.began_ns
    assert added.response.headers["server"] == "uvicorn"


def test_what_is_no_item_is_refused(wire: Wire, base: str, app: Where, shop: Shop):
    httpx.post(f"{base}/items", content=b"{", timeout=TIMEOUT_S)
    refused = wire.one(app, status=422, response_json=lambda content: content["detail"])
    assert refused.request.body == b"{"
    wire.none(shop.here)


def test_events_are_streamed(wire: Wire, base: str, app: Where):
    with httpx.stream("GET", f"{base}/events", timeout=TIMEOUT_S) as answer:
        lines = list(answer.iter_lines())
    exchange = wire.one(app, path="/events", response_header={"transfer-encoding": "chunked"})
    assert exchange.response.text.split("\n")[:-1] == lines


def test_in_the_same_loop_as_its_client(shop: Shop):
    """Server, client and capture share one loop, and nobody blocks it."""

    async def talk() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            server = uvicorn.Server(uvicorn.Config(application(shop), log_level="warning", lifespan="off"))
            async with sockfilter.capture("lo", ports=[port, shop.port]) as capture:
                serving_it = asyncio.create_task(server.serve([listening]))
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as client:
                    await client.post("/items", json={"name": "tea"})
                await capture.wait_for(port=shop.port, method="PATCH", timeout=TIMEOUT_S)
                await capture.one(port=port, path="/items", status=201)
                server.should_exit = True
                await serving_it

    asyncio.run(talk())


def test_in_a_process_of_its_own(wire: Wire, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE)
    monkeypatch.setenv("SHOP", shop.url(""))
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(tmp_path), "--port", str(port), "elsewhere:app"]
    with serving("uvicorn", command, LOOPBACK, "127.0.0.1", port) as site:
        httpx.get(site.url("/items/3?loud=1"), timeout=TIMEOUT_S)
        asked, passed_on = wire.expect().in_order(
            Where(port=port, path="/items/3", query={"loud": "1"}),
            Where(shop.here, path="/orders", query={"item": "3"}),
        )
    assert asked.response.json() == {"number": 3, "loud": True, "orders": 2}
    assert asked.timing.total > passed_on.timing.total
