"""An exchange that crosses several interfaces is shown once, with its path."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

import pytest

import sockfilter
from tests.support import servers
from tests.support.command import Sniffer, run
from tests.support.net import ip, namespace
from tests.support.skips import need_tool
from tests.support.topologies import Network, bridged, inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("root")

CONNECTIONS, EACH = 5, 4
# what nftables drops of a direction: one packet with payload, the first after the rule is there
ONE_OF = "tcp {port} 8000 meta length > 100 limit rate 1/hour burst 1 packets counter drop"
# bytes of the headers of IPv4 and TCP, with its timestamps
HEADER_BYTES = 52
HTTP2 = """\
daemon off; master_process off; pid {work}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_body_temp_path {work}/1; proxy_temp_path {work}/2; fastcgi_temp_path {work}/3;
  uwsgi_temp_path {work}/4; scgi_temp_path {work}/5;
  server {{ listen {listen} http2; return 200 "hi\n"; }}
}}
"""
BODY = b"hello"


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        body = BODY * (int(self.path.partition("?")[2] or 1))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(netns: str | None, address: str, port: int = 8000) -> Iterator[None]:
    with inside(netns):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = ThreadingHTTPServer((address, port), Page, bind_and_activate=False)
        server.socket.close()
        server.address_family = family
        server.socket = socket.socket(family)
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.socket.bind((address, port))
        server.server_activate()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(netns: str, address: str, port: int, connections: int = CONNECTIONS) -> None:
    for _ in range(connections):
        with inside(netns):
            client = http.client.HTTPConnection(address, port, timeout=10)
            client.connect()
        for _ in range(EACH):
            client.request("GET", "/x")
            assert client.getresponse().read() == BODY
        client.close()


class Routed(NamedTuple):
    client: str
    router: str
    server: str


@contextmanager
def routed() -> Iterator[Routed]:
    """A client and a server behind a router, which gives the client its own address, and port 80 the server's 8000."""
    need_tool("nft")
    with namespace() as client, namespace() as router, namespace() as server:
        for number, (guest, name) in enumerate(((client, "left"), (server, "right")), 1):
            ip("link", "add", name, "type", "veth", "peer", "name", "veth0", "netns", guest, netns=router)
            ip("address", "add", f"10.5.{number}.1/24", "dev", name, netns=router)
            ip("link", "set", name, "up", netns=router)
            ip("address", "add", f"10.5.{number}.2/24", "dev", "veth0", netns=guest)
            ip("link", "set", "veth0", "up", netns=guest)
        ip("route", "add", "default", "via", "10.5.1.1", netns=client)
        rules = """
            table ip nat {
                chain in { type nat hook prerouting priority -100; iif left tcp dport 80 dnat to 10.5.2.2:8000; }
                chain out { type nat hook postrouting priority 100; oif right masquerade; }
            }
        """
        inside_router = ["ip", "netns", "exec", router]
        subprocess.run([*inside_router, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        subprocess.run([*inside_router, "nft", "-f", "-"], input=rules, text=True, check=True)
        yield Routed(client, router, server)


def drop(netns: str, rule: str, family: str = "ip", hook: str = "forward") -> None:
    """Makes nftables drop what a rule matches."""
    rules = f"table {family} loss {{\n chain passing {{\n type filter hook {hook} priority 0;\n {rule}\n }}\n}}\n"
    subprocess.run(["ip", "netns", "exec", netns, "nft", "-f", "-"], input=rules, text=True, check=True)


def dropped(netns: str) -> tuple[int, int]:
    """Packets that nftables has dropped, and their bytes."""
    asked = ["ip", "netns", "exec", netns, "nft", "list", "ruleset"]
    found = re.search(
        r"packets (\d+) bytes (\d+)", subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    )
    assert found is not None
    return int(found[1]), int(found[2])


@contextmanager
def overlaid() -> Iterator[tuple[Network, str]]:
    """Two namespaces joined by a cable, and by VXLAN on top of it."""
    with namespace() as client, namespace() as server:
        ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", server, netns=client)
        for number, (here, there) in enumerate(((client, 2), (server, 1)), 1):
            ip("address", "add", f"10.4.0.{number}/24", "dev", "veth0", netns=here)
            ip("link", "set", "veth0", "up", netns=here)
            remote = ("remote", f"10.4.0.{there}", "dstport", "4789")
            ip("link", "add", "vxlan0", "type", "vxlan", "id", "7", *remote, "dev", "veth0", netns=here)
            ip("address", "add", f"10.44.0.{number}/24", "dev", "vxlan0", netns=here)
            ip("link", "set", "vxlan0", "up", netns=here)
        yield Network(client, server, "10.44.0.2", ""), server


def assert_once(capture: sockfilter.Capture, path: list[str], count: int = CONNECTIONS * EACH) -> None:
    capture.flush()
    assert len(capture.exchanges) == count
    for one in capture.exchanges:
        assert one.complete
        assert not one.problems
        assert [step.interface for step in one.path] == path
        assert not any(step.lost for step in one.path)
        assert one.connection.interface == path[0]
        if one.conn_seq == 1:
            times = [step.time_ns for step in one.path if step.time_ns is not None]
            assert len(times) == len(path)
            assert times == sorted(times)
    assert capture.ledger.is_balanced
    assert not capture.ledger.losses()


@pytest.mark.parametrize("family", [4, 6])
def test_over_a_bridge_to_the_host(family: int) -> None:
    with bridged() as (network, _), ExitStack() as stack:
        address = network.address(family)
        stack.enter_context(serving(network.server, address))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.server))
        ask(network.client or "", address, 8000)
        assert_once(capture, ["port1", "br0"])


