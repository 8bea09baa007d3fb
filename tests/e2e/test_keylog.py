"""HTTPS is shown live with a key log, whoever writes it, and whatever happens to its file."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

import sockfilter
from sockfilter.errors import BrokerError, InvalidArgument
from tests.support import https
from tests.support.broker import broker
from tests.support.command import Sniffer, run
from tests.support.once import made_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Sites

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> https.Certificate:
    folder = made_once(tmp_path_factory, "certificate", https.certificate)
    return https.Certificate(folder / "certificate.pem", folder / "key.pem")


@pytest.fixture(scope="module")
def port(certificate: https.Certificate) -> Iterator[int]:
    with https.https_site(certificate) as number:
        yield number


@pytest.fixture
def keylog(tmp_path: Path) -> Path:
    return tmp_path / "keys.log"


def command(port: int, keylog: Path, *words: str) -> Sniffer:
    return Sniffer("-i", "lo", "--ports", str(port), "--keylog", str(keylog), "--format", "jsonl", *words)


def told(line: str) -> tuple[str, str, int]:
    """What a line says of its exchange: method, target and status."""
    found: dict[str, Any] = json.loads(line)
    return found["request"]["method"], found["request"]["target"], found["response"]["status"]


class TestClient:
    def test_curl(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        with command(port, keylog) as sniffer:
            https.curl(certificate, keylog, f"https://localhost:{port}/small", f"https://localhost:{port}/none")
            assert told(sniffer.line()) == ("GET", "/small", 200)
            assert told(sniffer.line()) == ("GET", "/none", 404)
            done = sniffer.end()
        assert done.status == 0

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    @pytest.mark.parametrize("writer", ["client", "server"])
    def test_python(self, certificate: https.Certificate, keylog: Path, version: ssl.TLSVersion, writer: str) -> None:
        """Whichever end writes the key log."""
        by_server = keylog if writer == "server" else None
        with https.https_site(certificate, by_server, version) as port, command(port, keylog) as sniffer:
            https.ask(certificate, port, "/small", "/big", keylog=None if by_server else keylog)
            assert [told(sniffer.line()) for _ in range(2)] == [("GET", "/small", 200), ("GET", "/big", 200)]

    def test_http2(self, certificate: https.Certificate, tmp_path: Path, keylog: Path) -> None:
        with https.nginx(certificate, tmp_path) as port, command(port, keylog) as sniffer:
            address = f"https://localhost:{port}"
            https.curl(certificate, keylog, "--http2", f"{address}/one", f"{address}/two")
            assert [told(sniffer.line()) for _ in range(2)] == [("GET", "/one", 200), ("GET", "/two", 200)]

    def test_http1_of_the_same_server(self, certificate: https.Certificate, tmp_path: Path, keylog: Path) -> None:
        with https.nginx(certificate, tmp_path) as port, command(port, keylog) as sniffer:
            https.curl(certificate, keylog, "--http1.1", f"https://localhost:{port}/one")
            assert told(sniffer.line()) == ("GET", "/one", 200)


class TestFile:
    def test_that_is_a_pipe(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        os.mkfifo(keylog)
        with command(port, keylog) as sniffer:
            for _ in range(2):
                https.curl(certificate, keylog, f"https://localhost:{port}/small")
                assert told(sniffer.line()) == ("GET", "/small", 200)

    def test_that_is_replaced(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        with command(port, keylog) as sniffer:
            for number in range(3):
                https.curl(certificate, keylog, f"https://localhost:{port}/small?{number}")
                assert told(sniffer.line()) == ("GET", f"/small?{number}", 200)
                keylog.rename(keylog.with_suffix(f".{number}"))

    def test_that_is_emptied(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        with command(port, keylog) as sniffer:
            for number in range(3):
                https.curl(certificate, keylog, f"https://localhost:{port}/small?{number}")
                assert told(sniffer.line()) == ("GET", f"/small?{number}", 200)
                os.truncate(keylog, 0)

    def test_that_comes_late(self, certificate: https.Certificate, port: int, keylog: Path, tmp_path: Path) -> None:
        """Bytes wait for their secrets for a while."""
        elsewhere = tmp_path / "elsewhere.log"
        with command(port, keylog) as sniffer:
            https.curl(certificate, elsewhere, f"https://localhost:{port}/small")
            with keylog.open("wb") as file:
                content = elsewhere.read_bytes()
                file.write(content[:100])
                file.flush()
                file.write(content[100:])
            assert told(sniffer.line()) == ("GET", "/small", 200)


class TestLibrary:
    def test_flush_is_exact(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        with sockfilter.capture("lo", ports=port, keylog=str(keylog), processes=False) as capture:
            for number in range(20):
                https.ask(certificate, port, f"/small?{number}", keylog=keylog)
                capture.flush()
                assert [exchange.request.target for exchange in capture.exchanges] == [
                    f"/small?{each}" for each in range(number + 1)
                ]
        assert not capture.ledger.imbalance

    def test_plain_http_beside_it_loses_nothing(
        self, certificate: https.Certificate, port: int, keylog: Path, loopback: Sites
    ) -> None:
        site = loopback.get("python")
        paths = ["/small"] * 20
        with sockfilter.capture("lo", ports=[port, site.port], keylog=str(keylog), processes=False) as capture:
            asking = threading.Thread(target=https.ask, args=(certificate, port, *paths), kwargs={"keylog": keylog})
            asking.start()
            client = http.client.HTTPConnection(site.host, site.port)
            for path in paths:
                client.request("GET", path)
                client.getresponse().read()
            client.close()
            asking.join()
            capture.flush()
            ports = [exchange.connection.server.port for exchange in capture.exchanges]
        assert sorted(ports) == sorted([port, site.port] * 20)
        assert not capture.ledger.losses()

    def test_pipe_that_nobody_writes(self, port: int, keylog: Path) -> None:
        os.mkfifo(keylog)
        with sockfilter.capture("lo", ports=port, keylog=str(keylog), processes=False) as capture:
            capture.flush()
            assert not capture.exchanges

    def test_it_needs_packets(self, keylog: Path) -> None:
        with pytest.raises(InvalidArgument, match="keylog"):
            sockfilter.capture(via="syscalls", keylog=str(keylog))

    def test_connection_without_a_secret_stays_in_the_kernel(
        self, certificate: https.Certificate, port: int, keylog: Path
    ) -> None:
        """After its first 128 KiB, however long it goes on."""
        with sockfilter.capture("lo", ports=port, keylog=str(keylog), processes=False) as capture:
            client = https.Client(certificate, port)
            client.get("/big")
            capture.flush()
            sent = capture.ledger.packets["sent"]
            for _ in range(10):
                client.get("/big")
            capture.flush()
            packets = capture.ledger.packets
            client.close()
        assert packets["sent"] == sent
        assert packets["not_http"] > 10
        assert capture.ledger.tls.connections_closed == 1

    def test_through_a_broker(self, certificate: https.Certificate, port: int, keylog: Path, tmp_path: Path) -> None:
        """It lends its rights, and sees no secrets: those are the client's own."""
        with ExitStack() as stack:
            path, _ = stack.enter_context(broker(tmp_path, "--tls", user="0"))
            capture = stack.enter_context(sockfilter.capture("lo", ports=port, keylog=str(keylog), broker=path))
            https.ask(certificate, port, "/small", keylog=keylog)
            capture.one(path="/small", status=200)

    def test_a_broker_must_be_told_to(self, keylog: Path, tmp_path: Path) -> None:
        with broker(tmp_path, user="0") as (path, _), pytest.raises(BrokerError, match="start it with --tls"):
            sockfilter.capture("lo", keylog=str(keylog), broker=path)


