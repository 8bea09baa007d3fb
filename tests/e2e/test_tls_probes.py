"""HTTPS is shown live without a key log: probes take the secrets from clients and servers of all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.sources.secrets.probed import ProbedSecrets
from sockfilter.sources.secrets.probes import Whose
from tests.support import https, tls_programs
from tests.support.once import made_once
from tests.support.tls_programs import CLIENTS, SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sockfilter import Capture

pytestmark = pytest.mark.usefixtures("root")
PATH = "/path"


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
    with tls_programs.server(name, certificate, tmp_path) as port:
        with sockfilter.capture("lo", ports=[port], tls=True) as capture:
            if name == "python":
                https.ask(certificate, port, "/small")
                capture.flush()
                assert capture.one(path="/small").response is not None
                return
            ask(port, PATH, certificate)
            check(capture)


@pytest.mark.parametrize("uid", [0, 65534])
def test_the_secrets_of_one_end_are_enough(
    uid: int, certificate: https.Certificate, nginx: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client runs as another user than the server, and the secrets of one of them are taken."""
