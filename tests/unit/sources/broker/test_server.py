"""What one client does ends that client alone, and nothing waits for it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sockfilter.errors import BrokerError
from sockfilter.sources.broker import messages
from sockfilter.sources.broker.listening import Listening
from sockfilter.sources.broker.places import Places
from sockfilter.sources.broker.request import Permission
from sockfilter.sources.broker.server import SILENT_S, UNREAD_S, Broker
from tests.support.attaching import COUNTERS, Attaching, asked

ME = os.geteuid()
SHARE = 4


class Scene:
    """A broker for this user, served by hand, with a clock that the test turns."""

    def __init__(self, folder: Path, users: frozenset[int] = frozenset({ME})) -> None:
        self.path = str(folder / "broker.sock")
        self.now = 0.0
        self.attaching = Attaching()
        self.listening = Listening(self.path)
        permission = Permission(users, frozenset({"lo"}))
        self.broker = Broker(
            self.listening.socket, permission, Places(users, SHARE), self.attaching, now=lambda: self.now
        )
        self._links: list[socket.socket] = []
        # what is always ready: serve() returns at once, whether anything was asked or not
        self._awake = os.eventfd(1)
        self.broker.also_wake_for(self._awake)

    def serve(self) -> None:
        for _ in range(SHARE + 2):
            self.broker.serve()

    def connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._links.append(link)
        link.setblocking(False)
        link.connect(self.path)
        return link

    def attach(self) -> socket.socket:
        link = self.connect()
        messages.send(link, asked())
        self.serve()
        answer, descriptors = messages.receive(link)
        for fd in descriptors:
            os.close(fd)
        assert answer["interfaces"][0]["name"] == "lo"
        assert len(descriptors) == messages.DESCRIPTORS
        return link

    def close(self) -> None:
        self.broker.close()
        self.listening.close()
        os.close(self._awake)
        for link in self._links:
            link.close()


@pytest.fixture
def scene(tmp_path: Path):
    made = Scene(tmp_path)
    yield made
    made.close()


def dismissed(link: socket.socket) -> str:
    """The last words, behind which there is nothing."""
    answer, _ = messages.receive(link)
    assert link.recv(1) == b""
    return str(answer["words"])


def counters(scene: Scene, link: socket.socket) -> list[int]:
    messages.send(link, {"do": "counters"})
    scene.serve()
    return list(messages.receive(link)[0]["counters"])


@pytest.mark.parametrize(
    "said", [b"", b"[" * 60_000, b"{}", b'{"do": "attach"}'], ids=["nothing", "bomb", "{}", "bare"]
)
def test_a_stranger_is_told_so_whatever_it_says(tmp_path: Path, said: bytes):
    scene = Scene(tmp_path, frozenset({ME + 1}))
    try:
        link = scene.connect()
        if said:
            link.send(said)
        scene.serve()
        assert dismissed(link) == f"user {ME} is not permitted to capture; start the broker with --user {ME}"
    finally:
        scene.close()


def test_a_place_counts_from_the_connection_on_and_silence_ends(scene: Scene):
    silent = [scene.connect() for _ in range(SHARE)]
    scene.serve()
    one_more = scene.connect()
    scene.serve()
    assert f"user {ME} has {SHARE} captures or connections" in dismissed(one_more)
    scene.now = SILENT_S
    scene.serve()
    assert all("nothing was asked for 10 s" in dismissed(link) for link in silent)
    scene.attach()


def test_a_capture_may_be_silent_for_ever(scene: Scene):
    link = scene.attach()
    scene.now = 1e6
    scene.serve()
    assert counters(scene, link) == COUNTERS


def test_who_does_not_read_ends_alone(scene: Scene):
    greedy, other = scene.attach(), scene.attach()
    said = 0
    try:
        while said < 10_000:
            messages.send(greedy, {"do": "counters"})
            said += 1
            scene.broker.serve()
    except BlockingIOError:
        pass
    assert 0 < said < 10_000
    assert counters(scene, other) == COUNTERS
    scene.now = UNREAD_S
    scene.serve()
    assert [made.is_closed for made in scene.attaching.made] == [True, False]
    assert counters(scene, other) == COUNTERS


def test_who_reads_late_goes_on(scene: Scene):
    link = scene.attach()
    said = 0
    try:
        while True:
            messages.send(link, {"do": "counters"})
            said += 1
            scene.broker.serve()
    except BlockingIOError:
        pass
    for _ in range(said):
        scene.serve()
        assert messages.receive(link)[0]["counters"] == COUNTERS
    scene.now = UNREAD_S
    scene.serve()
    assert counters(scene, link) == COUNTERS


@pytest.mark.parametrize(
    "error", [RecursionError(), MemoryError(), KeyError("x"), OSError(24, "Too many open files"), BrokerError("no")]
)
def test_what_goes_wrong_here_ends_who_asked_for_it(scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception):
    other = scene.attach()

    def fail(request: object) -> None:
        raise error

    monkeypatch.setattr(scene.broker, "_attach", fail)
    link = scene.connect()
    messages.send(link, asked())
    scene.serve()
    words = dismissed(link)
    assert type(error).__name__ in words or words == "no"
    assert counters(scene, other) == COUNTERS


def test_descriptors_that_a_client_sends_are_not_taken(scene: Scene):
    link = scene.attach()
    before = len(os.listdir("/proc/self/fd"))
    try:
        socket.send_fds(link, [messages.encoded({"do": "counters"})], [0] * 200)
    except OSError:
        pytest.fail("the unit tests' listener takes them")
    scene.serve()
    assert messages.receive(link)[0]["counters"] == COUNTERS
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_ones_who_ask_most_do_not_go_first(scene: Scene):
    eager, patient = scene.attach(), scene.attach()
    for _ in range(3):
        messages.send(eager, {"do": "counters"})
    messages.send(patient, {"do": "counters"})
    scene.broker.serve()
    scene.broker.serve()
    assert messages.receive(eager)[0]["counters"] == COUNTERS
    assert messages.receive(patient)[0]["counters"] == COUNTERS