class TestRefusal:
    """One line says what is wrong, and the exit status is 2."""

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["-i", "lo", "--keylog", "/"], "it is a directory"),
            (["-i", "lo", "--keylog", "/none/keys.log"], "there is no directory"),
            (["-i", "lo", "--keylog", "/bin/true"], "no line of it has a label"),
            (["-i", "lo", "--keylog", ""], "the name of the file is empty"),
            (["-i", "lo", "--keylog", "-"], "cannot be read from standard input"),
            (["--via", "syscalls", "--keylog", "keys.log"], "--keylog is for packets"),
            (["--keylog", "keys.log", "--", "true"], "--keylog is for packets"),
            (["-i", "lo", "--write-secrets"], "--write-secrets needs a capture file"),
            (["-i", "lo", "--write-secrets", "-w", "x.pcapng"], "--write-secrets needs a source of secrets"),
            (
                ["-i", "lo", "--keylog", "k", "--write-secrets", "-w", "x.pcap"],
                "only pcapng holds secrets: -w x.pcapng",
            ),
            (["-i", "lo", "--keylog", "k", "--write-secrets", "-w", "x.har"], "only pcapng holds secrets: -w x.pcapng"),
        ],
    )
    def test_of_wrong_words(self, words: list[str], said: str) -> None:
        done = run(*words)
        assert (done.status, len(done.said)) == (2, 1), done.said
        assert said in done.said[0]


