"""What crosses system calls is what crosses the wire."""

from __future__ import annotations

import pytest

from tests.e2e.asks import EVERYTHING
from tests.e2e.conftest import Sites
from tests.e2e.syscalls.same import both_ways
from tests.support.clients import CLIENTS

pytestmark = pytest.mark.usefixtures("root")

SERVERS = ("nginx", "python", "node")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("server", SERVERS)
def test_everything(loopback: Sites, server: str, client: str, family: int) -> None:
    site = loopback.get(server, family)
    with both_ways(site.port) as seen:
        replies = CLIENTS[client](site, EVERYTHING)
    assert len(seen.wire) == len(replies)
    assert seen.calls == seen.wire


@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("server", ["python", "node"])
def test_the_server_alone(loopback: Sites, server: str, client: str) -> None:
    site = loopback.get(server)
    with both_ways(site.port, pid=site.pid) as seen:
        CLIENTS[client](site, EVERYTHING)
    assert seen.calls == seen.wire


def test_a_server_that_sends_files(loopback: Sites) -> None:
    """What the kernel reads for it, it does not see; how much that was, it does."""
    site = loopback.get("nginx")
    with both_ways(site.port, pid=site.pid, body=0) as seen:
        CLIENTS["curl"](site, EVERYTHING)
    assert seen.calls == seen.wire


@pytest.mark.parametrize("server", SERVERS)
def test_the_client_alone(loopback: Sites, server: str) -> None:
    site = loopback.get(server)
    with both_ways(site.port, comm="curl") as seen:
        CLIENTS["curl"](site, EVERYTHING)
    assert seen.calls == seen.wire
