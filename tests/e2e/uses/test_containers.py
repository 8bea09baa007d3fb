"""Guests in network namespaces of their own, joined by a bridge on the host, as containers are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

import sockfilter
from sockfilter.testing.wire import Wire
from tests.support.clients import Ask, Reply, curl
from tests.support.servers import Site, python_server
from tests.support.site import SMALL
from tests.support.topologies import bridged

# what one guest asks of the other
ASKS = (Ask("GET", "/small?a=1"), Ask("POST", "/echo", b'{"a": 1}'))


@dataclass(frozen=True)
class Host:
    """The namespaces of the host and the two guests, and the server in one of these."""

    netns: str
    site: Site

    @property
    def asking(self) -> str:
        return str(self.site.client_netns)

    @property
    def answering(self) -> str:
        return str(self.site.server_netns)

    def talk(self) -> list[Reply]:
        return curl(self.site, ASKS)


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    with bridged() as (network, two):
        between = replace(network, server=two, ipv4="10.8.0.12", ipv6="fd08::12")
        with python_server(between) as site:
            yield Host(str(network.server), site)


def assert_both(wire: Wire | sockfilter.Capture, host: Host) -> None:
    asked, sent = wire.expect(host=host.site.authority).in_order(
        {"method": "GET", "path": "/small", "query": {"a": "1"}, "status": 200, "response_body": SMALL},
        {"method": "POST", "path": "/echo", "request_json": {"a": 1}, "status": 201},
    )
    assert wire.all() == [asked, sent]
    assert (str(asked.client.ip), str(asked.server)) == ("10.8.0.11", host.site.authority)
    assert asked.timing.connect is not None
    assert 0 < asked.timing.wait <= asked.timing.total < 10


def test_from_inside_the_guest_that_answers(host: Host):
    with sockfilter.capture("veth0", netns=host.answering) as capture:
        host.talk()
        assert_both(capture, host)


def test_from_inside_the_guest_that_asks_by_its_process(host: Host):
    with sockfilter.capture("veth0", netns=str(host.site.pid)) as capture:
        host.talk()
        assert_both(capture, host)


def test_from_the_bridge_on_the_host(host: Host):
    with sockfilter.capture("br0", netns=host.netns, promiscuous=True) as capture:
        host.talk()
        assert_both(capture, host)


def test_each_place_sees_the_same(host: Host, wire_factory: Callable[..., Wire]):
    wires = [
        wire_factory("veth0", netns=host.asking),
        wire_factory("port1", netns=host.netns),
        wire_factory("port2", netns=host.netns, ports=host.site.port),
        wire_factory("veth0", netns=host.answering, host="10.8.0.11"),
    ]
    host.talk()
    for wire in wires:
        assert_both(wire, host)
    # the nearer the client, the longer it waited
    waits = [wire.one(path="/echo").timing.total for wire in wires]
    assert waits == sorted(waits, reverse=True)


def test_what_stays_in_a_guest_is_not_seen_outside(host: Host, wire_factory: Callable[..., Wire]):
    outside = wire_factory("any", netns=host.netns)
    inside = wire_factory("lo", netns=host.answering)
    curl(replace(host.site, client_netns=host.answering), ASKS)
    inside.expect(port=host.site.port).times(2)
    outside.none()
