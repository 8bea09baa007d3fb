"""HTTPS connections that were open before --tls started are joined, from the memory of either end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.cli.summary import summary
from sockfilter.model import Problem
from sockfilter.sources.secrets.attacher import BUSY_CALLS, JOIN_LOOK_S, JOIN_S
from sockfilter.sources.secrets.probed import ProbedSecrets
from sockfilter.sources.secrets.probes import Scope
from tests.support import https, rights, tls, tls_programs
from tests.support.once import made_once
from tests.support.skips import Skip, need_linux, need_tool, skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from sockfilter import Capture

pytestmark = pytest.mark.usefixtures("root")
# a user that no other program of the tests runs as
OTHER = 65534
# requests that cross each connection before and after the start of the capture
BEFORE, AFTER = 2, 3

# opens connections, and makes requests on each of them when it is told their path
CLIENT = """
import http.client, ssl, sys
port, certificate, version, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=certificate)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
clients = [http.client.HTTPSConnection("localhost", port, context=context) for _ in range(count)]
for line in sys.stdin:
    for number, client in enumerate(clients):
        client.request("GET", f"{line.strip()}-{number}")
        client.getresponse().read()
    print(flush=True)
"""

HTTP2_CLIENT = """
const [port, certificate] = process.argv.slice(1);
const ca = require("fs").readFileSync(certificate);
const session = require("http2").connect(`https://localhost:${port}`, {ca});
require("readline").createInterface({input: process.stdin}).on("line", line => {
    const stream = session.request({":path": `${line}-0`});
    stream.on("end", () => console.log(""));
    stream.resume().end();
});
"""
# seconds that a busy machine may take
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> https.Certificate:
    folder = made_once(tmp_path_factory, "certificate", https.certificate)
    folder.chmod(0o755)
    return https.Certificate(folder / "certificate.pem", folder / "key.pem")


@pytest.fixture(scope="module")
def nginx(certificate: https.Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with https.nginx(certificate, tmp_path_factory.mktemp("nginx")) as port:
        yield port


@pytest.fixture
def copies() -> None:
    need_linux("bpf_loop(), which copies objects", 5, 17)


@contextmanager
def asking(words: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """A client that has made requests. Yields what makes it ask for a path on each of its connections."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(path: str) -> None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "\n"

        try:
            for number in range(BEFORE):
                ask(f"/before{number}")
            yield ask
        finally:
            process.kill()


def client(
    port: int, made: https.Certificate, version: str, count: int = 1, prefix: Sequence[str] = ()
) -> AbstractContextManager[Callable[[str], None]]:
    """Connections by HTTP/1.1 that have had requests."""
    return asking([*prefix, sys.executable, "-c", CLIENT, str(port), str(made.certificate), version, str(count)])


def check(capture: Capture, version: str, count: int = 1) -> None:
    """All requests after the start are exchanges, and were opened by a copy."""
    capture.flush()
    for path in (f"/after{number}-{each}" for number in range(AFTER) for each in range(count)):
        exchange = capture.one(path=path)
        assert exchange.response is not None
        assert (exchange.request.method, exchange.response.status) == ("GET", 200)
        assert exchange.problems == ()
        assert exchange.connection.tls is not None
        assert exchange.connection.tls.opened == "snapshot"
        assert exchange.connection.tls.version == version[-3:].replace("_", ".")
    assert not capture.ledger.imbalance
    assert capture.ledger.tls.no_secret == capture.ledger.tls.mid_stream == 0


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("version", ["TLSv1_3", "TLSv1_2"])
@pytest.mark.parametrize("server", ["nginx", "http.server"])
def test_a_connection(server: str, version: str, certificate: https.Certificate, tmp_path: Path) -> None:
    with (
        tls_programs.server(server, certificate, tmp_path) as port,
        client(port, certificate, version) as ask,
        sockfilter.capture("lo", pcap=f"tcp port {port}", tls=True) as capture,
    ):
        for number in range(AFTER):
            ask(f"/after{number}")
        check(capture, version)


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("version", ["TLSv1_3", "TLSv1_2"])
@pytest.mark.parametrize("uid", [os.getuid(), OTHER], ids=["server", "client"])
def test_the_memory_of_one_end_is_enough(
    version: str, uid: int, certificate: https.Certificate, nginx: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProbedSecrets.__init__, "__defaults__", (Scope(uid=uid), lambda snapshot: None))
    with (
        client(nginx, certificate, version, prefix=rights.without_rights()) as ask,
        sockfilter.capture("lo", ports=[nginx], tls=True) as capture,
    ):
        for number in range(AFTER):
            ask(f"/after{number}")
        check(capture, version)


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("version", ["TLSv1_3", "TLSv1_2"])
def test_twenty_connections(version: str, certificate: https.Certificate, nginx: int) -> None:
    with (
        client(nginx, certificate, version, 20) as ask,
        sockfilter.capture("lo", ports=[nginx], tls=True) as capture,
    ):
        for number in range(AFTER):
            ask(f"/after{number}")
        check(capture, version, 20)


