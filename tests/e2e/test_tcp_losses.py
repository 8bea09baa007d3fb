"""Segments that programs drop at tcx and at XDP are on the right exchanges; what else is dropped changes none."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from struct import unpack_from
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sockfilter import capture
from tests.support.droppers import dropping_at
from tests.support.net import namespace
from tests.support.skips import need_linux, need_root
from tests.support.tcp_exchanges import answer, ask, at_once, question, read_answer, read_question, serving, usual
from tests.support.topologies import Network, inside, wired

if TYPE_CHECKING:
    from sockfilter.model.tcp import Drop, ExchangeTcp

PARALLEL, BIG, TRIES = 8, 400_000, 5
# of Ethernet, IPv4, and TCP with timestamps
HEADERS_BYTES = 14 + 20 + 32
# include/uapi/linux/tcp.h, struct tcp_info: tcpi_bytes_retrans
INFO_BYTES, RETRANS_AT = 240, 208


def sent_again(connection: socket.socket) -> int:
    """The bytes that the kernel has sent again."""
    size: int
    (size,) = unpack_from("=Q", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES), RETRANS_AT)
    return size


class Crossed(NamedTuple):
    """Answers that have lost segments on their way.

    Attributes:
        views: what TCP knows of each exchange.
        packets, lost: segments that the program has dropped, and their bytes.
        sent_again: bytes that the kernel has sent again, for each connection.
        counts: of the ledger.
    """

    views: list[ExchangeTcp]
    packets: int
    lost: int
    sent_again: list[int]
    counts: dict[str, int]

    @property
    def drops(self) -> list[Drop]:
        return [drop for view in self.views for drop in view.drops]


def crossed(where: str) -> Crossed:
    """Some connections at once, whose answers lose segments at a place."""
    again = []

    def serve(connection: socket.socket) -> None:
        read_question(connection)
        connection.sendall(answer(BIG))
        read_question(connection)  # until the client has closed
        again.append(sent_again(connection))

    with ExitStack() as stack:
        network = stack.enter_context(wired())
        dropped = stack.enter_context(dropping_at(where, network.client, "veth0"))
        with ExitStack() as served:
            port = served.enter_context(serving(serve, network))
            wire = stack.enter_context(capture("veth0", netns=network.client, ports=[port], tcp=True, body=0))
            at_once(lambda number: ask(port, network, f"/{number}"), PARALLEL)
        wire.flush()
        exchanges = list(wire.exchanges)
        packets, size = dropped()
    assert len(exchanges) == len(again) == PARALLEL
    views = [exchange.tcp for exchange in exchanges if exchange.tcp]
    return Crossed(views, packets, size - packets * HEADERS_BYTES, again, wire.ledger.as_dict()["tcp"])


@pytest.mark.parametrize(
    ("where", "reasons", "station"),
    [
        ("tcx ingress", {"TC_INGRESS"}, "tc ingress of veth0"),
        # XDP has no reason of its own: the place tells
        ("generic XDP", {"NOT_SPECIFIED", "XDP"}, "XDP of veth0"),
        ("native XDP", {"NOT_SPECIFIED", "XDP"}, "XDP of veth0"),
    ],
)
def test_what_a_program_drops_is_on_its_exchange_with_what_was_sent_again(
    where: str, reasons: set[str], station: str
) -> None:
    """Under load, TCP sends again what was not lost, and tells of no event where a device has no room. So it has some
    tries to find all sums equal."""
    need_root()
    need_linux("tcx", 6, 6)
    for _ in range(TRIES):
        found = crossed(where)
        assert found.packets > 0
        assert {drop.sender for drop in found.drops} == {"server"}
        here = [drop for drop in found.drops if drop.where == station]
        assert {drop.reason for drop in here} <= reasons
        # a tail loss probe (RFC 8985, 7) may have sent the last bytes again before they are dropped
        tails = [max(drop.seq for drop in view.drops) for view in found.views if view.drops]
        unequal = {
            "drops": (len(here), sum(drop.bytes for drop in here)) != (found.packets, found.lost),
            "other drops": here != found.drops,
            "not sent again": not all(drop.again_after is not None for drop in here if drop.seq not in tails),
            "sent again": sorted(view.retransmitted_bytes for view in found.views) != sorted(found.sent_again),
            "sent again beyond drops": sum(found.sent_again) != found.lost,
            "on another exchange": any(
                view.retransmitted_bytes < sum(drop.bytes for drop in view.drops) for view in found.views
            ),
            "counts": (found.counts["drops_on_exchanges"], found.counts["records_lost"]) != (found.packets, 0),
        }
        if not any(unequal.values()):
            return
    assert not any(unequal.values()), unequal


DATAGRAMS = """
import socket, sys, time
sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end, sent = time.monotonic() + 1, 0
while time.monotonic() < end:
    for _ in range(100):
        sending.sendto(b"x", ("127.0.0.1", 9))
    sent += 100
