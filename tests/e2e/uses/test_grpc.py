"""gRPC by grpcio at both ends, and gRPC-Web by aiohttp: each call is what both applications said."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from typing import Any

import pytest

import sockfilter
from sockfilter import Exchange
from tests.support.documents import ROOT, blocks
from tests.support.grpc import TRAILERS, WEB, WEB_TEXT, frame, in_pieces, trailers
from tests.support.net import free_port
from tests.support.skips import need_package, need_root

PEERS_S = 60
CALL = "x-call"
CANCELLED, DEADLINE_EXCEEDED = 1, 4
CANCEL = 8  # RST_STREAM, as the client of both sends it


class Seen:
    """What the peers said, and the exchanges of the same calls."""

    def __init__(self, said: dict[str, Any], exchanges: list[Exchange], text: str) -> None:
        self.client, self.server = said["client"], said["server"]
        self.text = text
        self.exchanges = {
            exchange.request.headers[CALL]: exchange for exchange in exchanges if exchange.request is not None
        }


@pytest.fixture(scope="module")
def seen() -> Seen:
    need_root()
    need_package("grpc")
    port = free_port()
    command = [sys.executable, "-m", "tests.support.grpc_peers", str(port)]
    with sockfilter.capture("lo", ports=port, body=None) as capture:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PEERS_S, check=True)
        capture.flush()
        exchanges = list(capture.exchanges)
    assert capture.ledger.is_balanced, capture.ledger.imbalance
    return Seen(json.loads(done.stdout), exchanges, done.stderr)


def contents(side: Any) -> list[str]:
    return [base64.b64encode(message.content).decode() for message in side.messages]


def is_cut_short(call: dict[str, Any]) -> bool:
    return call["status"] in (CANCELLED, DEADLINE_EXCEEDED)


def test_each_call_is_an_exchange(seen):
    assert list(seen.exchanges) == list(seen.client)
    for number, call in seen.client.items():
        found = seen.exchanges[number].grpc
        assert (found.service, found.method, found.web) == ("shop.v1.Cart", call["method"], False)


def test_each_message_is_what_both_sides_said(seen):
    for number, call in seen.client.items():
        found, served = seen.exchanges[number].grpc, seen.server.get(number)
        assert contents(found.request) == call["sent"]
        assert found.request.count == len(call["sent"])
        assert served is None or contents(found.request) == served["received"]
        answers = contents(found.response)
        assert answers == call["received"] or is_cut_short(call)
        assert served is None or answers == served["sent"][: len(answers)]
        assert answers[: len(call["received"])] == call["received"]


def test_each_status_is_what_the_client_saw(seen):
    for number, call in seen.client.items():
        exchange = seen.exchanges[number]
        found = exchange.grpc
        if found.status is None:  # the client did not wait for one
            assert is_cut_short(call)
            assert exchange.reset.code == CANCEL
            assert found.message is None
        else:
            assert (found.status, found.message) == (call["status"], call["details"])
            assert [[n, _text(v)] for n, v in found.trailing_metadata] == call["trailing"]
    assert seen.exchanges["7"].grpc.status_name == "NOT_FOUND"
    assert seen.exchanges["15"].grpc.status is None


def _text(value: str | bytes) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def test_metadata(seen):
    for number, served in seen.server.items():
        found = [[name, _text(value)] for name, value in seen.exchanges[number].grpc.metadata]
        assert found == [pair for pair in served["metadata"] if pair[0] != "user-agent"]
    assert ("x-first", "a") in seen.exchanges["1"].grpc.initial_metadata


def test_compression(seen):
    for number, call in seen.client.items():
        for message in seen.exchanges[number].grpc.request.messages:
            assert message.compressed or not call["compressed"] or message.length < 100
            assert message.length == len(message.content)
            assert not message.compressed or message.wire_len < message.length


def test_times_are_in_order(seen):
    for exchange in seen.exchanges.values():
        call = exchange.grpc
        for side in (call.request, call.response):
            times = [message.time for message in side.messages]
            assert times == sorted(times)
            assert not times or times[0] == side.first_message >= 0
            assert (side.max_gap is None) is (len(times) < 2)
        assert exchange.complete or exchange.problems


def test_expectations_of_calls():
    need_root()
    need_package("grpc")
    port = free_port()
    with sockfilter.capture("lo", ports=port) as capture:
        subprocess.run([sys.executable, "-m", "tests.support.grpc_peers", str(port)], check=True, capture_output=True)
        capture.expect(grpc="shop.v1.Cart/Get", grpc_status="NOT_FOUND").once()
        capture.expect(grpc="shop.v1.Cart/Nothing", grpc_status=12).once()
        capture.none(grpc="shop.v1.Cart", grpc_status="UNAUTHENTICATED")
        capture.expect(grpc="shop.v1.Cart/Add", grpc_status=0).times(2)
        with pytest.raises(sockfilter.ExpectationFailed, match=r"grpc_status: expected 'INTERNAL', found '\w+'"):
            capture.one(grpc_status="INTERNAL", grpc="shop.v1.Cart/Get")


def test_the_page_of_the_documentation():
    need_root()
    need_package("grpc")
    port = free_port()
    command = [sys.executable, "-m", "tests.support.grpc_peers", str(port), "documents"]
    (code,) = [block.text for block in blocks(ROOT / "docs/grpc.md") if block.kind == "python"]
    exec(
        compile(code.replace("8082", str(port)), "docs/grpc.md", "exec"),
        {"call_the_service": lambda: subprocess.run(command, check=True, capture_output=True, timeout=PEERS_S)},
    )


ANSWERS = [frame(b"one"), frame(b""), frame(b"three" * 2000), trailers("grpc-status: 5", "grpc-message: it%20is so")]


@pytest.mark.parametrize("kind", [WEB, WEB_TEXT])
def test_the_web_form(kind):
    need_root()
    from aiohttp import ClientSession, web

    async def answer(request: web.Request) -> web.StreamResponse:
        assert await request.read() == asked
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        for piece in ANSWERS:
            await response.write(coded(piece))
        await response.write_eof()
        return response

    def coded(data: bytes) -> bytes:
        return in_pieces(data, 1000) if kind == WEB_TEXT else data

    asked = coded(frame(b"question"))

    async def run() -> Exchange:
        app = web.Application()
        app.add_routes([web.post("/shop.v1.Cart/Web", answer)])
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with sockfilter.capture("lo", ports=port, body=None) as capture:
            async with ClientSession() as session:
                url = f"http://127.0.0.1:{port}/shop.v1.Cart/Web"
                async with session.post(url, data=asked, headers={"Content-Type": kind}) as response:
                    assert await response.read() == b"".join(map(coded, ANSWERS))
            found = await capture.one(grpc="shop.v1.Cart/Web", grpc_status="NOT_FOUND")
        await runner.cleanup()
        return found

    call = asyncio.run(run()).grpc
    assert (call.web, call.message) == (True, "it is so")
    assert [bytes(message.content) for message in call.request.messages] == [b"question"]
    assert [bytes(message.content) for message in call.response.messages] == [b"one", b"", b"three" * 2000]
    assert ANSWERS[-1][0] == TRAILERS