def programs(process: int) -> set[str]:
    """The programs that a process has linked to functions, by their numbers in the kernel."""
    found = set()
    for path in Path(f"/proc/{process}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # it has been closed meanwhile
            text = path.read_text()
            if "link_type" in text:
                found |= {line for line in text.splitlines() if line.startswith("prog_id")}
    return found


@contextmanager
def joining() -> Iterator[tuple[ProbedSecrets, Callable[[], bool]]]:
    """Probes on what sends and receives, and whether they are still there."""
    with ProbedSecrets(lambda secret: None, lambda count: None) as probed:
        probed.wait_ready()
        process = probed._process.pid
        before = programs(process)
        probed.join()
        made = programs(process) - before
        assert made
        yield probed, lambda: bool(made & programs(process))


@pytest.mark.usefixtures("copies")
def test_the_probes_on_what_sends_and_receives_are_removed() -> None:
    with joining() as (probed, are_there):
        began_s = time.monotonic()
        while are_there():
            assert time.monotonic() - began_s < JOIN_S + PATIENCE_S
            time.sleep(0.1)
        # unless programs of other tests were busy
        assert time.monotonic() - began_s > JOIN_S / 2 or probed.counts["calls"] >= BUSY_CALLS


@pytest.mark.usefixtures("copies")
def test_they_are_removed_soon_where_programs_are_busy_and_known() -> None:
    ends = tls.Ends().connect()
    with joining() as (probed, are_there):
        began_s, sent = time.monotonic(), 0
        while are_there():
            for _ in range(100):
                ends.send(tls.CLIENT, b"again")
            sent += 100
        took_s = time.monotonic() - began_s
        if 2 * sent / took_s * JOIN_LOOK_S < BUSY_CALLS:
            skip(Skip.MACHINE, "to send so much that it is busy")
        assert took_s < JOIN_S
        probed.read()
        assert probed.join_again()  # what a connection that was idle then needs


@pytest.mark.usefixtures("copies")
def test_http2(certificate: https.Certificate, nginx: int) -> None:
    """Header fields may be lost whose meaning an earlier request has set."""
    words = [need_tool("node"), "-e", HTTP2_CLIENT, str(nginx), str(certificate.certificate)]
    with asking(words) as ask, sockfilter.capture("lo", ports=[nginx], tls=True) as capture:
        ask("/after")
        capture.flush()
        exchange = capture.one(path="/after-0")
        assert exchange.request.version == "2"
        assert exchange.problems in ((), (Problem.HEADERS_LOST,))
        assert exchange.connection.tls is not None
        assert exchange.connection.tls.opened == "snapshot"


def test_what_cannot_be_joined_is_named(
    certificate: https.Certificate, nginx: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProbedSecrets.__init__, "__defaults__", (Scope(uid=OTHER), lambda snapshot: None))
    with client(nginx, certificate, "TLSv1_3", 3) as ask, sockfilter.capture("lo", ports=[nginx], tls=True) as capture:
        ask("/after")
        capture.close()
        assert capture.exchanges == []
        assert capture.ledger.tls.mid_stream == 3
        said = summary(capture.ledger, 0)
        assert "3 connections were open before and could not be joined (mid-stream)" in said
