"""-Y and filters of tcpdump, as people type them: live, over files, with -w, and with mistakes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import sockfilter
from tests.support.captures import pcap, timed
from tests.support.command import Sniffer, run
from tests.support.frames import Talk, over_ipv4, over_ipv6
from tests.support.pcap_filters import need_libpcap
from tests.support.rights import without_rights
from tests.support.skips import need_root


class Handler(BaseHTTPRequestHandler):
    """/500 has the status 500, and so on; the body is JSON."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        status = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        body = b'{"path": "%s", "pad": "%s"}' % (self.path.encode(), b"x" * 3000)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@contextmanager
def site() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, *paths: str) -> None:
    """Asks on one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for path in paths:
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with three connections: one IPv4 on port 80, one IPv6 on port 80, one IPv4 on port 8080."""
    path = tmp_path_factory.mktemp("files") / "three.pcap"
    frames = []
    for envelope, ports in ((over_ipv4, (40001, 80)), (over_ipv6, (40002, 80)), (over_ipv4, (40003, 8080))):
        frames += Talk(envelope, ports).whole()
    path.write_bytes(pcap(timed(frames)))
    return path


def clients(path: Path, *words: str) -> set[int]:
    done = run("-r", str(path), "--format", "jsonl", *words)
    assert done.status == 0, done.errors
    return {one["client"]["port"] for one in done.json}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("status == 200", {40001, 40002, 40003}),
        ("family == 6", {40002}),
        ("server.port == 8080 or family == 6", {40002, 40003}),
        ("client.port in 40001..40002 and not family == 6", {40001}),
        ("status == 5xx", set()),
        ("response.body == hello", {40001, 40002, 40003}),
    ],
)
def test_a_file_is_filtered(file: Path, text: str, found: set[int]) -> None:
    assert clients(file, "-Y", text) == found
    assert {one.client.port for one in sockfilter.read(str(file), where=text)} == found


def test_several_filters_must_all_hold(file: Path) -> None:
    assert clients(file, "-Y", "family == 4", "--filter", "server.port == 80") == {40001}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("src port 40001 or dst port 40001", {40001}),
        ("not port 8080", {40001, 40002}),
        ("ip6 and (port 80 or port 81)", {40002}),
        ("tcp[0:2] = 40003 or tcp[2:2] = 40003", {40003}),
    ],
)
def test_a_file_is_filtered_as_by_tcpdump(file: Path, text: str, found: set[int]) -> None:
    need_libpcap()
    assert clients(file, text) == found
    reading = sockfilter.read(str(file), pcap=text)
    assert {one.client.port for one in reading} == found
    packets = reading.ledger.packets
    assert reading.ledger.is_balanced
    assert packets["filtered"] == packets["seen"] // 3 * (3 - len(found))


