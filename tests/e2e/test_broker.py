"""A broker lends its rights: to those it was told of, where it was told, and nothing more."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import sockfilter
from sockfilter.cli.broker import FIRST_PASSED
from sockfilter.errors import BrokerError, InvalidArgument, MissingCapability, NoSuchInterface
from sockfilter.sources.broker import messages
from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.broker import broker
from tests.support.clients import http_client
from tests.support.command import COMMAND, run
from tests.support.net import namespace
from tests.support.rights import without_rights

pytestmark = pytest.mark.usefixtures("root")

ROOT = "0"

CLIENT = """
import sys, sockfilter, urllib.request
path, port = sys.argv[1], int(sys.argv[2])
try:
    sockfilter.capture("lo")
except sockfilter.SockfilterError as error:
    print(type(error).__name__)
with sockfilter.capture("lo", ports=[port], broker=path) as capture:
    for i in range(20):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/small?{i}").read()
        capture.one(target=f"/small?{i}")
print(capture.ledger.is_balanced, capture.ledger.messages.exchanges)
"""


def test_a_process_without_rights_sees_everything(loopback: Sites, tmp_path: Path):
    site = loopback.get("python")
    with broker(tmp_path) as (path, _):
        command = [*without_rights(), sys.executable, "-c", CLIENT, path, str(site.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.split() == [MissingCapability.__name__, "True", "20"], done.stderr


def test_bodies_orders_and_narrowing_work_through_it(loopback: Sites, tmp_path: Path):
    site = loopback.get("nginx")
    with broker(tmp_path, user=ROOT) as (path, _):
        with sockfilter.capture("lo", ports=site.port, body=None, broker=path) as capture:
            replies = http_client(site, [SMALL])
        assert capture.exchanges[0].response.body == replies[0].body
        with sockfilter.capture("lo", ports=1, broker=path) as capture:
            http_client(site, [SMALL])
        assert capture.exchanges == []
        assert capture.ledger.packets["filtered"] > 0


def test_several_captures_at_once(loopback: Sites, tmp_path: Path):
    site = loopback.get("python")
    with broker(tmp_path, user=ROOT) as (path, _):
        captures = [sockfilter.capture("lo", ports=site.port, broker=path) for _ in range(4)]
        http_client(site, [SMALL])
        for capture in captures:
            capture.close()
        assert [len(capture.exchanges) for capture in captures] == [1] * 4


@pytest.mark.parametrize(
    ("user", "interface", "options", "kind", "words"),
    [
        ("65534", "lo", {}, BrokerError, "user 0 is not permitted to capture; start the broker with --user 0"),
        (ROOT, "any", {}, BrokerError, "interface 'any' is not permitted (lo is); start it with -i any"),
        (ROOT, "nolo", {}, BrokerError, "interface 'nolo' is not permitted"),
        (ROOT, ["lo", "nolo"], {}, BrokerError, "interface 'nolo' is not permitted"),
        (
            ROOT,
            "lo",
            {"promiscuous": True},
            BrokerError,
            "it does not capture frames for other hosts; start it with --promisc",
        ),
        (
            ROOT,
            "lo",
            {"ring": 1 << 28},
            InvalidArgument,
            "a ring of 268435456 bytes is too large for a client",
        ),
    ],
)
def test_what_it_was_not_told_of_is_refused(
    tmp_path: Path, user: str, interface: str, options: dict[str, object], kind: type[Exception], words: str
):
    with (
        broker(tmp_path, user=user) as (path, _),
        pytest.raises(kind, match="the broker says: ") as caught,
    ):
        sockfilter.capture(interface, broker=path, **options)
    assert words in str(caught.value)


def test_another_network_namespace_is_refused(tmp_path: Path):
    with (
        namespace() as name,
        broker(tmp_path, user=ROOT) as (path, _),
        pytest.raises(BrokerError, match="it is not in the client's network namespace"),
    ):
        sockfilter.capture("lo", netns=name, broker=path)


def test_its_end_is_no_silence(loopback: Sites, tmp_path: Path):
    site = loopback.get("python")
    with broker(tmp_path, user=ROOT) as (path, process):
        capture = sockfilter.capture("lo", ports=site.port, broker=path)
        http_client(site, [SMALL])
        capture.flush()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        with pytest.raises(BrokerError, match="the broker has ended"):
            capture.flush()
    capture.close()
    assert len(capture.exchanges) == 1


def test_no_broker_there_says_how_to_start_one(tmp_path: Path):
    with pytest.raises(BrokerError, match="start one: sudo sockfilter broker"):
        sockfilter.capture("lo", broker=str(tmp_path / "none"))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"do": "detach"}',
        b'{"do": "attach"}',
        b'{"do": "attach", "version": "0.0.1", "config": 3}',
        b"x" * (messages.MESSAGE_BYTES_MAX + 100),
    ],
)
def test_rubbish_ends_the_one_who_says_it_and_no_other(loopback: Sites, tmp_path: Path, said: bytes):
    site = loopback.get("python")
    with broker(tmp_path, user=ROOT) as (path, _):
        with sockfilter.capture("lo", ports=site.port, broker=path) as capture:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
                link.settimeout(10)
                link.connect(path)
                link.send(said)
                link.recv(1 << 16)
            http_client(site, [SMALL])
        assert len(capture.exchanges) == 1


def test_what_a_client_held_goes_with_it(tmp_path: Path):
    with broker(tmp_path, user=ROOT) as (path, process):
        descriptors = Path(f"/proc/{process.pid}/fd")
        before = len(list(descriptors.iterdir()))
        for _ in range(3):
            sockfilter.capture("lo", broker=path).close()
        sockfilter.capture("lo", broker=path).close()
        # served one after the other: the one that is asked now has seen the others go
        with pytest.raises(BrokerError):
            sockfilter.capture("nolo", broker=path)
        assert len(list(descriptors.iterdir())) <= before + 2


def test_a_socket_that_was_left_behind_makes_room_and_one_that_is_used_does_not(tmp_path: Path):
    with broker(tmp_path) as (path, process):
        done = run("broker", "--user", "root", "--socket", path)
        assert (done.status, done.said[0]) == (
            1,
            f"sockfilter: listening at {path}: another broker listens there; end it first, or use another --socket",
        )
        process.kill()
        process.wait()
        assert os.path.exists(path)
    with broker(tmp_path, user=ROOT) as (path, _):
        sockfilter.capture("lo", broker=path).close()
    assert not os.path.exists(path)


def test_in_the_background_it_listens_when_the_command_ends(tmp_path: Path):
    path = str(tmp_path / "broker.sock")
    done = run("broker", "--user", "root", "--socket", path, "--background")
    words = done.said[0].split()
    number = int(words[words.index("kill") + 1])
    try:
        sockfilter.capture("lo", broker=path).close()
    finally:
        os.kill(number, signal.SIGTERM)
    assert done.status == 0


def test_a_socket_that_is_passed_on(tmp_path: Path):
    path = str(tmp_path / "passed.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        # as systemd does: the descriptor 3, and whom it is for
        script = f'exec {FIRST_PASSED}<&{listener.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        command = ["bash", "-c", script, "bash", *COMMAND, "broker", "--user", "root"]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            try:
                sockfilter.capture("lo", broker=path).close()
            finally:
                process.terminate()
                process.wait(10)
    assert process.returncode == 0
    assert os.path.exists(path)  # it is whoever made it that takes it away


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "no user: --user NAME permits a user to capture"),
        (("--user", "nosuchuser"), 2, "there is no user 'nosuchuser'"),
        (
            ("--user", "root", "-i", "nolo"),
            1,
            "looking up interface 'nolo': there is no such interface; did you mean lo?",
        ),
        (("--user", "root", "--socket", "/nowhere/x"), 1, "listening at /nowhere/x: No such file or directory"),
    ],
)
def test_what_cannot_be_meant(words: tuple[str, ...], status: int, said: str):
    done = run("broker", *words)
    assert done.status == status
    assert said in done.said[0]


def test_its_help_has_examples():
    done = run("broker", "--help")
    assert done.status == 0
    assert "sudo sockfilter broker --user $USER" in done.output.decode()


def test_the_errors_of_capturing_come_through_with_their_kind(tmp_path: Path):
    with namespace() as name:
        # an interface that has gone since the broker looked
        from tests.support.net import ip

        ip("link", "add", "gone0", "type", "veth", "peer", "name", "gone1", netns=name)
        ip("link", "set", "gone0", "up", netns=name)
        path = str(tmp_path / "there.sock")
        command = ["ip", "netns", "exec", name, *COMMAND, "broker", "--user", "root", "-i", "gone0", "--socket", path]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            process.stderr.readline()
            try:
                ip("link", "delete", "gone0", netns=name)
                with pytest.raises(NoSuchInterface, match="the broker says: looking up interface 'gone0'"):
                    sockfilter.capture("gone0", netns=name, broker=path)
            finally:
                process.terminate()
                process.wait(10)
