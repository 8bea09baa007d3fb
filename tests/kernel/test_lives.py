"""How open connections are doing: what a connection pool, or a leak of connections, looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.model.life import IDLE_AFTER_NS, Activity
from tests.e2e.syscalls.sides import GET, OK, connection, exchange, listening
from tests.support.skips import need_root

if TYPE_CHECKING:
    from sockfilter import Capture
    from sockfilter.model.life import Life

WAYS = [{"interface": "lo"}, {"via": "syscalls"}]


def only(capture: Capture) -> Life:
    capture.flush()
    (life,) = capture.connections
    return life


@pytest.mark.parametrize("way", WAYS, ids=["packets", "system calls"])
def test_from_the_first_request_to_the_close(way: dict[str, str]) -> None:
    need_root()
    with (
        listening() as listener,
        sockfilter.capture(ports=listener.getsockname()[1], **way) as capture,  # type: ignore[arg-type]
    ):
        with connection(listener) as (client, server):
            capture.flush()
            assert capture.connections == []  # it may still be anything
            client.sendall(GET)
            server.recv(1 << 16)
            first = only(capture)
            assert (first.state, first.exchanges, first.sent) == (Activity.OPEN, 1, (len(GET), 0))
            server.sendall(OK)
            client.recv(1 << 16)
            for _ in range(9):
                exchange(client, server)
            ready = only(capture)
            assert (ready.state, ready.exchanges, ready.sent) == (Activity.READY, 10, (10 * len(GET), 10 * len(OK)))
            assert ready.opened_ns == first.opened_ns < ready.last_ns
            assert str(ready.connection.client.port) == str(client.getsockname()[1])
            later = capture._pipeline.lives(ready.last_ns + IDLE_AFTER_NS)
            assert [life.state for life in later] == [Activity.IDLE]
        capture.flush()
        assert capture.connections == []


def test_loss_in_one_direction_is_enough() -> None:
    need_root()
    with (
        listening() as listener,
        sockfilter.capture(via="syscalls", ports=listener.getsockname()[1], ring=1 << 16, body=None) as capture,
        connection(listener) as (client, server),
    ):
        for _ in range(1000):
            exchange(client, server)
        capture.flush()
        assert capture.ledger.records_lost
        for _ in range(3):
            exchange(client, server)
        life = only(capture)
    assert life.state is Activity.MALFORMED
    assert str(life.state) == "malformed"
