"""An exchange that a proxy made while it served another is linked to it: right, or not at all."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

import sockfilter
from tests.support.command import Sniffer
from tests.support.net import free_port
from tests.support.servers import serving
from tests.support.skips import need_tool
from tests.support.topologies import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sockfilter import Exchange

pytestmark = pytest.mark.usefixtures("root")

HOST = "127.0.0.1"
SERVERS = """
daemon off; master_process off; pid {work}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {work}/1; proxy_temp_path {work}/2; fastcgi_temp_path {work}/3;
  uwsgi_temp_path {work}/4; scgi_temp_path {work}/5;
  {http}
}}
"""
UPSTREAM = 'server {{ listen {first}; return 200 "one\\n"; }} server {{ listen {second}; return 200 "two\\n"; }}'
PROXY = """
  upstream both {{ server 127.0.0.1:{first}; server 127.0.0.1:{second}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://both; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""


class Proxied(NamedTuple):
    port: int
    upstreams: tuple[int, int]

    def split(self, exchanges: list[Exchange]) -> tuple[list[Exchange], list[Exchange]]:
        """Those of the proxy's clients, and those that the proxy made."""
        outer = [one for one in exchanges if one.server.port == self.port]
        return outer, [one for one in exchanges if one.server.port in self.upstreams]


@contextmanager
def proxied(folder: Path) -> Iterator[Proxied]:
    """An nginx that is a proxy for two servers of another nginx."""
    program = need_tool("nginx")
    port, first, second = (free_port() for _ in range(3))
    with ExitStack() as stack:
        for name, waits_at, text in (
            ("upstream", first, UPSTREAM.format(first=first, second=second)),
            ("proxy", port, PROXY.format(first=first, second=second, port=port)),
        ):
            work = folder / name
            work.mkdir()
            (work / "conf").write_text(SERVERS.format(work=work, http=text))
            command = [program, "-e", "stderr", "-p", str(work), "-c", str(work / "conf")]
            stack.enter_context(serving(name, command, LOOPBACK, HOST, waits_at))
        yield Proxied(port, (first, second))


def ask(port: int, targets: list[str], fields: dict[str, str] | None = None) -> None:
    client = http.client.HTTPConnection(HOST, port, timeout=20)
    for target in targets:
        with_id = {name: f"{value}{target}" for name, value in (fields or {}).items()}
        client.request("GET", target, headers=with_id)
        assert client.getresponse().read() in (b"one\n", b"two\n")
    client.close()


def ask_from_many(port: int, fields: dict[str, str] | None = None) -> None:
    askers = [
        threading.Thread(target=ask, args=(port, [f"/{number}/{n}" for n in range(25)], fields)) for number in range(4)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()


def assert_right(inner: list[Exchange]) -> int:
    """Checks each link by the target, which the proxy passes on. Returns how many there are."""
    for one in inner:
        if one.parent is not None:
            assert one.request
            assert one.parent.exchange.request
            assert one.parent.exchange.request.target == one.request.target
    return sum(one.parent is not None for one in inner)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Proxied]:
    with proxied(tmp_path) as running:
        yield running


@pytest.fixture
def capture(site: Proxied) -> Iterator[sockfilter.Capture]:
    with sockfilter.capture("lo", ports=[site.port, *site.upstreams], processes=True) as made:
        yield made


def linked(capture: sockfilter.Capture, site: Proxied) -> tuple[list[Exchange], list[Exchange]]:
    capture.flush()
    sockfilter.link(capture.exchanges)
    outer, inner = site.split(capture.exchanges)
    assert len(outer) == len(inner)
    assert not any(one.parent for one in outer)
    return outer, inner


def test_one_after_the_other(capture: sockfilter.Capture, site: Proxied) -> None:
    ask(site.port, [f"/{n}" for n in range(40)])
    _, inner = linked(capture, site)
    assert {one.server.port for one in inner} == set(site.upstreams)
    assert assert_right(inner) == 40
    assert {one.parent.why for one in inner if one.parent} == {"process"}


def test_several_at_a_time(capture: sockfilter.Capture, site: Proxied) -> None:
    """Of several that the process serves, none is taken."""
    ask_from_many(site.port)
    _, inner = linked(capture, site)
    assert len(inner) == 100
    assert_right(inner)


def test_several_at_a_time_with_a_request_id(capture: sockfilter.Capture, site: Proxied) -> None:
    ask_from_many(site.port, {"X-Request-Id": "id"})
    _, inner = linked(capture, site)
    assert assert_right(inner) == 100
    assert {one.parent.why for one in inner if one.parent} == {"trace"}


def test_pipelined(capture: sockfilter.Capture, site: Proxied) -> None:
    with socket.create_connection((HOST, site.port), timeout=20) as client:
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(10)))
        got = b""
        while got.count(b"HTTP/1.1 200") < 10:
            got += client.recv(1 << 16)
    _, inner = linked(capture, site)
    assert len(inner) == 10
    assert_right(inner)


def test_the_command_prints_trees(site: Proxied) -> None:
    ports = ",".join(map(str, (site.port, *site.upstreams)))
    for form in ("text", "jsonl"):
        with Sniffer("-i", "lo", "--ports", ports, "--tree", "--format", form) as sniffer:
            ask(site.port, ["/a", "/b"])
            done = sniffer.end()
        if form == "text":
            assert [line.startswith("`- ") for line in done.lines] == [False, True] * 2
            assert all(line.endswith("(by process)") for line in done.lines[1::2])
        else:
            outer, inner, *_ = done.json
            assert "parent" not in outer
            assert inner["parent"] == {"id": outer["id"], "why": "process"}