class TestSummary:
    def test_says_how_many_were_not_opened_and_what_opens_them(self, certificate: https.Certificate, port: int) -> None:
        with Sniffer("-i", "lo", "--ports", str(port)) as sniffer:
            https.ask(certificate, port, "/small")
            https.ask(certificate, port, "/small")
            done = sniffer.end()
        assert any(line.startswith("sockfilter: 2 TLS connections passed: --tls opens them") for line in done.said)

    def test_of_a_key_log_of_others(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        keylog.write_text(f"CLIENT_RANDOM {'00' * 32} {'11' * 48}\n")
        with command(port, keylog) as sniffer:
            https.ask(certificate, port, "/small")
            done = sniffer.end()
        assert not done.output
        assert any("none of 1 secret was used" in line for line in done.said), done.said

    def test_of_handshakes_that_were_cut(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        with command(port, keylog, "-s", "96") as sniffer:
            for _ in range(2):
                https.ask(certificate, port, "/small", keylog=keylog)
            done = sniffer.end()
        said = "\n".join(done.said)
        assert "the handshake of 2 connections was cut (-s) or lost, and nothing was opened" in said
        assert "mid-stream" not in said

    def test_of_a_key_log_without_a_secret(self, certificate: https.Certificate, port: int, keylog: Path) -> None:
        keylog.write_text("# nothing else\n")
        with command(port, keylog) as sniffer:
            https.ask(certificate, port, "/small")
            done = sniffer.end()
        assert any("no secret has come" in line for line in done.said), done.said
        assert not any("none of 0 secrets" in line for line in done.said)


class TestSecretsInTheFile:
    def test_tshark_opens_it(self, certificate: https.Certificate, port: int, keylog: Path, tmp_path: Path) -> None:
        path = tmp_path / "x.pcapng"
        with command(port, keylog, "-w", str(path), "--write-secrets") as sniffer:
            assert sniffer.said().startswith(f"sockfilter: the secrets of TLS connections go into {path}:")
            for number in range(3):
                https.curl(certificate, keylog, f"https://localhost:{port}/small?{number}")
                sniffer.line()
            assert sniffer.end().status == 0
        assert path.stat().st_mode & 0o777 == 0o600
        uris = [row[0] for row in https.decrypted(path, "http.request.uri") if row[0]]
        assert uris == [f"/small?{number}" for number in range(3)]
        done = run("-r", str(path), "--format", "jsonl")
        assert [told(line) for line in done.lines] == [("GET", f"/small?{number}", 200) for number in range(3)]

    def test_tshark_opens_http2(self, certificate: https.Certificate, keylog: Path, tmp_path: Path) -> None:
        path = tmp_path / "x.pcapng"
        words = ("-w", str(path), "--write-secrets")
        with https.nginx(certificate, tmp_path) as port, command(port, keylog, *words) as sniffer:
            https.curl(certificate, keylog, "--http2", f"https://localhost:{port}/one")
            sniffer.line()
            assert sniffer.end().status == 0
        assert ["/one"] in https.decrypted(path, "http2.headers.path")

    def test_a_connection_that_goes_on_in_the_next_file(
        self, certificate: https.Certificate, port: int, keylog: Path, tmp_path: Path
    ) -> None:
        """Each file has the secrets of the connections that are open, and of no others."""
        folder = tmp_path / "files"
        folder.mkdir()
        with command(port, keylog, "-w", str(folder / "x.pcapng"), "-C", "1", "--write-secrets") as sniffer:
            https.ask(certificate, port, "/small", keylog=keylog)
            sniffer.line()
            ended = keylog.read_bytes().splitlines()[-1].split()[1]
            client = https.Client(certificate, port, keylog)
            while len(files := sorted(folder.iterdir())) < 2:
                client.get("/big")
                sniffer.line()
            client.get("/small?last")
            assert told(sniffer.line()) == ("GET", "/small?last", 200)
            client.close()
            sniffer.end()
        first, second = (path.read_bytes() for path in files)
        assert ended in first
        assert ended not in second
        assert b"SERVER_TRAFFIC_SECRET_0" in first
        assert b"SERVER_TRAFFIC_SECRET_0" in second[:4096]
        alone = [told(line) for line in run("-r", str(files[1]), "--format", "jsonl", "-Y", "complete").lines]
        assert alone[-1] == ("GET", "/small?last", 200)

    def test_they_are_not_there_unless_asked_for(
        self, certificate: https.Certificate, port: int, keylog: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.pcapng"
        with command(port, keylog, "-w", str(path)) as sniffer:
            https.curl(certificate, keylog, f"https://localhost:{port}/small")
            sniffer.line()
            sniffer.end()
        secret = keylog.read_text().split()[2]
        content = path.read_bytes()
        assert secret.encode() not in content
        assert bytes.fromhex(secret) not in content
        assert run("-r", str(path), "--keylog", str(keylog), "--format", "jsonl").lines
