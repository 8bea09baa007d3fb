"""HTTP/2 between real peers: each exchange is what both of them say it was."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import sockfilter
from tests.support import servers
from tests.support.net import free_port
from tests.support.skips import Skip, need_tool, skip
from tests.support.topologies import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Exchange, Message

pytestmark = pytest.mark.usefixtures("root")

SUPPORT = Path(servers.__file__).parent
HOST = "127.0.0.1"
WAIT_S = 60


@pytest.fixture(scope="module")
def node() -> Iterator[servers.Site]:
    port = free_port()
    command = [need_tool("node"), str(SUPPORT / "http2_site.js"), HOST, str(port)]
    with servers.serving("node", command, LOOPBACK, HOST, port) as running:
        yield running


@pytest.fixture(scope="module")
def hypercorn() -> Iterator[servers.Site]:
    port = free_port()
    words = ["-m", "hypercorn", "-b", f"{HOST}:{port}", "tests.support.http2_app:app"]
    with servers.serving("hypercorn", [sys.executable, *words], LOOPBACK, HOST, port) as running:
        yield running


@contextmanager
def captured(site: servers.Site) -> Iterator[list[Exchange]]:
    """The exchanges, when all of them have passed."""
    exchanges: list[Exchange] = []
    with sockfilter.capture("lo", ports=site.port, body=None) as capture:
        yield exchanges
        capture.flush()
        exchanges += capture.exchanges


def need_curl() -> str:
    program = need_tool("curl")
    about = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    if "HTTP2" not in about:
        skip(Skip.TOOL, "curl with HTTP/2")
    return program


def curl(*words: str) -> tuple[int, str, list[list[str]], str]:
    """What curl says of one response: its status, version, fields and body."""
    command = [need_curl(), "-s", "-S", "-D", "/dev/stderr", "-w", "%{http_code} %{http_version}", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=WAIT_S)
    body, end, version = done.stdout.rpartition(" ")
    head = done.stderr.rstrip("\r\n").split("\n\n")[-1].split("\r\n\r\n")[-1].splitlines()[1:]
    fields = [line.split(": ", 1) for line in head]
    assert end
    return int(body[-3:]), version, fields, body[:-3]


def pairs(message: Message | None) -> list[list[str]]:
    """The fields of a message, in their order."""
    assert message is not None
    return [list(field) for field in message.headers]


def check_request(exchange: Exchange, heard: dict[str, Any]) -> None:
    """The request is what the server heard."""
    request = exchange.request
    assert request is not None
    for name in ("method", "target", "authority", "scheme"):
        value = request.head.scheme if name == "scheme" else getattr(request, name)
        assert heard.get(name) in (None, value)
    assert heard.get("stream") in (None, exchange.stream)
    assert request.body.decode() == heard["body"]


@pytest.mark.parametrize("server", ["node", "hypercorn"])
@pytest.mark.parametrize("words", [[], ["-d", "some=body"], ["-d", "x" * 100_000]], ids=["GET", "POST", "100 KB"])
def test_curl_by_prior_knowledge(request: pytest.FixtureRequest, server: str, words: list[str]):
    site = request.getfixturevalue(server)
    with captured(site) as exchanges:
        sent = ["--http2-prior-knowledge", "-H", "X-Trace: 17", *words, site.url("/items?id=3")]
        status, version, fields, body = curl(*sent)
    (exchange,) = exchanges
    heard = json.loads(body)
    check_request(exchange, heard)
    assert (version, exchange.request.version, exchange.response.version) == ("2", "2", "2")
    assert pairs(exchange.request) == [field for field in heard["fields"] if field[0] != "host"]
    assert (exchange.response.status, pairs(exchange.response)) == (status, fields)
    assert (exchange.response.body.decode(), exchange.complete, exchange.problems) == (body, True, ())


def test_curl_by_upgrade(hypercorn: servers.Site):
    with captured(hypercorn) as exchanges:
        status, version, fields, body = curl("--http2", hypercorn.url("/first"), hypercorn.url("/second"))
    upgraded = exchanges[0]
    assert version == "2"
    assert [message.status for message in upgraded.informational] == [101]
    assert (upgraded.request.target, upgraded.request.version, upgraded.stream) == ("/first", "1.1", 1)
    assert (upgraded.response.status, upgraded.response.version) == (200, "2")
    assert [exchange.stream for exchange in exchanges] == [1, 3]
    assert (exchanges[1].response.status, pairs(exchanges[1].response)) == (status, fields)
    assert all(exchange.complete and not exchange.problems for exchange in exchanges)
    assert json.loads(exchanges[1].response.body)["target"] == "/second"
    assert body.endswith(exchanges[1].response.body.decode())


@pytest.mark.parametrize("server", ["node", "hypercorn"])
def test_httpx(request: pytest.FixtureRequest, server: str):
    site = request.getfixturevalue(server)
    with captured(site) as exchanges, httpx.Client(http1=False, http2=True) as client:
        replies = [client.post(site.url(f"/{number}?q=a"), content=f"body {number}") for number in range(20)]
    assert len(exchanges) == len(replies)
    for exchange, reply in zip(exchanges, replies, strict=True):
        assert reply.http_version == "HTTP/2"
        check_request(exchange, reply.json())
        assert (exchange.response.status, exchange.response.body) == (reply.status_code, reply.content)
        assert pairs(exchange.response) == [list(field) for field in reply.headers.multi_items()]
        assert (exchange.complete, exchange.problems) == (True, ())


def test_node_at_both_ends(node: servers.Site):
    """Streams at the same time: bodies, padding, long heads, trailers, informational and pushed responses, resets."""
    asks: list[dict[str, Any]] = [{"path": f"/{number}", "body": "b" * (number * 900)} for number in range(20)]
    asks += [{"path": path} for path in ("/none", "/long", "/early", "/trailers", "/push", "/reset")]
    asks += [{"path": "/sums", "body": "x", "trailers": {"x-sum": "1"}}]
    program = need_tool("node")
    command = [program, str(SUPPORT / "http2_client.js"), f"http://{node.authority}", *map(json.dumps, asks)]
    with captured(node) as exchanges:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=WAIT_S)
    came = {line["stream"]: line for line in map(json.loads, done.stdout.splitlines())}
    found = {exchange.stream: exchange for exchange in exchanges}
    assert sorted(found) == sorted(came)
    for stream, reply in came.items():
        exchange = found[stream]
        assert exchange.request.target == reply["path"]
        if reply["path"] == "/reset":
            assert (exchange.response, exchange.reset.name) == (None, "ENHANCE_YOUR_CALM")
            assert exchange.reset.code == reply["code"]
            continue
        assert (exchange.response.status, exchange.response.body.decode()) == (reply["status"], reply["body"])
        assert (exchange.complete, exchange.problems) == (True, ())
        if reply.get("pushed"):
            assert (exchange.is_pushed, exchange.response.headers["x-is"]) == (True, "pushed")
            continue
        check_request(exchange, json.loads(reply["body"]))
        assert pairs(exchange.request) == json.loads(reply["body"])["fields"]
        assert [message.status for message in exchange.informational] == reply["early"]
        assert len(exchange.response.headers.get("x-long", "")) == reply["long"]
        assert dict(exchange.response.trailers) == (reply["trailers"] or {})
        assert dict(exchange.request.trailers) == (json.loads(reply["body"])["trailers"] or {})


def test_a_stream_that_the_client_cancels(node: servers.Site):
    command = [need_tool("node"), str(SUPPORT / "http2_client.js"), f"http://{node.authority}"]
    with captured(node) as exchanges:
        subprocess.run([*command, json.dumps({"path": "/long", "cancel": True})], check=True, timeout=WAIT_S)
    (exchange,) = exchanges
    assert exchange.response.status == 200
    # the whole response may have passed before the client's RST_STREAM
    assert exchange.reset is None or (exchange.reset.name, exchange.reset.end) == (
        "CANCEL",
        exchange.connection.client_end,
    )
