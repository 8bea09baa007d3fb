"""Bytes wait for their secrets, also when their connection has ended, and within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sockfilter.model.secret import CLIENT_TRAFFIC, Secret
from sockfilter.road.pipeline import Pipeline
from sockfilter.sources.secrets.keylog import KeyLog
from sockfilter.tls import store as stores
from sockfilter.tls.store import WAITING_NS, SecretStore
from tests.support.tls import Ends
from tests.support.wire import ACK, EVERYTHING, FIN, Orders, Wire, packed

if TYPE_CHECKING:
    from sockfilter.model import Exchange

REQUEST = b"GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Road:
    """A pipeline that may get secrets at any time.

    count: connections, each with one exchange, that it has read.
    ends: they have ended.
    """

    def __init__(self, count: int = 1, *, ends: bool = True) -> None:
        self.orders, self.store = Orders(), SecretStore()
        self.exchanges: list[Exchange] = []
        self.pipeline = Pipeline(
            self.orders, self.orders, EVERYTHING, lambda a, b: True, self.exchanges.append, secrets=self.store
        )
        self.wire, self.keys = Wire(), b""
        for number in range(count):
            self._pass(Ends().connect().send(0, REQUEST).send(1, RESPONSE).close(), number, ends=ends)

    def read(self) -> None:
        for view, offsets in packed(self.wire.records, 8):
            self.pipeline.consume(view, offsets)

    def give(self) -> None:
        """All secrets come."""
        log = KeyLog(self.store.add)
        log.feed(self.keys)
        log.end()

    @property
    def targets(self) -> list[str]:
        return [exchange.request.target for exchange in self.exchanges if exchange.request]

    def _pass(self, ends_: Ends, number: int, *, ends: bool) -> None:
        talker = self.wire.connection(client=f"10.0.0.1:{40000 + number}")
        for end, data in ends_.said:
            talker.send(end, data)
        if ends:
            talker.send(0, b"", FIN | ACK)
            talker.send(1, b"", FIN | ACK)
        self.keys += ends_.keys


def test_secrets_that_come_after_the_end() -> None:
    road = Road()
    road.read()
    assert not road.exchanges
    assert road.store.is_awaited
    road.give()
    assert road.targets == ["/a"]
    assert road.exchanges[0].complete
    assert not road.exchanges[0].problems
    assert not road.store.is_awaited


def test_secrets_are_read_when_they_are_needed() -> None:
    road = Road()
    road.store.refill = road.give
    road.read()
    assert road.targets == ["/a"]


@pytest.mark.parametrize("ends", [True, False], ids=["ended", "open"])
def test_bytes_wait_only_for_a_time(ends: bool) -> None:
    road = Road(ends=ends)
    road.read()
    road.pipeline.tick(road.wire.now_ns)
    assert road.store.is_awaited
    road.pipeline.tick(road.wire.now_ns + WAITING_NS)
    assert not road.store.is_awaited
    road.give()
    assert not road.exchanges
    road.pipeline.close(road.wire.now_ns)
    counts = road.pipeline.ledger([0] * 16, 0).tls
    assert (counts.connections, counts.connections_opened, counts.connections_closed) == (1, 0, 1)
    assert counts.no_secret == counts.seen > 0


def test_a_connection_without_a_secret_is_left_to_the_kernel() -> None:
    road = Road(ends=False)
    road.read()
    assert not road.orders.given
    road.pipeline.tick(road.wire.now_ns + WAITING_NS)
    assert "reject" in {kind for kind, _, _ in road.orders.given}


def test_ended_connections_wait_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    road = Road()
    road.read()
    monkeypatch.setattr(stores, "ENDED_BYTES_MAX", 2 * road.store._ended_bytes + 1000)
    road = Road(4)
    road.read()
    road.give()
    assert 0 < len(road.exchanges) < 4
    assert road.store._ended_bytes == 0


def test_nothing_waits_any_more_when_the_capture_has_ended() -> None:
    road = Road()
    road.read()
    road.pipeline.close(road.wire.now_ns)
    assert not road.store.is_awaited
    assert not road.exchanges


def test_last_secrets_come_with_the_end_of_the_capture() -> None:
    road = Road()
    road.read()
    road.store.refill = road.give
    road.pipeline.close(road.wire.now_ns)
    assert road.targets == ["/a"]


class TestOpening:
    """Whoever writes the secrets gets those that have opened a connection, and knows which lack some."""

    def test_only_what_opens_is_told(self) -> None:
        road = Road()
        told: list[Secret] = []
        road.store.on_opening = told.append
        road.store.add(Secret(CLIENT_TRAFFIC, bytes(32), b"x" * 32))
        road.give()
        assert not told
        road.read()
        lines = road.keys.splitlines(keepends=True)
        assert {secret.line for secret in told} == {
            line for line in lines if b"EXPORTER" not in line and line[:1] != b"#"
        }

    def test_connection_lacks_secrets_from_its_hello_on(self) -> None:
        road = Road()
        road.store.on_opening = lambda secret: None
        road.store.turn = 7
        road.read()
        assert road.store.oldest_turn == 7
        road.give()
        assert road.store.oldest_turn is None

    def test_connection_that_nobody_can_open_lacks_none(self) -> None:
        road = Road()
        road.store.on_opening = lambda secret: None
        road.read()
        road.pipeline.tick(road.wire.now_ns + WAITING_NS)
        assert road.store.oldest_turn is None
