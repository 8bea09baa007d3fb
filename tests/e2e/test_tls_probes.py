"""HTTPS is shown live without a key log: probes take the secrets from clients and servers of all kinds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import InvalidArgument
from sockfilter.sources.secrets.probed import ProbedSecrets
from sockfilter.sources.secrets.probes import Scope
from sockfilter.system.namespace import entered
from tests.support import https, rights, tls_programs
from tests.support.command import Sniffer, run
from tests.support.net import namespace
from tests.support.once import made_once
from tests.support.skips import need_tool
from tests.support.tls_programs import CLIENTS, SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sockfilter import Capture

pytestmark = pytest.mark.usefixtures("root")
PATH = "/path"
# a user that no other program of the tests runs as
OTHER = 65534
CLIENTS_IN_A_ROW = 100


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> https.Certificate:
    folder = made_once(tmp_path_factory, "certificate", https.certificate)
    return https.Certificate(folder / "certificate.pem", folder / "key.pem")


@pytest.fixture(scope="module")
def nginx(certificate: https.Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with https.nginx(certificate, tmp_path_factory.mktemp("nginx")) as port:
        yield port


def check(capture: Capture, body: str | None = tls_programs.ANSWER) -> None:
    """One exchange crossed, and was opened by a probe."""
    capture.flush()
    exchange = capture.one(path=PATH)
    assert exchange.response is not None
    assert (exchange.request.method, exchange.response.status, exchange.problems) == ("GET", 200, ())
    if body is not None:
        assert exchange.response.body.text == body
    assert exchange.connection.tls is not None
    assert exchange.connection.tls.opened == "probe"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client(name: str, certificate: https.Certificate, nginx: int, tmp_path: Path) -> None:
    ask = tls_programs.client(name, tmp_path)
    with sockfilter.capture("lo", ports=[nginx], tls=True) as capture:
        ask(nginx, PATH, certificate)
        check(capture)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server(name: str, certificate: https.Certificate, tmp_path: Path) -> None:
    ask = tls_programs.client("curl", tmp_path)
    with (
        tls_programs.server(name, certificate, tmp_path) as port,
        sockfilter.capture("lo", ports=[port], tls=True) as capture,
    ):
        ask(port, PATH, certificate)
        check(capture)


@pytest.mark.parametrize("client", ["curl", "curl TLS 1.2"])
@pytest.mark.parametrize("uid", [os.getuid(), OTHER])
def test_the_secrets_of_one_end_are_enough(
    client: str,
    uid: int,
    certificate: https.Certificate,
    nginx: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client runs as another user than the server, and the secrets of one of them are taken."""
    _everybody, *others = ProbedSecrets.__init__.__defaults__
    monkeypatch.setattr(ProbedSecrets.__init__, "__defaults__", (Scope(uid=uid), *others))
    certificate.certificate.parent.chmod(0o755)
    ask = tls_programs.client(client, tmp_path, prefix=rights.without_rights())
    with sockfilter.capture("lo", ports=[nginx], tls=True) as capture:
        ask(nginx, PATH, certificate)
        check(capture)


def test_many_short_clients(certificate: https.Certificate, nginx: int, tmp_path: Path) -> None:
    ask = tls_programs.client("curl", tmp_path)
    with sockfilter.capture("lo", ports=[nginx], tls=True) as capture:
        for _ in range(CLIENTS_IN_A_ROW):
            ask(nginx, PATH, certificate)
        capture.flush()
        assert len(capture.all(path=PATH, status=200)) == CLIENTS_IN_A_ROW
        assert not capture.ledger.imbalance
        assert capture.ledger.tls.no_secret == capture.ledger.tls.failed == 0


class TestCommand:
    def test_the_connections_of_a_command(self, certificate: https.Certificate, nginx: int) -> None:
        """Another client that asks meanwhile is not shown."""
        words = ["curl", "-sS", "-o", os.devnull, "--cacert", str(certificate.certificate)]
        https.curl(certificate, None, f"https://localhost:{nginx}/other")
        done = run("--tls", "--format", "jsonl", "--", *words, f"https://localhost:{nginx}/one")
        assert done.status == 0
        (line,) = done.json
        assert (line["request"]["target"], line["tls"]["opened"]) == ("/one", "probe")

    def test_a_program_that_nobody_has_used_before(
        self, certificate: https.Certificate, nginx: int, tmp_path: Path
    ) -> None:
        program = tls_programs.go_program(tls_programs.GO_CLIENT, tmp_path, stripped=True)
        done = run("--tls", "--", program, str(nginx), PATH, str(certificate.certificate))
        assert done.status == 0
        assert f"GET {PATH}" in done.output.decode()


