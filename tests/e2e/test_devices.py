"""Every client with every server across veth, a bridge and tun devices, between network namespaces."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import pytest

import sockfilter
from sockfilter.forms.json_dict import to_dict
from tests.e2e.agreement import assert_agree
from tests.e2e.asks import EVERYTHING, SMALL
from tests.support.clients import CLIENTS, curl
from tests.support.command import Sniffer
from tests.support.net import ip, veth_pair
from tests.support.servers import SERVERS, Site, python_server
from tests.support.topologies import Network, bridged

RING = 64 << 20

# each server with each client, each with one of the families
each_pair_once = pytest.mark.parametrize(
    ("server", "client", "family"),
    [(server, client, (4, 6)[(i + j) % 2]) for i, server in enumerate(SERVERS) for j, client in enumerate(CLIENTS)],
)
# each server with two clients, each with one of the families
each_one_twice = pytest.mark.parametrize(
    ("server", "client", "family"),
    [
        (server, list(CLIENTS)[(i + j) % len(CLIENTS)], family)
        for i, server in enumerate(SERVERS)
        for j, family in enumerate((4, 6))
    ],
)


def assert_seen(site: Site, client: str, places: Sequence[tuple[str, str]]) -> None:
    """Captures at several places at once, as pairs of namespace and interface: each sees the same."""
    with ExitStack() as stack:
        captures = [
            stack.enter_context(sockfilter.capture(name, netns=netns, ports=site.port, body=None, ring=RING))
            for netns, name in places
        ]
        replies = CLIENTS[client](site, EVERYTHING)
    for capture in captures:
        assert_agree([to_dict(exchange) for exchange in capture.exchanges], replies)
        assert capture.ledger.is_balanced, capture.ledger.imbalance


@each_pair_once
def test_across_a_veth_pair(veth, client, server, family):
    site = veth.get(server, family)
    with Sniffer(
        *("-i", "veth0", "--netns", site.client_netns, "--ports", str(site.port)),
        *("--format", "jsonl", "--body", "all", "-B", "64M"),
    ) as sniffer:
        replies = CLIENTS[client](site, EVERYTHING)
        done = sniffer.end()
    assert_agree(done.json, replies)
    assert {line["interface"] for line in done.json} == {"veth0"}


@each_one_twice
def test_through_a_bridge(bridge, client, server, family):
    """The server's host has the bridge: it, the port and the client's end show the same."""
    site = bridge.get(server, family)
    host, guest = site.server_netns, site.client_netns
    assert_seen(site, client, [(host, "br0"), (host, "port1"), (guest, "veth0")])


@each_one_twice
def test_on_a_tun_device(tun, client, server, family):
    site = tun.get(server, family)
    assert_seen(site, client, [(site.client_netns, "tun0"), (site.server_netns, "tun0")])


def test_what_a_bridge_only_forwards_takes_promisc():
    with bridged() as (network, other), python_server(Network(network.client, other, "10.8.0.12", "fd08::12")) as site:
        at_bridge = {"netns": network.server, "ports": site.port}
        with sockfilter.capture("br0", **at_bridge, promiscuous=True) as all_of_it:
            curl(site, [SMALL])
        with sockfilter.capture("br0", **at_bridge) as own:
            curl(site, [SMALL])
    assert [exchange.request.target for exchange in all_of_it.exchanges] == ["/small"]
    assert own.exchanges == []


def test_any_shows_each_place_that_it_passes(bridge):
    """A packet through a bridge passes its port and the bridge; each is a place of its own."""
    site = bridge.get("python")
    with Sniffer("-i", "any", "--all-hops", "--netns", site.server_netns, "--ports", str(site.port)) as sniffer:
        curl(site, [SMALL])
        done = sniffer.end()
    assert sorted(line.split()[0] for line in done.lines) == ["br0", "port1"]


def test_any_shows_loopback_once(loopback):
    site = loopback.get("python")
    with Sniffer("-i", "any", "--ports", str(site.port)) as sniffer:
        curl(site, [SMALL])
        done = sniffer.end()
    assert [line.split()[0] for line in done.lines] == ["lo"]


def test_an_interface_that_goes_away_takes_nothing_of_what_was_seen_with_it():
    with (
        veth_pair() as (left, right),
        python_server(Network(left, right, "10.9.0.2", "fd09::2")) as site,
        Sniffer("-i", "veth0", "--netns", left, "--ports", str(site.port)) as sniffer,
    ):
        curl(site, [SMALL])
        ip("link", "delete", "veth0", netns=left)
        done = sniffer.end()
    assert done.status == 0
    assert "GET /small" in done.lines[0]
