"""The interface asked for, all of it, and no other."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import InterfaceDown, InvalidArgument, NamespaceError, NoSuchInterface
from sockfilter.sources.packets import interfaces
from sockfilter.system.namespace import entered
from tests.support.cable import ANY, FAR, NEAR, wait_for_outcomes
from tests.support.frames import Talk
from tests.support.net import ip, join, namespace, veth_pair
from tests.support.skips import need_root
from tests.support.sockets import connected, read_exactly

if TYPE_CHECKING:
    import socket

    from tests.support.cable import Cable

REQUEST = b"GET /x HTTP/1.1\r\n\r\n"
RESPONSE = b"HTTP/1.1 204 No Content\r\n\r\n"


def exchange_over(client: socket.socket, server: socket.socket) -> None:
    client.sendall(REQUEST)
    read_exactly(server, len(REQUEST))
    server.sendall(RESPONSE)
    read_exactly(client, len(RESPONSE))


@pytest.mark.parametrize("name", ["nosuch0", "", "l", "lo0", "lo:1", "0", "1", "a-name-that-is-too-long", "lo\0"])
def test_unknown_interface_is_an_error_and_never_all(name: str) -> None:
    need_root()
    with pytest.raises(NoSuchInterface, match="there is no such interface"):
        sockfilter.capture(name)


def test_unknown_interface_comes_with_the_nearest_names() -> None:
    with namespace() as netns:
        ip("link", "add", "uplink0", "type", "veth", "peer", "name", "guest0", netns=netns)
        with pytest.raises(NoSuchInterface, match="did you mean uplink0"):
            sockfilter.capture("uplink", netns=netns)


def test_interface_that_is_down(cable: Cable) -> None:
    ip("link", "set", FAR, "down", netns=cable.netns)
    with pytest.raises(InterfaceDown, match=f"interface {FAR} is down; bring it up first: ip link set {FAR} up"):
        cable.capture(FAR).__enter__()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", ["client", "server"])
def test_both_directions_of_a_veth(family: int, side: str) -> None:
    """Half of it is what this host sends: a tap that took incoming packets alone would see no exchange."""
    with veth_pair() as (left, right):
        host = {4: "10.9.0.2", 6: "fd09::2"}[family]
        with sockfilter.capture("veth0", netns={"client": left, "server": right}[side]) as capture:
            with connected(right, host, client_netns=left) as pair:
                exchange_over(*pair)
            capture.flush()
            (exchange,) = capture.exchanges
    assert exchange.complete
    assert exchange.connection.interface == "veth0"
    assert exchange.timing.connect is not None


@pytest.mark.parametrize("interface", ["lo", "any"])
def test_loopback_shows_each_packet_once(interface: str) -> None:
    with namespace() as netns, sockfilter.capture(interface, netns=netns) as capture:
        with connected(netns) as pair:
            for _ in range(10):
                exchange_over(*pair)
        capture.flush()
        assert [exchange.conn_seq for exchange in capture.exchanges] == list(range(1, 11))
    assert capture.ledger.segments.retransmitted == 0
    assert capture.ledger.packets["sent"] == capture.ledger.records_read


def test_any_names_the_interface_of_each_exchange() -> None:
    with veth_pair() as (left, right), sockfilter.capture("any", netns=right) as capture:
        with connected(right, "127.0.0.1") as on_loopback, connected(right, "10.9.0.2", client_netns=left) as on_veth:
            ports = {on_loopback[0].getsockname()[1]: "lo", on_veth[0].getsockname()[1]: "veth0"}
            for _ in range(3):
                exchange_over(*on_loopback)
                exchange_over(*on_veth)
        capture.flush()
        found = [(exchange.connection.interface, ports[exchange.client.port]) for exchange in capture.exchanges]
    assert sorted(found) == [("lo", "lo")] * 3 + [("veth0", "veth0")] * 3


def test_several_interfaces_share_one_capture() -> None:
    """Loopback's packets come once each, and those of an interface that was not asked for do not come."""
    with veth_pair() as (left, right):
        join(left, right, "other0", net=8)
        with sockfilter.capture(["lo", "veth0", "lo"], netns=right) as capture:
            assert capture.source.name == "lo, veth0"
            for host, client in (("127.0.0.1", right), ("10.9.0.2", left), ("10.8.0.2", left)):
                with connected(right, host, client_netns=client) as pair:
                    for _ in range(3):
                        exchange_over(*pair)
            capture.flush()
            found = [(exchange.connection.interface, exchange.server.ip) for exchange in capture.exchanges]
    assert found == [("lo", "127.0.0.1")] * 3 + [("veth0", "10.9.0.2")] * 3
    assert capture.ledger.is_balanced
    assert capture.ledger.segments.retransmitted == 0


