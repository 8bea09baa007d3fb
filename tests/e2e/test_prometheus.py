"""--prometheus with real servers and clients, read by curl's eyes, by promtool, and by a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.support.command import WAIT_S, Sniffer, run
from tests.support.net import free_port, namespace
from tests.support.rights import without_rights
from tests.support.servers import serving
from tests.support.skips import need_package, need_root, need_tool
from tests.support.topologies import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "127.0.0.1"
BETWEEN_SCRAPES_S = 0.25
ASKED = {("GET", "/items/{id}", "200"): 5, ("GET", "/events", "200"): 1, ("POST", "/fail", "500"): 2}
# queries of the dashboard that are empty as long as nothing is lost
MAY_BE_EMPTY = ("sum by (reason)",)


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/hang":
            self.server.held.wait(WAIT_S)  # type: ignore[attr-defined]
        body = b"data: tick\n\n" if self.path == "/events" else b"hello"
        self._answer(200, body, "text/event-stream" if self.path == "/events" else "text/plain")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(500, b"no\n", "text/plain")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def shop() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer((HOST, 0), Shop)
    server.held = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.held.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()


def ask(port: int) -> None:
    """What ASKED says, on one connection."""
    with closing(HTTPConnection(HOST, port, timeout=WAIT_S)) as connection:
        for (method, route, _), count in ASKED.items():
            for number in range(count):
                connection.request(method, route.replace("{id}", str(number)), b"abc" if method == "POST" else None)
                connection.getresponse().read()


def get(port: int, path: str, **fields: str) -> tuple[int, str, str]:
    """The status, the Content-Type and the text."""
    with closing(HTTPConnection(HOST, port, timeout=WAIT_S)) as connection:
        connection.request("GET", path, headers=fields)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()


def place(sniffer: Sniffer) -> int:
    found = re.search(r"metrics are at http://127.0.0.1:(\d+)/metrics", sniffer.said())
    assert found
    return int(found[1])


class Scrape(NamedTuple):
    """What one scrape has."""

    samples: list[Any]

    def sum(self, name: str, **labels: str) -> float:
        return sum(one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items())


class Captured(NamedTuple):
    """A capture that has seen ASKED, and calls of gRPC."""

    sniffer: Sniffer
    server: ThreadingHTTPServer
    port: int
    metrics: int

    def scrape(self) -> Scrape:
        return Scrape([each for one in plain(get(self.metrics, "/metrics")[2]) for each in one.samples])


@pytest.fixture(scope="module")
def captured() -> Iterator[Captured]:
    need_root()
    need_package("grpc")
    calls = free_port()
    with shop() as server:
        port = server.server_address[1]
        with Sniffer("-i", "lo", "--ports", f"{port},{calls}", "--prometheus", "0") as sniffer:
            ask(port)
            command = [sys.executable, "-m", "tests.support.grpc_peers", str(calls), "documents"]
            subprocess.run(command, check=True, capture_output=True, timeout=WAIT_S)
            yield Captured(sniffer, server, port, place(sniffer))


def test_a_scrape_has_what_was_asked(captured: Captured) -> None:
    on_port, found = {"server_port": str(captured.port)}, captured.scrape()
    for side, route_label in (("server", "http_route"), ("client", "url_template")):
        for (method, route, status), count in ASKED.items():
            labels = {"http_request_method": method, route_label: route, "http_response_status_code": status}
            for what in ("request_duration_seconds", "request_body_size_bytes", "response_body_size_bytes"):
                assert found.sum(f"http_{side}_{what}_count", **labels, **on_port) == count
        assert found.sum(f"http_{side}_request_body_size_bytes_sum", error_type="500", **on_port) == 6
        assert found.sum(f"http_{side}_response_body_size_bytes_sum", **{route_label: "/items/{id}"}, **on_port) == 25
        assert found.sum(f"rpc_{side}_call_duration_seconds_count", rpc_response_status_code="NOT_FOUND") == 1
        assert found.sum(f"rpc_{side}_call_duration_seconds_count", rpc_method="shop.v1.Cart/List") == 1
    assert found.sum("sockfilter_messages_total", protocol="sse", sender="server") == 1
    assert found.sum("sockfilter_lost_total") == 0
    assert found.sum("sockfilter_ledger_balanced") == 1
    exchanges = sum(ASKED.values()) + 2
    assert found.sum("sockfilter_exchanges_total") == exchanges
    assert found.sum("http_server_request_duration_seconds_count") == exchanges


def test_an_open_request_is_active_until_it_ends(captured: Captured) -> None:
    with closing(socket.create_connection((HOST, captured.port), WAIT_S)) as connection:
        connection.sendall(b"GET /hang HTTP/1.1\r\nHost: h\r\n\r\n")
        # the request is in the ring before send() returns, and the scrape drains it
        assert captured.scrape().sum("http_server_active_requests", http_request_method="GET") == 1
        captured.server.held.set()  # type: ignore[attr-defined]
        assert connection.recv(4096)
        assert captured.scrape().sum("http_server_active_requests") == 0


def test_promtool_and_both_parsers_find_nothing_to_complain_of(captured: Captured) -> None:
    status, kind, text = get(captured.metrics, "/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    _, kind, other = get(captured.metrics, "/metrics", Accept="application/openmetrics-text;version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert {family.name for family in open_metrics(other)} == {family.name for family in plain(text)}
    done = subprocess.run(
        [need_tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_is_healthy_unless_the_capture_does_not_answer(captured: Captured) -> None:
    assert get(captured.metrics, "/healthz")[::2] == (200, "ok\n")
    captured.sniffer.send(signal.SIGSTOP)
    try:
        assert get(captured.metrics, "/healthz")[::2] == (503, "the capture does not answer\n")
        # the last counts are still there, and say so
        found = captured.scrape()
        assert found.sum("sockfilter_healthy") == 0
        assert found.sum("sockfilter_exchanges_total") > 0
    finally:
        captured.sniffer.send(signal.SIGCONT)
    assert get(captured.metrics, "/healthz")[0] == 200
    assert get(captured.metrics, "/elsewhere")[0] == 404


def test_beside_a_command_only_its_exchanges_count(tmp_path: Path) -> None:
    need_root()
    asked, held = tmp_path / "asked", tmp_path / "held"
    os.mkfifo(asked)
    os.mkfifo(held)
    with shop() as server:
        port = server.server_address[1]
        line = f"{need_tool('curl')} -s -o /dev/null http://{HOST}:{port}/mine; echo > {asked}; cat {held}"
        words = ("--tls", "--ports", str(port), "--prometheus", "0", "--", "sh", "-c", line)
        with Sniffer("-i", "lo", *words) as sniffer:
            get(port, "/others")
            assert asked.read_text() == "\n"
            found = Captured(sniffer, server, port, place(sniffer)).scrape()
            assert found.sum("http_server_request_duration_seconds_count", http_route="/mine") == 1
            assert found.sum("http_server_request_duration_seconds_count") == 1
            held.write_text("")
            sniffer.wait()


class Prometheus(NamedTuple):
    """A running server of Prometheus."""

    port: int

    def api(self, path: str, **query: str) -> Any:
        answer = json.loads(get(self.port, f"/api/v1/{path}?{urlencode(query)}")[2])
        assert answer["status"] == "success", answer
        return answer["data"]

    def result(self, query: str) -> list[Any]:
        found: list[Any] = self.api("query", query=query)["result"]
        return found


@pytest.fixture(scope="module")
def prometheus(captured: Captured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program, folder, port = need_tool("prometheus"), tmp_path_factory.mktemp("prometheus"), free_port()
    text = (DEPLOY / "prometheus/prometheus.yml").read_text()
    text = text.replace("127.0.0.1:9464", f"{HOST}:{captured.metrics}").replace("15s", "250ms")
    (folder / "prometheus.yml").write_text(text)
    (folder / "alerts.yml").write_text((DEPLOY / "prometheus/alerts.yml").read_text())
    command = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with serving("prometheus", [*command, f"--web.listen-address={HOST}:{port}"], LOOPBACK, HOST, port):
        yield Prometheus(port)


def queries() -> list[str]:
    """The queries of the dashboard, with its variables as a user leaves them."""
    board = json.loads((DEPLOY / "grafana/sockfilter.json").read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for name, value in (("$__rate_interval", "30s"), ("$instance", ".*"), ("$port", ".*")):
        found = [query.replace(name, value) for query in found]
    return found


def test_a_real_prometheus_answers_the_queries_of_the_dashboard(captured: Captured, prometheus: Prometheus) -> None:
    missing = [query for query in queries() if not query.startswith(MAY_BE_EMPTY)]
    assert len(missing) > 15
    deadline = time.monotonic() + WAIT_S
    while missing and time.monotonic() < deadline:
        ask(captured.port)
        with closing(socket.create_connection((HOST, captured.port), WAIT_S)) as gone:
            gone.sendall(b"GET /items/1 HTTP/1.1\r\nHost: h\r\n")  # a problem: the request never ends
        missing = [query for query in missing if not prometheus.result(query)]
        time.sleep(BETWEEN_SCRAPES_S)
    assert not missing
    # what it has is what this machine asked, and nothing is lost
    (served,) = prometheus.result('sum(http_server_request_duration_seconds_count{http_route="/fail"})')
    assert float(served["value"][1]) % ASKED["POST", "/fail", "500"] == 0
    assert [query for query in queries() if query.startswith(MAY_BE_EMPTY) and prometheus.result(query)] == []
    (up,) = prometheus.result("up")
    assert up["value"][1] == "1"
    rules = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} <= {"ok", "unknown"}  # unknown: not evaluated yet
    fires = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert not fires & {"SockfilterDown", "SockfilterLoses", "SockfilterLedgerDoesNotBalance"}


def test_promtool_accepts_what_is_deployed() -> None:
    # the configuration names the rules
    done = subprocess.run(
        [need_tool("promtool"), "check", "config", str(DEPLOY / "prometheus/prometheus.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_lines_go_on_beside_the_metrics() -> None:
    with shop() as server:
        port = server.server_address[1]
        words = ("-i", "lo", "--ports", str(port), "--prometheus", "0", "--format", "text")
        with Sniffer(*words, "--exit-on-idle", "2s", "--summary", "jsonl") as sniffer:
            metrics = place(sniffer)
            ask(port)
            found = Captured(sniffer, server, port, metrics).scrape()
            assert found.sum("http_server_request_duration_seconds_count") == sum(ASKED.values())
            # the server is killed, which the capture survives
            (child,) = Path(f"/proc/{sniffer.process.pid}/task/{sniffer.process.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)
            assert sniffer.said() == "sockfilter: the server of the metrics has ended; the capture goes on"
            ask(port)
            done = sniffer.wait()  # nothing happens any more
    assert done.status == 0
    assert sum(line.count("GET /items/") for line in done.lines) == 2 * ASKED["GET", "/items/{id}", "200"]
    assert json.loads(done.said[-1])["reason"] == "idle"


WITHOUT = "import sys; sys.modules['prometheus_client'] = None; from sockfilter.cli import main; sys.exit(main())"


def test_each_wrong_word_gets_one_line_that_says_what_to_do() -> None:
    need_root()
    with closing(socket.create_server((HOST, 0))) as taken:
        port = taken.getsockname()[1]
        for words, said in (
            (("--prometheus", str(port)), "Address already in use: another program listens there; use another port"),
            (("--prometheus", "192.0.2.77:9464"), "this machine does not have the address"),
            (("--prometheus", "host:9464"), "'host' is not an address"),
            (("--prometheus", "metrics"), "use a port, or an address and a port"),
            (("--prometheus", ""), "it needs a port, such as 9464"),
            (("--prometheus-labels", "host"), "is for the metrics of --prometheus PORT"),
            (("--prometheus", "0", "--prometheus-labels", "path"), "'path' is none of host, process, container"),
            (("--exit-on-idle", "soon"), "--exit-on-idle"),
        ):
            done = run("-i", "lo", *words)
            assert done.status == 2, words
            assert said in done.said[-1], words
            assert not done.output
    words = ("--prometheus", str(port), "--web", str(port))
    assert "the page of --web listens there; use another port" in run("-i", "lo", *words).said[-1]
    done = run("-r", "x.pcap", "--prometheus", "0")
    assert (done.status, done.said[-1]) == (2, "sockfilter: --prometheus is for live captures, and -r reads a file")
    done = run("-i", "lo", "--prometheus", "0", command=(sys.executable, "-c", WITHOUT))
    assert (done.status, len(done.said)) == (2, 1)
    assert "pip install 'sockfilter[prometheus]'" in done.said[0]


def test_a_low_port_without_rights() -> None:
    need_root()
    with namespace() as name:
        prefix = ("ip", "netns", "exec", name, *without_rights("net_raw", "bpf", "perfmon"))
        done = run("-i", "lo", "--prometheus", "80", prefix=prefix)
    assert (done.status, len(done.said)) == (2, 1)
    assert "Permission denied: ports below 1024 require root; use a higher one" in done.said[0]