def test_the_connections_of_a_process_and_its_children(certificate: https.Certificate, nginx: int) -> None:
    """Another client that asks meanwhile is not shown. The first exchange may have begun before the capture."""
    words = f"curl -sS -o {os.devnull} --cacert {certificate.certificate} https://localhost:{nginx}"
    loops = [
        subprocess.Popen(["sh", "-c", f"while {words}/{name}; do sleep 0.1; done"], start_new_session=True)
        for name in ("other", "one")
    ]
    try:
        done = run("--tls", "--pid", str(loops[1].pid), "-c", "3", "--format", "jsonl")
    finally:
        for loop in loops:
            os.killpg(loop.pid, signal.SIGTERM)
            loop.wait()
    assert done.status == 0
    first, *others = done.json
    whole = done.json if first["request"] else others
    assert len(others) == 2
    assert {(line["request"]["target"], line["tls"]["opened"]) for line in whole} == {("/one", "probe")}


def test_the_connections_of_a_server_in_another_network_namespace(
    certificate: https.Certificate, tmp_path: Path
) -> None:
    """It listened before the capture began."""
    with namespace() as netns, ExitStack() as stack:
        with entered(netns):
            port = stack.enter_context(https.nginx(certificate, tmp_path))
        server = (tmp_path / "pid").read_text().strip()
        with Sniffer("--tls", "--pid", server, "--netns", netns, "--format", "jsonl") as sniffer:
            with entered(netns):
                https.curl(certificate, None, f"https://localhost:{port}/there")
            line = json.loads(sniffer.line())
    assert (line["request"]["target"], line["tls"]["opened"]) == ("/there", "probe")


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--tls", "--via", "syscalls"], "--tls is for packets, and cannot be used with --via syscalls"),
            (["--tls", "--via", "syscalls", "--", "true"], "cannot be used with --via syscalls"),
            (["--tls", "--via", "syscalls", "--pid", "1"], "cannot be used with --via syscalls"),
            (["--tls", "-r", "file.pcap"], "--tls is for live captures"),
            (["--tls", "--pid", "999999999"], "there is no process 999999999"),
            (["--tls", "--comm", "curl"], "--tls is for packets, which have no process names"),
            (["--tls", "--cgroup", "/"], "--tls is for packets"),
            (["--tls"], "no interface"),
        ],
    )
    def test_options_that_do_not_fit(self, words: list[str], said: str) -> None:
        done = run(*words)
        assert done.status == 2
        (line,) = done.said
        assert said in line

    def test_a_right_is_missing(self) -> None:
        done = run("-i", "lo", "--tls", prefix=rights.without_rights("net_raw", "bpf"))
        assert done.status == 1
        (line,) = done.said
        assert "CAP_PERFMON missing" in line
        assert "--keylog" in line

    def test_in_a_program(self) -> None:
        with pytest.raises(InvalidArgument, match="needs via='packets'"):
            sockfilter.capture(via="syscalls", tls=True)
        with pytest.raises(InvalidArgument, match="broker"):
            sockfilter.capture("lo", tls=True, broker="/nowhere")


class TestLibraries:
    def test_a_file(self) -> None:
        done = run("tls", need_tool("openssl"), "--format", "jsonl")
        (found,) = done.json
        assert (done.status, found["opens"]) == (1, False)  # the command uses the shared library

    def test_the_libraries_of_a_process(self) -> None:
        done = run("tls", "--pid", str(os.getpid()), "--format", "jsonl")
        assert any("ssl" in row["path"] and row["opens"] for row in done.json)
        assert all({user["pid"] for user in row["processes"]} == {os.getpid()} for row in done.json)

    @pytest.mark.parametrize(
        ("words", "status", "said"),
        [
            (["/etc/passwd"], 1, "not a program or library"),
            (["/nowhere"], 2, "reading /nowhere: No such file or directory"),
            (["/tmp"], 2, "it is not a file"),
            (["--pid", "999999999"], 2, "there is no process"),
            (["--pid", "1", "/bin/true"], 2, "not both"),
        ],
    )
    def test_wrong_input(self, words: list[str], status: int, said: str) -> None:
        done = run("tls", *words)
        assert done.status == status
        assert said in "".join((*done.lines, *done.said))
        assert "Traceback" not in done.errors.decode()