def test_the_frames_of_connections_that_match_are_written(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "some.pcapng"
    assert clients(file, "-Y", "family == 6 or server.port == 8080", "-w", str(target)) == {40002, 40003}
    assert clients(target) == {40002, 40003}
    reading = sockfilter.read(str(target))
    assert len(list(reading)) == 2
    assert reading.ledger.packets["seen"] == 2 * len(Talk().whole())  # with handshake, acknowledgements and ends


def test_the_connection_of_a_port_that_is_used_again_is_another_one(tmp_path: Path) -> None:
    frames = []
    for number, isn in enumerate((1000, 900_000, 2_000_000)):
        talk = Talk(over_ipv4, (40001, 80), (isn, isn + 5))
        path = b"/%d" % number
        frames += talk.whole(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
    source, target = tmp_path / "again.pcap", tmp_path / "one.pcapng"
    source.write_bytes(pcap(timed(frames)))
    done = run("-r", str(source), "-Y", "path == /1", "-w", str(target))
    assert len(done.lines) == 1
    assert [one.request.path for one in sockfilter.read(str(target)) if one.request] == ["/1"]


def test_a_pipe_cannot_be_read_twice(tmp_path: Path) -> None:
    done = run("-r", "-", "-Y", "status", "-w", str(tmp_path / "x.pcapng"))
    assert done.status == 2
    assert done.said == [
        "sockfilter: -w with -Y reads the capture file twice, which is not possible with standard input: save it to a"
        " file first"
    ]


def test_live(tmp_path: Path) -> None:
    need_root()
    target = tmp_path / "live.pcapng"
    with (
        site() as port,
        Sniffer("-i", "lo", "-Y", f"status >= 500 and server.port == {port}", "-v", "-w", str(target)) as it,
    ):
        ask(port, "/200", "/500", "/204")
        ask(port, "/201")
        ask(port, "/503")
        while "GET /503" not in it.line():
            pass
        done = it.end()
    assert done.status == 0, done.errors
    shown = [line for line in done.lines if "GET" in line and "127.0.0.1" in line]
    assert [line.split("GET ")[1].split()[0] for line in shown] == ["/500", "/503"]
    assert any(f"the kernel leaves out everything but ports {port}" in line for line in done.said)
    assert any("2 of 5 exchanges" in line for line in done.said)
    found = [one.request.path for one in sockfilter.read(str(target)) if one.request]
    assert found == ["/200", "/500", "/204", "/503"]


@pytest.mark.parametrize("processes", [True, False])
def test_a_library_capture_keeps_what_matches(processes: bool) -> None:
    need_root()
    with site() as port, sockfilter.capture("lo", ports=port, where="status == 5xx", processes=processes) as capture:
        ask(port, "/200", "/500")
        capture.flush()
        assert [one.request.path for one in capture.exchanges if one.request] == ["/500"]
        capture.expect("status >= 500 and json.path == '/500'").once()
        capture.none("status < 500")
    assert capture.ledger.messages.exchanges == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["-Y", "stauts = 500"],
            ["-Y/--filter: there is no field stauts; did you mean status?", "    stauts = 500", "    ^^^^^^"],
        ),
        (["-Y", "status ="], ["-Y/--filter: it ends where a value should come", "    status =", "            ^"]),
        (["-Y", ""], ["-Y/--filter: it is empty; an example is: status >= 500"]),
        (["-Y", "json.a == 1", "--body", "0"], ["-Y reads json.a, and --body 0 keeps no bodies: remove --body 0"]),
        (
            ["-Y", "json.a == 1", "--format", "raw"],
            [
                "-Y reads json.a, and --format raw keeps bodies as sent, so that they cannot be read:"
                " use -vv, or -w FILE"
            ],
        ),
        (
            ["-Y", "process == curl", "--no-processes"],
            ["-Y reads process, and --no-processes names no processes: remove it"],
        ),
        (
            ["-Y", "type == text", "--no-messages"],
            ["-Y reads type, which only messages have: remove --no-messages"],
        ),
        (["-Y", "protocol == mqtt"], ["-Y asks for mqtt, which is not read: add --protocols mqtt"]),
    ],
)
def test_mistakes(words: list[str], said: list[str]) -> None:
    done = run("-i", "lo", *words)
    assert done.status == 2
    assert done.said == [f"sockfilter: {line}" for line in said]


@pytest.mark.parametrize("rights", [(), ("net_raw", "bpf")], ids=["root", "two capabilities"])
@pytest.mark.parametrize("interface", ["lo", "any"])
def test_a_filter_of_tcpdump_live(rights: tuple[str, ...], interface: str) -> None:
    need_root()
    need_libpcap()
    prefix = without_rights(*rights) if rights else ()
    with site() as port, site() as other:
        words = (f"(src port {port} or dst port {port})", "and", "not", "host", "10.9.9.9")
        with Sniffer("-i", interface, "-Y", "path != /unwanted", *words, prefix=prefix) as it:
            ask(other, "/other")
            ask(port, "/unwanted", "/wanted")
            assert "GET /wanted" in it.line()
            done = it.end()
    assert done.status == 0, done.errors
    assert len(done.lines) == 1
    assert any("1 of 2 exchanges" in line for line in done.said)


def test_files_have_no_processes(file: Path) -> None:
    done = run("-r", str(file), "-Y", "pid == 3")
    assert done.status == 2
    assert done.said == ["sockfilter: the filter reads pid, and a capture file has no processes"]


def test_processes_are_named_for_a_filter() -> None:
    need_root()
    with site() as port, Sniffer("-i", "lo", "-Y", f"server.port == {port} and client.pid == {os.getpid()}") as it:
        ask(port, "/a")
        assert "GET /a" in it.line()
        done = it.end()
    assert done.status == 0


def test_a_filter_that_libpcap_refuses() -> None:
    need_libpcap()
    done = run("-i", "lo", "port 80 or or")
    assert done.status == 2
    assert done.said[1:] == ["sockfilter:     port 80 or or", "sockfilter:             ^^^^^"]


def test_bodies_that_were_cut_are_said(tmp_path: Path) -> None:
    need_root()
    with (
        site() as port,
        Sniffer("-i", "lo", "-Y", "json.path == '/a'", "--ports", str(port), "--body", "100", "-c", "1") as it,
    ):
        ask(port, "/a")
        done = it.end()
    assert any(
        "1 exchange did not match, with bodies of which 100 bytes or fewer were kept" in line for line in done.said
    )