def test_over_a_bridge_between_guests() -> None:
    with bridged() as (network, second), ExitStack() as stack:
        stack.enter_context(serving(second, "10.8.0.12"))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.server))
        ask(network.client or "", "10.8.0.12", 8000)
        assert_once(capture, ["port1", "port2"])


def test_through_a_router_that_translates_addresses() -> None:
    with routed() as network, ExitStack() as stack:
        stack.enter_context(serving(network.server, "10.5.2.2"))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.router))
        ask(network.client, "10.5.1.1", 80)
        assert_once(capture, ["left", "right"])
        for one in capture.exchanges:
            before, behind = one.path
            assert (before.client.ip, before.server) == ("10.5.1.2", ("10.5.1.1", 80))
            assert (behind.client.ip, behind.server) == ("10.5.2.1", ("10.5.2.2", 8000))


def test_in_a_tunnel() -> None:
    with overlaid() as (network, server), ExitStack() as stack:
        stack.enter_context(serving(server, network.ipv4))
        capture = stack.enter_context(sockfilter.capture("any", netns=server))
        ask(network.client or "", network.ipv4, 8000)
        assert_once(capture, ["veth0", "vxlan0"])


def test_every_hop_if_asked_for() -> None:
    with bridged() as (network, _), ExitStack() as stack:
        stack.enter_context(serving(network.server, network.ipv4))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.server, all_hops=True))
        ask(network.client or "", network.ipv4, 8000)
        capture.flush()
        assert len(capture.exchanges) == 2 * CONNECTIONS * EACH
        assert {one.connection.interface for one in capture.exchanges} == {"port1", "br0"}
        assert not any(one.path for one in capture.exchanges)


def test_connections_that_were_open_before() -> None:
    """Without SYNs, addresses and nearby numbers tell."""
    with bridged() as (network, _), ExitStack() as stack:
        stack.enter_context(serving(network.server, network.ipv4))
        with inside(network.client):
            client = http.client.HTTPConnection(network.ipv4, 8000, timeout=10)
            client.connect()
        capture = stack.enter_context(sockfilter.capture("any", netns=network.server))
        for _ in range(EACH):
            client.request("GET", "/x")
            client.getresponse().read()
        client.close()
        assert_once(capture, ["port1", "br0"], EACH)