print(sent)
"""


def test_many_drops_of_others_lose_no_exchange() -> None:
    need_root()
    with namespace() as netns:
        network = Network(netns, netns, "127.0.0.1", "::1")
        with serving(usual, network) as port, capture("lo", netns=netns, ports=[port], tcp=True) as wire:
            command = ["ip", "netns", "exec", netns, sys.executable, "-c", DATAGRAMS]
            asked = 0
            with subprocess.Popen(command, stdout=subprocess.PIPE) as storm:
                while storm.poll() is None:
                    ask(port, network)
                    asked += 1
                    if asked % 100 == 0:  # ended connections make room for others
                        wire.flush()
                sent = int(storm.stdout.read()) if storm.stdout else 0
            wire.flush()
            exchanges = list(wire.exchanges)
        counts = wire.ledger.as_dict()["tcp"]
    assert len(exchanges) == asked > 0
    assert sent > 10_000
    assert counts["packets_dropped"] >= sent
    assert (counts["records_lost"], counts["drops_on_exchanges"], counts["known"]) == (0, 0, asked)
    assert all(exchange.complete and exchange.timing.think is not None for exchange in exchanges)


def test_the_same_ports_out_of_time_wait() -> None:
    need_root()
    pauses = [0.08, 0.0, 0.05, 0.02]
    left = iter(pauses)

    def serve(connection: socket.socket) -> None:
        read_question(connection)
        time.sleep(next(left))
        connection.sendall(answer(10))
        connection.shutdown(socket.SHUT_WR)  # the server keeps the TIME-WAIT, which a new SYN ends (RFC 6191)
        connection.recv(1)

    with namespace() as netns:
        network = Network(netns, netns, "127.0.0.1", "::1")
        with serving(serve, network) as port, capture("lo", netns=netns, ports=[port], tcp=True) as wire:
            for _ in pauses:
                with inside(netns), socket.socket() as one:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind(("127.0.0.1", 7780))
                    one.connect(("127.0.0.1", port))
                    one.sendall(question())
                    read_answer(one)
                    assert one.recv(1) == b""
            wire.flush()
            exchanges = list(wire.exchanges)
    assert len(exchanges) == len(pauses)
    for exchange, pause in zip(exchanges, pauses, strict=True):
        timing = exchange.timing
        assert timing.think is not None
        assert timing.queued is not None
        assert timing.wait is not None
        assert pause <= timing.think <= timing.wait
        assert timing.queued + timing.think == pytest.approx(timing.wait, abs=0.0001)


@pytest.mark.parametrize("at_once", [True, False], ids=["read at once", "read one by one"])
def test_pipelined_requests_have_times_of_their_own(at_once: bool) -> None:
    need_root()
    requests = [question(f"/{number}") for number in range(3)]
    pauses = [0.06, 0.02, 0.04]
    read_ns = []

    def serve(connection: socket.socket) -> None:
        if at_once:
            taken = b""
            while len(taken) < sum(map(len, requests)):
                taken += connection.recv(65536)
            read_ns.extend([time.monotonic_ns()] * 3)
        for request, pause in zip(requests, pauses, strict=True):
            if not at_once:
                connection.recv(len(request), socket.MSG_WAITALL)
                read_ns.append(time.monotonic_ns())
            time.sleep(pause)
            connection.sendall(answer(10))
        connection.recv(1)

    with namespace() as netns:
        network = Network(netns, netns, "127.0.0.1", "::1")
        with serving(serve, network) as port, capture("lo", netns=netns, ports=[port], tcp=True) as wire:
            with inside(netns):
                one = socket.socket()
            with one:
                one.connect(("127.0.0.1", port))
                one.sendall(b"".join(requests))
                got = b""
                while got.count(b"HTTP/1.1 200") < 3 or not got.endswith(b"x" * 10):
                    got += one.recv(65536)
            wire.flush()
            exchanges = list(wire.exchanges)
    assert [exchange.request and exchange.request.target for exchange in exchanges] == ["/0", "/1", "/2"]
    for exchange, pause, at_ns in zip(exchanges, pauses, read_ns, strict=True):
        timing, request = exchange.timing, exchange.request
        assert request is not None
        assert request.end_ns is not None
        if timing.queued is None:
            continue
        # the server's clock reads after the kernel's
        assert 0 <= timing.queued <= (at_ns - request.end_ns) / 1e9
        assert timing.think is not None
        assert timing.think >= pause
        if not at_once:
            assert timing.queued >= sum(pauses[: exchanges.index(exchange)]) * 0.9
    assert exchanges[0].timing.queued is not None


def test_of_ordinary_exchanges_none_has_a_wrong_culprit() -> None:
    need_root()

    def serve(connection: socket.socket) -> None:
        while taken := read_question(connection):
            connection.sendall(answer(100_000 if taken.split(b" ", 2)[1].endswith(b"0") else 100))

    def talk(number: int) -> None:
        for each in range(20):
            ask(port, network, f"/{number}/once/{each}", size=each * 100)
        with inside(netns):
            one = socket.socket()
        with one:
            one.connect((network.ipv4, port))
            for each in range(80):
                one.sendall(question(f"/{number}/kept/{each}"))
                read_answer(one)

    with namespace() as netns:
        network = Network(netns, netns, "127.0.0.1", "::1")
        with serving(serve, network) as port, capture("lo", netns=netns, ports=[port], tcp=True, body=0) as wire:
            at_once(talk, 3)
            wire.flush()
            exchanges = list(wire.exchanges)
    assert len(exchanges) == 300
    named = [exchange for exchange in exchanges if exchange.culprit is not None]
    # a busy machine may hold up a thread: that is true then. Nothing was lost, and nobody asked another server
    assert {str(exchange.culprit) for exchange in named} <= {"connect", "accept", "queued", "server", "receiver"}
    for exchange in named:
        culprit, timing = exchange.culprit, exchange.timing
        assert culprit is not None
        assert timing.total is not None
        whole = timing.total + (timing.connect or 0)
        assert whole >= 0.002
        assert culprit.seconds >= whole / 2
    assert all(exchange.tcp is not None and not exchange.tcp.drops for exchange in exchanges)
