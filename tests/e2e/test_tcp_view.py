"""What the kernel's TCP knows of exchanges: each cause of a slow exchange is made on purpose, and gets its name."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack

import pytest

from sockfilter import ExpectationFailed, capture
from sockfilter.errors import InvalidArgument
from tests.support.net import ip
from tests.support.skips import need_root
from tests.support.tcp_exchanges import (
    answer,
    ask,
    at_once,
    connect,
    dropping,
    observed,
    only,
    question,
    read_answer,
    read_question,
    serving,
    usual,
)
from tests.support.topologies import inside, wired

# seconds of a pause that is made on purpose, and how exactly the time of accept() is known
PAUSE_S, ACCEPT_ERROR_S = 0.15, 0.012
BIG = 400_000


def test_a_server_that_thinks() -> None:
    def serve(connection: socket.socket) -> None:
        read_question(connection)
        time.sleep(PAUSE_S)
        connection.sendall(answer(10))

    with serving(serve) as port:
        exchange = only(observed(port, lambda: ask(port)))
    assert exchange.timing.think is not None
    assert exchange.timing.think >= PAUSE_S
    assert str(exchange.culprit) == "server"


def test_a_server_that_reads_late() -> None:
    def serve(connection: socket.socket) -> None:
        time.sleep(PAUSE_S)
        read_question(connection)
        connection.sendall(answer(10))

    with serving(serve) as port:
        exchange = only(observed(port, lambda: ask(port)))
    assert exchange.timing.queued is not None
    assert exchange.timing.queued >= PAUSE_S * 0.9
    assert str(exchange.culprit) == "queued"


def test_a_server_that_accepts_late() -> None:
    with serving(usual, before_accept_s=PAUSE_S) as port:

        def act() -> None:
            ask(port)  # it wakes the accept() that has begun
            ask(port)

        exchange = observed(port, act)[1]
    assert exchange.timing.accept is not None
    assert exchange.timing.accept >= PAUSE_S - ACCEPT_ERROR_S - 0.01
    assert str(exchange.culprit) == "accept"


def test_a_client_that_sends_slowly() -> None:
    def act(port: int) -> None:
        with connect(port) as connection:
            sent = question(size=1000)
            connection.sendall(sent[:500])
            time.sleep(PAUSE_S)
            connection.sendall(sent[500:])
            read_answer(connection)

    with serving(usual) as port:
        exchange = only(observed(port, lambda: act(port)))
    assert str(exchange.culprit) == "client"


def test_a_client_that_reads_late() -> None:
    def serve(connection: socket.socket) -> None:
        read_question(connection)
        connection.sendall(answer(8_000_000))

    def act(port: int) -> None:
        with connect(port) as connection:
            connection.sendall(question())
            time.sleep(2 * PAUSE_S)
            read_answer(connection)

    with serving(serve) as port:
        exchange = only(observed(port, lambda: act(port)))
    assert str(exchange.culprit) == "receiver"


def test_a_server_that_sends_slowly() -> None:
    def serve(connection: socket.socket) -> None:
        read_question(connection)
        sent = answer(1000)
        connection.sendall(sent[:500])
        time.sleep(PAUSE_S)
        connection.sendall(sent[500:])
        read_question(connection)

    with serving(serve) as port:
        exchange = only(observed(port, lambda: ask(port)))
    assert str(exchange.culprit) == "server"


def test_a_server_that_asks_another_one() -> None:
    def behind(connection: socket.socket) -> None:
        read_question(connection)
        time.sleep(PAUSE_S)
        connection.sendall(answer(10))

    with serving(behind) as upstream:

        def serve(connection: socket.socket) -> None:
            read_question(connection)
            ask(upstream)
            connection.sendall(answer(10))

        with serving(serve) as port, capture("lo", ports=[port, upstream], tcp=True) as wire:
            ask(port)
            wire.flush()
            inner, outer = wire.exchanges
    assert (inner.server.port, outer.server.port) == (upstream, port)
    assert str(inner.culprit) == "server"
    assert str(outer.culprit) == "upstream"
    assert f":{upstream}" in (outer.culprit.evidence if outer.culprit else "")


def test_keep_alive_and_pipelining() -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(3):
            time.sleep(0.02)
            read_question(connection)
            time.sleep(0.02)
            connection.sendall(answer(BIG))

    def act(port: int) -> None:
        with connect(port) as connection:
            for _ in range(3):
                connection.sendall(question())
                read_answer(connection)

    with serving(serve) as port:
        exchanges = observed(port, lambda: act(port))
    assert len(exchanges) == 3
    for exchange in exchanges:
        assert exchange.timing.queued is not None
        assert exchange.timing.think is not None
        assert exchange.timing.think >= 0.02
        assert exchange.tcp is not None
        assert exchange.tcp.drops == ()
        assert exchange.tcp.client is not None
        assert exchange.tcp.server is not None


def test_ipv4_to_a_dual_stack_server() -> None:
    def serve(connection: socket.socket) -> None:
        read_question(connection)
        time.sleep(PAUSE_S)
        connection.sendall(answer(10))

    with serving(serve, address="::", family=socket.AF_INET6) as port:
        exchange = only(observed(port, lambda: ask(port)))
    assert exchange.timing.think is not None
    assert exchange.timing.think >= PAUSE_S
    assert exchange.tcp is not None
    assert exchange.tcp.server is not None


@pytest.mark.parametrize("side", ["client", "server"])
def test_every_drop_is_on_the_right_one_of_eight(side: str) -> None:
    need_root()

    def serve(connection: socket.socket) -> None:
        read_question(connection)
        connection.sendall(answer(BIG))
        read_question(connection)

    with ExitStack() as stack:
        network = stack.enter_context(wired())
        port = stack.enter_context(serving(serve, network))
        assert network.client is not None
        rule = f"tcp sport {port} meta length > 1000 numgen inc mod 20 == 7"
        dropped = stack.enter_context(dropping(network.client, rule))
        netns = getattr(network, side)
        with capture("veth0", netns=netns, ports=[port], tcp=True, body=0) as wire:
            at_once(lambda number: ask(port, network, f"/{number}"), 8)
            wire.flush()
            exchanges = list(wire.exchanges)
            packets, size = dropped()
        ledger = wire.ledger
    assert len(exchanges) == 8
    drops = [drop for exchange in exchanges for drop in (exchange.tcp.drops if exchange.tcp else ())]
    assert packets > 0
    assert len(drops) == packets
    # without the headers of IP, and of TCP with timestamps
    assert sum(drop.bytes for drop in drops) == size - packets * (20 + 32)
    for exchange in exchanges:
        assert exchange.tcp is not None
        assert exchange.tcp.retransmitted_bytes >= sum(drop.bytes for drop in exchange.tcp.drops)
        assert all(drop.sender == "server" and drop.again_after is not None for drop in exchange.tcp.drops)
        assert {drop.reason for drop in exchange.tcp.drops} <= {"NETFILTER_DROP", None}
        assert {drop.interface for drop in exchange.tcp.drops} <= {"veth0"}
    assert ledger.is_balanced
    counts = ledger.as_dict()["tcp"]
    assert counts["drops_on_exchanges"] == packets
    assert counts["records_lost"] == 0


def test_a_lost_request_is_the_network() -> None:
    need_root()
    with ExitStack() as stack:
        network = stack.enter_context(wired())
        port = stack.enter_context(serving(usual, network))
        assert network.server is not None
        # the request is dropped once; TCP sends it again after a second, when a busy machine has dropped it as well
        ip("route", "replace", "10.6.0.0/24", "dev", "veth0", "rto_min", "1s", netns=network.client)
        stack.enter_context(
            dropping(network.server, f"tcp dport {port} meta length > 60 limit rate 1/day burst 1 packets")
        )
        exchange = only(observed(port, lambda: ask(port, network), "veth0", network.client))
    assert exchange.tcp is not None
    (drop,) = exchange.tcp.drops
    assert drop.sender == "client"
    assert drop.again_after is not None
    assert str(exchange.culprit) == "network"


def test_a_lost_syn_is_connecting() -> None:
    need_root()
    with ExitStack() as stack:
        network = stack.enter_context(wired())
        port = stack.enter_context(serving(usual, network))
        assert network.server is not None
        stack.enter_context(
            dropping(network.server, f"tcp dport {port} tcp flags syn limit rate 1/day burst 1 packets")
        )
        exchange = only(observed(port, lambda: ask(port, network), "veth0", network.client))
    assert str(exchange.culprit) == "connect"


def test_equal_addresses_in_two_namespaces() -> None:
    need_root()

    def slow(connection: socket.socket) -> None:
        read_question(connection)
        time.sleep(PAUSE_S)
        connection.sendall(answer(10))

    with wired() as one, wired() as other, serving(slow, one) as port:
        with inside(other.server):
            listener = socket.create_server((other.ipv4, port))
        with listener, capture("veth0", netns=one.server, ports=[port], tcp=True) as wire:

            def serve_other() -> None:
                with listener.accept()[0] as connection:
                    usual(connection)

            quick = threading.Thread(target=serve_other)
            quick.start()
            sockets = []
            for network in (one, other):
                with inside(network.client):
                    made = socket.socket()
                    made.bind(("10.6.0.1", 50_123))
                made.connect((network.ipv4, port))
                made.sendall(question())
                sockets.append(made)
            for made in sockets:
                read_answer(made)
                made.close()
            quick.join()
            wire.flush()
            exchange = only(list(wire.exchanges))
    assert exchange.timing.think is not None
    assert exchange.timing.think >= PAUSE_S
    assert str(exchange.culprit) == "server"


def test_expectations_ask_tcp() -> None:
    need_root()
    with serving(usual) as port, capture("lo", ports=[port], tcp=True) as wire:
        ask(port)
        wire.flush()
        wire.expect(path="/", max_queued=5.0).once()
        wire.expect(path="/").without_retransmissions()
        wire.expect("queued < 5s and drops == 0 and retransmitted == 0").once()
        with pytest.raises(ExpectationFailed):
            wire.expect(max_queued=0.0).once()
        with pytest.raises(InvalidArgument, match="there is no culprit"):
            wire.expect(culprit="gremlins")


def test_without_tcp_it_is_not_known() -> None:
    need_root()
    with serving(usual) as port, capture("lo", ports=[port], tcp=False) as wire:
        ask(port)
        wire.flush()
        (exchange,) = wire.exchanges
        assert exchange.tcp is None
        assert exchange.timing.queued is None
        with pytest.raises(ExpectationFailed, match="tcp=True"):
            wire.expect(path="/").without_retransmissions()
    assert "tcp" not in wire.ledger.as_dict()