def test_other_hops_cost_no_records() -> None:
    """The kernel leaves out what has been seen on the interface before."""
    with bridged() as (network, _), ExitStack() as stack:
        stack.enter_context(serving(network.server, network.ipv4))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.server, body=None))
        with inside(network.client):
            client = http.client.HTTPConnection(network.ipv4, 8000, timeout=10)
            client.connect()
        client.request("GET", "/x")
        client.getresponse().read()
        capture.flush()  # from here on, the kernel knows
        before = capture.ledger.segments.other_hops
        for _ in range(50):
            client.request("GET", "/x")
            client.getresponse().read()
        capture.flush()
        # a record each 100 ms says that the connection goes on
        assert capture.ledger.segments.other_hops - before < 50
        assert capture.ledger.packets["quiet"] >= 50
        client.close()
        capture.flush()
        assert len(capture.exchanges) == 51


def test_a_file_of_several_interfaces(tmp_path: Path) -> None:
    """The same from a capture file, in JSON and in text."""
    path = tmp_path / "hops.pcapng"
    with bridged() as (network, _), ExitStack() as stack:
        stack.enter_context(serving(network.server, network.ipv4))
        netns = network.server or ""
        with Sniffer("-i", "any", "--netns", netns, "-w", str(path)) as sniffer:
            ask(network.client or "", network.ipv4, 8000)
            sniffer.end()
    made = run("-r", str(path), "--format", "jsonl").json
    assert len(made) == CONNECTIONS * EACH
    for one in made:
        assert [step["interface"] for step in one["path"]] == ["port1", "br0"]
        assert [step["time"] == one["time"] for step in one["path"]] == [True, False]
        assert one["path"][1]["server"] == {"ip": "10.8.0.1", "port": 8000}
    text = run("-r", str(path), "-v").output.decode()
    assert text.count("    path port1 > br0 +") == CONNECTIONS * EACH
    assert len(run("-r", str(path), "--all-hops").lines) == 2 * CONNECTIONS * EACH


def test_http2_over_a_bridge(tmp_path: Path) -> None:
    """Its usual lines are written in C, which knows no paths."""
    h2load, program = need_tool("h2load"), need_tool("nginx")
    path, conf = tmp_path / "hops.pcapng", tmp_path / "conf"
    with bridged() as (network, _), ExitStack() as stack:
        conf.write_text(HTTP2.format(work=tmp_path, listen=f"{network.ipv4}:8000"))
        command = [program, "-e", "stderr", "-p", str(tmp_path), "-c", str(conf)]
        site = stack.enter_context(servers.serving("nginx", command, network, network.ipv4, 8000))
        with Sniffer("-i", "any", "--netns", network.server or "", "-w", str(path)) as sniffer:
            ask_often = [h2load, "-n", "40", "-c", "2", "-m", "4", site.url("/")]
            subprocess.run(["ip", "netns", "exec", network.client or "", *ask_often], check=True, capture_output=True)
            sniffer.end()
    made = run("-r", str(path), "--format", "jsonl").json
    assert len(made) == 40
    assert {tuple(step["interface"] for step in one["path"]) for one in made} == {("port1", "br0")}


@pytest.mark.parametrize(("message", "port"), [("request", "dport"), ("response", "sport")])
def test_what_is_lost_in_a_bridge(message: str, port: str) -> None:
    """The kernel has left out this hop's records for a while, and reports the bytes that come again."""
    need_tool("nft")
    with bridged() as (network, second), ExitStack() as stack:
        stack.enter_context(serving(second, "10.8.0.12"))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.server))
        with inside(network.client):
            client = http.client.HTTPConnection("10.8.0.12", 8000, timeout=10)
            client.connect()
        for number in range(4):
            if number == 2:
                capture.flush()
                drop(network.server or "", ONE_OF.format(port=port), family="bridge")
            client.request("GET", "/x")
            assert client.getresponse().read() == BODY
        client.close()
        capture.flush()
        first, second_hop = zip(*(one.path for one in capture.exchanges), strict=True)
        assert not any(step.lost for step in first)
        assert [len(step.lost) for step in second_hop] == [0, 0, 1, 0]
        (loss,) = second_hop[2].lost
        packets, size = dropped(network.server or "")
        assert (loss.message, loss.offset, loss.size) == (message, 0, size - HEADER_BYTES)
        assert packets == 1
        assert loss.time_ns is not None
        assert capture.exchanges[2].start_ns < loss.time_ns


