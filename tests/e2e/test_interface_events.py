"""The interface goes down, gets another name, goes, and comes again: a line for each, and the capture goes on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sockfilter
from sockfilter.sources.changes import InterfaceEvent
from tests.support.broker import broker
from tests.support.clients import Ask, curl
from tests.support.command import WAIT_S, Done, Sniffer
from tests.support.net import ip, join, namespace, veth_pair
from tests.support.servers import Site, python_server
from tests.support.topologies import Network, inside


@dataclass(frozen=True)
class Scene:
    """Two namespaces that are joined, and a server in the second."""

    left: str
    right: str
    site: Site

    def ask(self, number: int) -> None:
        curl(self.site, [Ask("GET", f"/small?{number}")])

    def sniffer(self, *options: str) -> Sniffer:
        return Sniffer("-i", "veth0", "--netns", self.right, "--ports", str(self.site.port), "--fail-on-loss", *options)


@pytest.fixture(scope="module")
def server() -> Iterator[Scene]:
    with veth_pair() as (left, right), python_server(Network(left, right, "10.9.0.2", "fd09::2")) as site:
        yield Scene(left, right, site)


@pytest.fixture
def scene(server: Scene) -> Scene:
    """Joined as at first, whatever the test before has left."""
    for end in (server.left, server.right):
        for name in set(names(end)) - {"lo"}:
            ip("link", "delete", name, netns=end)
    join(server.left, server.right)
    return server


def links(netns: str, *names: str) -> list[dict[str, Any]]:
    told = subprocess.check_output(["ip", "-n", netns, "-d", "-j", "link", "show", *names])
    found: list[dict[str, Any]] = json.loads(told)
    return found


def names(netns: str) -> list[str]:
    return [link["ifname"] for link in links(netns)]


def assert_shown(done: Done, numbers: list[int], said: int) -> None:
    """These requests, whole, and so many lines on standard error beside the summary."""
    assert [line.split("/small?")[1].split()[0] for line in done.lines] == [str(number) for number in numbers]
    assert not [line for line in done.lines if line.endswith("]")]
    assert (done.status, len(done.said)) == (0, 2 + said), done.said


def test_down_and_up_again(scene: Scene):
    with scene.sniffer() as sniffer, scene.site.connect() as link:
        scene.ask(1)
        ip("link", "set", "veth0", "down", netns=scene.right)
        said = sniffer.said()
        assert said == (
            "sockfilter: interface veth0 is down; the capture continues when it is up again: ip link set veth0 up"
        )
        ip("link", "set", "veth0", "up", netns=scene.right)
        assert sniffer.said() == "sockfilter: interface veth0 is up again; the capture continues"
        # on a connection that was open all the time
        link.sendall(b"GET /small?2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while link.recv(1 << 16):
            pass
        done = sniffer.end()
    assert_shown(done, [1, 2], 2)


def test_down_for_a_moment(scene: Scene):
    with scene.sniffer() as sniffer:
        scene.ask(1)
        for state in ("down", "up"):
            ip("link", "set", "veth0", state, netns=scene.right)
        assert sniffer.said() == "sockfilter: interface veth0 was down for a moment; the capture continues"
        scene.ask(2)
        done = sniffer.end()
    assert_shown(done, [1, 2], 1)


def test_another_name(scene: Scene):
    with scene.sniffer("--format", "jsonl") as sniffer:
        scene.ask(1)
        ip("link", "set", "veth0", "down", netns=scene.right)
        assert "is down" in sniffer.said()
        ip("link", "set", "veth0", "name", "veth1", netns=scene.right)
        assert sniffer.said() == "sockfilter: interface veth0 is now called veth1; the capture continues"
        ip("link", "set", "veth1", "up", netns=scene.right)
        assert sniffer.said() == "sockfilter: interface veth1 is up again; the capture continues"
        scene.ask(2)
        done = sniffer.end()
    assert [(line["interface"], line["problems"]) for line in done.json] == [("veth0", []), ("veth1", [])]


@pytest.mark.parametrize("number", [1, 3])
def test_removed_and_made_again(scene: Scene, number: int):
    """Bound again without a right, before it is up: the first packet is seen."""
    with scene.sniffer() as sniffer:
        scene.ask(0)
        for i in range(1, number + 1):
            ip("link", "delete", "veth0", netns=scene.right)
            assert sniffer.said() == (
                "sockfilter: interface veth0 has been removed;"
                " the capture continues when an interface veth0 exists again"
            )
            join(scene.left, scene.right)
            assert sniffer.said() == "sockfilter: interface veth0 exists again; the capture continues"
            scene.ask(i)
        done = sniffer.end()
    assert_shown(done, list(range(number + 1)), 2 * number)


def test_it_waits_for_the_name_that_was_asked_for(scene: Scene):
    with scene.sniffer() as sniffer:
        for words in (("down",), ("name", "veth1"), ("up",)):
            ip("link", "set", "veth1" if words == ("up",) else "veth0", *words, netns=scene.right)
        while "is now called veth1" not in sniffer.said():
            pass
        ip("link", "delete", "veth1", netns=scene.right)
        while "interface veth1 has been removed; the capture continues when an interface veth0 exists again" not in (
            sniffer.said()
        ):
            pass
        join(scene.left, scene.right)
        assert "veth0 exists again" in sniffer.said()
        scene.ask(1)
        assert "/small?1" in sniffer.line()
        assert sniffer.end().status == 0


def test_one_of_another_kind_is_not_read(scene: Scene):
    with scene.sniffer() as sniffer:
        ip("link", "delete", "veth0", netns=scene.right)
        assert "removed" in sniffer.said()
        ip("tuntap", "add", "dev", "veth0", "mode", "tun", netns=scene.right)
        assert sniffer.said() == (
            "sockfilter: interface veth0 exists again, with another kind of frames; start another capture"
        )
        ip("link", "delete", "veth0", netns=scene.right)
        join(scene.left, scene.right)
        assert sniffer.said() == "sockfilter: interface veth0 exists again; the capture continues"
        assert sniffer.end().status == 0


def test_it_ends_while_it_waits(scene: Scene):
    with scene.sniffer() as sniffer:
        scene.ask(1)
        ip("link", "delete", "veth0", netns=scene.right)
        assert "removed" in sniffer.said()
        done = sniffer.end(signal.SIGTERM)
    assert_shown(done, [1], 1)


def test_quiet_says_it_too(scene: Scene):
    """Nothing comes any more: that is no part of a greeting or a summary."""
    with Sniffer("-q", "-i", "veth0", prefix=["ip", "netns", "exec", scene.right]) as sniffer:
        ip("link", "delete", "veth0", netns=scene.right)
        assert "removed" in sniffer.said()
        assert sniffer.end().said == [
            "sockfilter: interface veth0 has been removed; the capture continues when an interface veth0 exists again"
        ]


def test_the_library_tells_and_does_not_print(scene: Scene, capfd: pytest.CaptureFixture[str]):
    with sockfilter.capture("veth0", netns=scene.right, ports=scene.site.port) as capture:
        scene.ask(1)
        ip("link", "delete", "veth0", netns=scene.right)
        wait_for(capture, 1)
        join(scene.left, scene.right)
        wait_for(capture, 2)
        scene.ask(2)
        assert len(capture.all(path="/small")) == 2
        assert [change.event for change in capture.source.changes] == [InterfaceEvent.REMOVED, InterfaceEvent.RETURNED]
    assert capfd.readouterr() == ("", "")


def test_a_broker_binds_again_for_its_client(scene: Scene, tmp_path: Path):
    with (
        inside(scene.right),
        broker(tmp_path, "-i", "veth0", user="0") as (path, _),
        sockfilter.capture("veth0", ports=scene.site.port, broker=path) as capture,
    ):
        scene.ask(1)
        ip("link", "delete", "veth0", netns=scene.right)
        wait_for(capture, 1)
        join(scene.left, scene.right)
        wait_for(capture, 2)
        scene.ask(2)
        assert len(capture.all(path="/small")) == 2


@pytest.mark.parametrize("is_brokered", [False, True], ids=["own", "broker"])
def test_one_of_several_is_removed_and_made_again(scene: Scene, tmp_path: Path, is_brokered: bool):
    """The others go on meanwhile; each is told of by its own name."""
    with ExitStack() as stack:
        stack.enter_context(inside(scene.right))
        options: dict[str, Any] = {}
        if is_brokered:
            options["broker"], _ = stack.enter_context(broker(tmp_path, "-i", "lo", "-i", "veth0", user="0"))
        capture = stack.enter_context(sockfilter.capture(["lo", "veth0"], ports=scene.site.port, **options))
        scene.ask(1)
        ip("link", "delete", "veth0", netns=scene.right)
        wait_for(capture, 1)
        with namespace() as other:
            join(other, scene.right, "other0", net=8)
        join(scene.left, scene.right)
        wait_for(capture, 2)
        scene.ask(2)
        assert [found.request.target for found in capture.all(path="/small") if found.request] == [
            "/small?1",
            "/small?2",
        ]
        assert [(change.event, change.name) for change in capture.source.changes] == [
            (InterfaceEvent.REMOVED, "veth0"),
            (InterfaceEvent.RETURNED, "veth0"),
        ]


def wait_for(capture: sockfilter.Capture, changes: int) -> None:
    while len(capture.source.changes) < changes:
        capture.wait(WAIT_S)
        capture.pump()


def test_promiscuous_stays_so(scene: Scene):
    with scene.sniffer("--promisc") as sniffer:
        ip("link", "delete", "veth0", netns=scene.right)
        assert "removed" in sniffer.said()
        join(scene.left, scene.right)
        assert "exists again" in sniffer.said()
        assert promiscuity(scene.right) == 1
        assert sniffer.end().status == 0
    assert promiscuity(scene.right) == 0


def promiscuity(netns: str) -> int:
    return int(links(netns, "veth0")[0]["promiscuity"])


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "suspended"])
def test_all_interfaces_are_those_too_that_come_later(stopped: bool):
    """By their names, even where one has come and gone before anyone read its packets."""
    with ExitStack() as stack:
        left, right = (stack.enter_context(namespace()) for _ in range(2))
        sniffer = stack.enter_context(Sniffer("-i", "any", "--netns", left, "--format", "jsonl"))
        if stopped:
            sniffer.send(signal.SIGSTOP)
        for name in ("later1", "later2"):
            join(left, right, name)
            with python_server(Network(left, right, "10.9.0.2", "fd09::2")) as site:
                curl(site, [Ask("GET", f"/{name}")])
            ip("link", "delete", name, netns=left)
        sniffer.send(signal.SIGCONT)
        done = sniffer.end()
    assert [(line["request"]["target"], line["interface"]) for line in done.json] == [
        ("/later1", "later1"),
        ("/later2", "later2"),
    ]
    assert len(done.said) == 2