@pytest.mark.parametrize("opened", [True, False], ids=["from the SYN on", "in mid-stream"])
@pytest.mark.parametrize("interface", ["any", [FAR, "veth3"]])
def test_directions_on_two_interfaces_belong_together(cable: Cable, interface: str | list[str], opened: bool) -> None:
    """Routes are asymmetric, or a tap has a port for each direction."""
    ip("link", "add", "veth2", "type", "veth", "peer", "name", "veth3", netns=cable.netns)
    for end in ("veth2", "veth3"):
        ip("link", "set", end, "up", netns=cable.netns)
    talk = Talk()
    frames = [(end, frame) for end, frame in zip((0, 1, 0), talk.opening(), strict=True)] if opened else []
    for _ in range(3):
        frames += [(0, talk.client()), (1, talk.server())]
    with cable.capture(interface) as capture:
        sightings = 0
        for end, frame in frames:
            cable.send(frame, interface=("veth0", "veth2")[end])
            sightings += 2 if interface == "any" else 1
            wait_for_outcomes(capture, sightings)
        capture.flush()
    # "any" has both ends of each cable
    connections = 2 if interface == "any" else 1
    assert len(capture.exchanges) == 3 * connections
    assert all(exchange.complete for exchange in capture.exchanges)
    assert len({exchange.connection.number for exchange in capture.exchanges}) == connections


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "interface is empty"),
        (["any", "lo"], "means all interfaces: remove lo"),
        ([f"eth{number}" for number in range(65)], "65 interfaces: the maximum is 64"),
        (["lo", 1], "it must be a name or a list of names"),
        (b"lo", "it must be a name or a list of names"),
    ],
)
def test_lists_of_interfaces_that_cannot_be_meant(names: object, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        sockfilter.capture(names)  # type: ignore[arg-type]  # that is the point


def test_one_of_several_interfaces_is_not_there() -> None:
    need_root()
    with pytest.raises(NoSuchInterface, match="'nosuch0'"):
        sockfilter.capture(["lo", "nosuch0"])


@pytest.mark.parametrize("hosts", [["10.9.0.1", "fd09::1"], ["10.9.0.1", "10.9.0.77", "fd09::/16"]], ids=" ".join)
def test_several_hosts(hosts: list[str]) -> None:
    """Those of both families, where the kernel's one network lets everything through."""
    with veth_pair() as (left, right), sockfilter.capture(["lo", "veth0"], netns=right, host=hosts) as capture:
        for host, client in (("127.0.0.1", right), ("::1", right), ("10.9.0.2", left), ("fd09::2", left)):
            with connected(right, host, client_netns=client) as pair:
                for _ in range(3):
                    exchange_over(*pair)
        capture.flush()
        found = [exchange.server.ip for exchange in capture.exchanges]
    assert found == ["10.9.0.2"] * 3 + ["fd09::2"] * 3
    assert capture.ledger.is_balanced, capture.ledger.imbalance
    assert capture.ledger.packets["filtered"] > 0


@pytest.mark.parametrize("is_flushed_late", [False, True], ids=["while it captures", "when it ends"])
def test_any_names_an_interface_that_came_later(cable: Cable, is_flushed_late: bool) -> None:
    """Its number means another interface where the capturing program itself runs."""
    with cable.capture(ANY) as capture:
        ip("link", "add", "late0", "type", "veth", "peer", "name", "late1", netns=cable.netns)
        for end in ("late0", "late1"):
            ip("link", "set", end, "up", netns=cable.netns)
        cable.send(*Talk().whole(), interface="late0")
        wait_for_outcomes(capture, 16)
        if not is_flushed_late:
            capture.flush()
    assert {exchange.connection.interface for exchange in capture.exchanges} == {"late0", "late1"}


def test_no_frame_of_another_interface_gets_in_while_the_capture_opens(cable: Cable) -> None:
    """The other interface is never silent; the one that is captured always is."""
    stop = threading.Event()

    def flood() -> None:
        frames = Talk().whole() * 10
        while not stop.is_set():
            cable.send(*frames)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(10):
            with cable.capture("lo") as capture:
                pass
            assert capture.ledger.packets["seen"] == 0
    finally:
        stop.set()
        thread.join()


def test_two_captures_of_one_interface_both_see_everything(cable: Cable) -> None:
    with cable.capture() as one, cable.capture() as other:
        cable.pass_by(one, *Talk().whole(), *Talk(isn=(90_000, 80_000)).whole())
        wait_for_outcomes(other, 16)
        other.flush()
        assert len(one.exchanges) == len(other.exchanges) == 2
    assert one.ledger.packets == other.ledger.packets


def test_interface_that_goes_down_and_comes_back(cable: Cable) -> None:
    with cable.capture() as capture:
        cable.pass_by(capture, *Talk().whole())
        ip("link", "set", FAR, "down", netns=cable.netns)
        cable.set_up(FAR)
        cable.pass_by(capture, *Talk(isn=(90_000, 80_000)).whole())
        assert len(capture.exchanges) == 2


def test_interface_that_is_removed(cable: Cable) -> None:
    with cable.capture() as capture:
        cable.pass_by(capture, *Talk().whole())
        ip("link", "delete", NEAR, netns=cable.netns)
        capture.flush()
    assert len(capture.exchanges) == 1


def test_interface_that_is_renamed(cable: Cable) -> None:
    with cable.capture() as capture:
        ip("link", "set", FAR, "down", netns=cable.netns)
        ip("link", "set", FAR, "name", "other0", netns=cable.netns)
        cable.set_up("other0")
        cable.pass_by(capture, *Talk().whole())
        assert len(capture.exchanges) == 1


@pytest.mark.parametrize("is_promiscuous", [False, True])
def test_promiscuous_is_asked_of_the_interface_and_taken_back(cable: Cable, is_promiscuous: bool) -> None:
    def promiscuity() -> int:
        shown = subprocess.run(
            ["ip", "-n", cable.netns, "-d", "-j", "link", "show", FAR], capture_output=True, check=True
        ).stdout
        return int(json.loads(shown)[0]["promiscuity"])

    with cable.capture(promiscuous=is_promiscuous):
        assert promiscuity() == is_promiscuous
    assert promiscuity() == 0


def test_namespace_of_a_process_by_its_number() -> None:
    with namespace() as netns:
        with entered(netns):
            process = subprocess.Popen(["sleep", "60"])
        try:
            with sockfilter.capture("lo", netns=str(process.pid)) as capture, connected(netns) as pair:
                exchange_over(*pair)
                capture.flush()
                assert len(capture.exchanges) == 1
        finally:
            process.kill()
            process.wait()


def test_caller_stays_in_its_own_namespace(cable: Cable) -> None:
    before = os.readlink("/proc/thread-self/ns/net")
    with cable.capture():
        assert os.readlink("/proc/thread-self/ns/net") == before
    with pytest.raises(NoSuchInterface):
        cable.capture("nosuch0").__enter__()
    assert os.readlink("/proc/thread-self/ns/net") == before


@pytest.mark.parametrize("name", ["nosuch", "99999999", "../lo", ""])
def test_namespace_that_is_not_there(name: str) -> None:
    need_root()
    with pytest.raises(NamespaceError):
        sockfilter.capture("lo", netns=name)


def test_list_of_interfaces(cable: Cable) -> None:
    ip("address", "add", "10.1.2.3/24", "dev", FAR, netns=cable.netns)
    ip("link", "set", NEAR, "down", netns=cable.netns)
    with entered(cable.netns):
        listed = {entry.name: entry for entry in interfaces.listed()}
    assert listed[FAR].addresses == ("10.1.2.3/24",)
    assert listed[FAR].state == "up"
    assert listed[NEAR].state == "down"
    assert "127.0.0.1/8" in listed["lo"].addresses