def test_what_a_router_loses() -> None:
    with routed() as network, ExitStack() as stack:
        stack.enter_context(serving(network.server, "10.5.2.2"))
        drop(network.router, ONE_OF.format(port="sport"))
        capture = stack.enter_context(sockfilter.capture("any", netns=network.router))
        ask(network.client, "10.5.1.1", 80, connections=1)
        capture.flush()
        found = [[(step.interface, step.lost) for step in one.path] for one in capture.exchanges]
        assert [[bool(lost) for _, lost in path] for path in found] == [[False, True]] + [[False, False]] * (EACH - 1)
        assert found[0][1][0] == "right"
        assert found[0][1][1][0].message == "response"


def test_a_router_with_one_interface_loses_nothing() -> None:
    """Its port shows each segment twice: on the way in, and on the way out."""
    with bridged() as (network, second), ExitStack() as stack:
        host, client = network.server or "", network.client or ""
        ip("address", "add", "10.9.0.1/32", "dev", "br0", netns=host)
        ip("route", "add", "10.9.0.1/32", "via", "10.8.0.12", netns=client)
        ip("route", "add", "10.9.0.1/32", "via", "10.8.0.1", netns=second)
        ip("route", "add", "10.8.0.11/32", "via", "10.8.0.12", "src", "10.9.0.1", netns=host)
        settings = ["ip_forward=1", "conf.all.send_redirects=0", "conf.veth0.send_redirects=0"]
        within = ["ip", "netns", "exec", second, "sysctl", "-qw"]
        subprocess.run([*within, *(f"net.ipv4.{setting}" for setting in settings)], check=True)
        stack.enter_context(serving(host, "10.9.0.1"))
        capture = stack.enter_context(sockfilter.capture("any", netns=host))
        ask(client, "10.9.0.1", 8000)
        capture.flush()
        assert len(capture.exchanges) == CONNECTIONS * EACH
        for one in capture.exchanges:
            assert [step.interface for step in one.path] == ["port1", "port2", "br0"]
            assert not any(step.lost for step in one.path)


@pytest.mark.parametrize("is_between", [True, False])
def test_each_byte_that_a_bridge_loses(is_between: bool, tmp_path: Path) -> None:
    """Losses in the middle of large bodies, by an independent count; what is lost behind the last hop is not named."""
    need_tool("nft")
    path = tmp_path / "hops.pcapng"
    with bridged() as (network, second), ExitStack() as stack:
        stack.enter_context(serving(second, "10.8.0.12"))
        where = network.server if is_between else network.client
        rule = "tcp sport 8000 meta length > 1000 numgen inc mod 17 == 3 counter drop"
        drop(where or "", rule, *(("bridge",) if is_between else ("ip", "input")))
        with inside(network.client):
            client = http.client.HTTPConnection("10.8.0.12", 8000, timeout=30)
            client.connect()
        with Sniffer("-i", "any", "--netns", network.server or "", "-w", str(path)) as sniffer:
            for _ in range(2):
                client.request("GET", "/x?100000")
                client.getresponse().read()
            sniffer.end()
        client.close()
        packets, size = dropped(where or "")
    # with bodies: without, a line is written as soon as the last byte has passed, and may miss what is sent again later
    made = run("-r", str(path), "--format", "jsonl", "--body", "all").json
    losses = [loss for one in made for loss in one["path"][1].get("lost", ())]
    assert len(made) == 2
    assert packets
    assert sum(loss["bytes"] for loss in losses) == (size - packets * HEADER_BYTES if is_between else 0)
    assert {loss["message"] for loss in losses} <= {"response"}
    text = run("-r", str(path), "-vv", "--body", "all").output.decode()
    assert text.count("    lost between port2 and port1: ") == len(losses)
